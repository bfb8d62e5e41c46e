"""tanh and sigmoid of the C library against long double, by sweeps over all sizes of numbers."""

import numpy as np
import pytest
from core_checks import SMALLEST, ULP, sweep, worst_ulp

every_type = pytest.mark.parametrize("dtype", ["float32", "float64"])
every_function = pytest.mark.parametrize("name", ["tanh", "sigmoid"])


@every_type
@every_function
def test_errors_are_a_few_units_of_the_last_place(core, name, dtype, record_property):
    error, x = worst_ulp(core, name, sweep(dtype))
    record_property("largest error in units of the last place", error)
    print(f"{name}, {dtype}: {error:.2f} units of the last place at {x!r}")  # noqa: T201, seen with -rP
    assert error <= ULP


@pytest.mark.slow
@every_function
def test_every_float32_near_zero_and_one(core, name):
    # all numbers of a binade each: what a sweep in steps might miss
    for exponent in (-2, 1):
        bits = np.arange(2**23, dtype="uint32") | np.uint32((exponent + 127) << 23)
        for sign in (1, -1):
            error, x = worst_ulp(core, name, sign * bits.view("float32"))
            assert error <= ULP, f"at {x!r}"


@every_type
def test_ends(core, dtype):
    info = np.finfo(dtype)
    large = np.array([1e3, info.max, np.inf], dtype)
    np.testing.assert_array_equal(core.elementwise("tanh", large), 1)
    np.testing.assert_array_equal(core.elementwise("tanh", -large), -1)
    np.testing.assert_array_equal(core.elementwise("sigmoid", large), 1)
    small = core.elementwise("sigmoid", -large)
    assert (small >= 0).all()
    assert (small <= np.exp(SMALLEST[dtype]) * 1.001).all()
    zeros = np.array([0.0, -0.0], dtype)
    np.testing.assert_array_equal(core.elementwise("tanh", zeros), 0)
    np.testing.assert_array_equal(core.elementwise("sigmoid", zeros), 0.5)
    for name in ("tanh", "sigmoid"):
        assert np.isnan(core.elementwise(name, np.array([np.nan, 1, -np.nan], dtype))).tolist() == [True, False, True]


@every_type
@every_function
def test_values_rise_and_stay_in_range(core, name, dtype):
    x = np.sort(sweep(dtype))
    y = core.elementwise(name, x)
    assert y.max() <= 1
    assert y.min() >= (-1 if name == "tanh" else 0)
    falls = y[:-1] - y[1:]  # a rounding may turn two neighbours round, and no more
    assert (falls <= ULP * np.spacing(np.abs(y[1:]))).all()


@every_type
@every_function
def test_any_number_of_values(core, name, dtype):
    x = np.linspace(-3, 3, 70).astype(dtype)
    whole = core.elementwise(name, x)
    for count in range(len(x)):
        np.testing.assert_array_equal(core.elementwise(name, x[:count].copy()), whole[:count])
