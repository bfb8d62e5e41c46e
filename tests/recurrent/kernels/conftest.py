"""The kernels' library, which must be there on every machine that it is built for."""

import pytest
from core_library import Core, is_served

from gru_tf.recurrent import kernels


@pytest.fixture(scope="session")
def library():
    """The library as `ctypes` has it; the test is skipped where the platform has none, and fails where it should have."""
    why = kernels.why_not()
    if why and is_served():
        pytest.fail(f"this machine has AVX2, so the kernels must be usable. Received: {why}")
    if why:
        pytest.skip(why)
    from gru_tf.recurrent.kernels import library

    return library.core()


@pytest.fixture(scope="session")
def core(library):
    """The library's functions on NumPy arrays, by one thread."""
    return Core(library)
