"""The cells on Keras' other backends: a process of its own for each, as Keras chooses its backend once."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec

import conformance
import pytest
from places import TESTS

ROOT = TESTS.parent
BLOCKED = """
import sys
sys.modules["tensorflow"] = None  # from here on an import of it fails: a program on JAX need not have it
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""
JAX = ROOT / ".jax"  # where `make test` puts it, for TensorFlow imports a JAX that lies beside it
needs_jax = pytest.mark.skipif(
    not (find_spec("jax") or JAX.is_dir()), reason="JAX is not installed: make test puts it in .jax"
)


def on_jax(*command):
    """A Python process in which Keras runs on JAX."""
    path = os.pathsep.join([str(ROOT), str(JAX), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": path}
    return subprocess.run([sys.executable, *command], env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


@needs_jax
@pytest.mark.slow
def test_every_cell_conforms_on_jax_without_tensorflow():
    done = on_jax("-c", BLOCKED, "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(TESTS / "backends"))
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.strip().splitlines()[-1]
    assert re.fullmatch(r"(\d+) passed in .*", last), last  # nothing skipped
    assert int(last.split()[0]) > 5 * len(conformance.EXTREMES)  # five checks each, and more
