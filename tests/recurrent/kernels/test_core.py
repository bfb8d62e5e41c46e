"""The C library against the equations in float64, called from NumPy; no TensorFlow is needed, so sanitizers run over it."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import core_checks
import numpy as np
import pytest
from core_checks import (
    CELLS,
    WITHIN,
    Equations,
    all_choices,
    all_shapes,
    differences,
    long_batches,
    made,
    name_of,
    products_wrong,
    results,
    wrong,
)
from core_library import Core, is_served

from gru_tf.recurrent import kernels

every_cell = pytest.mark.parametrize("layer", CELLS, ids=name_of)
every_type = pytest.mark.parametrize("dtype", list(WITHIN))
BAND = 256  # numbers before and behind an array


def test_the_kernels_are_there_where_they_can_be():
    if not is_served():
        pytest.skip("a fast build is made for Linux on x86-64 with AVX2")
    assert kernels.why_not() == ""
    assert kernels.build() in ("x86-64-v3", "x86-64-v4")


@every_type
@every_cell
@pytest.mark.parametrize("cases", [all_shapes, all_choices, long_batches], ids=lambda f: f.__name__)
def test_results_and_gradients(core, cases, layer, dtype):
    found = [word for case in cases(dtype, (layer,)) for word in wrong(core, case)]
    assert not found, "\n".join(found)


@every_type
@every_cell
def test_shut_and_open_gates(core, layer, dtype):
    # steep functions enlarge every rounding, by as much as they are steep; NumPy's own in the same type vary with where its
    # arrays lie in memory
    for strength in (5, 20, 200):
        for mask in ("none", "gaps"):
            case = made(layer, (5, 9, 7, 13), mask, dtype=dtype, strength=strength)
            with np.errstate(over="ignore"):
                expected = results(Equations, replace(case, arrays=case.arrays.astype("longdouble")))
                ours, numpy = (max(differences(results(by, case), expected).values()) for by in (core, Equations))
            most = max(strength * WITHIN[dtype], 8 * numpy)
            assert ours < most, f"strength {strength}, mask {mask}: NumPy is off by {numpy:.1e}"


@every_type
@pytest.mark.parametrize("threads", [1, 3])
def test_products(library, dtype, threads):
    assert list(products_wrong(Core(library, threads), dtype)) == []


def test_a_product_keeps_what_is_infinite_in_its_row(core):
    left, right = np.ones((5, 4), "float32"), np.ones((4, 3), "float32")
    left[2, 1] = np.inf
    np.testing.assert_array_equal(core.product(left, right), [[4] * 3] * 2 + [[np.inf] * 3] + [[4] * 3] * 2)


@every_type
@every_cell
def test_nothing_is_kept_for_an_answer_alone(core, layer, dtype):
    case = made(layer, (5, 9, 7, 13), "gaps", dtype=dtype)
    kept, _ = core.forward(case.layer, case.arrays, keep=True)
    for ours, theirs in zip([*core.forward(case.layer, case.arrays)[:2]], kept[:2], strict=True):
        np.testing.assert_array_equal(ours, theirs)


@every_type
@every_cell
def test_weights_can_be_packed_beforehand(core, layer, dtype):
    for bias in (True, False):
        case = made(layer, (5, 3, 7, 13), bias=bias, dtype=dtype)
        once = core.forward(layer, case.arrays)
        for again in core.forward(layer, case.arrays, packed=True):
            np.testing.assert_array_equal(again.outputs, once.outputs)


@every_cell
def test_gradients_that_are_not_given_are_zero(core, layer):
    case = made(layer, (3, 4, 2, 5), "gaps")
    zeros = [np.zeros_like(d) for d in case.d_states]
    without = core.gradient(layer, case.arrays, case.d_outputs, [None for _ in zeros])
    for name, array in core.gradient(layer, case.arrays, case.d_outputs, zeros).named().items():
        np.testing.assert_array_equal(without.named()[name], array)


@every_type
@every_cell
def test_no_batch_and_no_step(core, layer, dtype):
    for shape in ((0, 4, 3, 5), (2, 0, 3, 5), (0, 0, 3, 5)):
        case = made(layer, shape, "gaps" if shape[1] else "none", dtype=dtype)
        assert not wrong(core, case)
        derived = core.gradient(*case.arguments())
        assert not derived.kernel.any()
        for state, theirs in zip(derived.states, case.d_states, strict=True):
            if shape[1] == 0:
                np.testing.assert_array_equal(state, theirs)


@every_cell
def test_a_long_sequence_of_large_numbers_stays_finite(core, layer):
    case = made(layer, (2, 2000, 3, 5), strength=30)
    case.arrays.inputs[:] *= 1e6
    found = results(core, case)
    assert all(np.isfinite(array).all() for array in found.values())
    assert np.abs(found["outputs"]).max() <= max(1, np.abs(case.arrays.states[0]).max())


# --- numbers that are not finite ---


@every_type
@every_cell
def test_an_infinite_input_leaves_the_rest_alone(core, layer, dtype):
    assert not wrong(core, core_checks.with_infinity(layer, dtype))


@every_type
@every_cell
@pytest.mark.parametrize("name", ["inputs", "kernel", "recurrent kernel", "bias", "state 0"])
def test_what_is_no_number_comes_out_where_it_must(core, layer, dtype, name):
    case = made(layer, (5, 4, 7, 13), dtype=dtype)
    array = case.arrays.named()[name]
    array[(0,) * array.ndim] = np.nan
    ours, theirs = results(core, case), results(Equations, case.in_float64())
    assert np.isnan(theirs["outputs"]).any()
    for what, expected in theirs.items():
        np.testing.assert_array_equal(np.isnan(ours[what]), np.isnan(expected), err_msg=what)


@every_cell
def test_an_upstream_gradient_that_is_no_number_comes_out(core, layer):
    case = made(layer, (5, 4, 7, 13))
    case.d_outputs[2, 1, 3] = np.nan
    ours, theirs = results(core, case), results(Equations, case.in_float64())
    for what, expected in theirs.items():
        np.testing.assert_array_equal(np.isnan(ours[what]), np.isnan(expected), err_msg=what)


@every_type
@every_cell
def test_whatever_stands_in_a_masked_step_counts_for_nothing(core, layer, dtype):
    case = made(layer, (5, 6, 7, 13), "gaps", dtype=dtype)
    expected = results(core, case)
    case.arrays.inputs[~case.arrays.mask] = np.nan
    assert np.isnan(case.arrays.inputs).any()
    for name, array in results(core, case).items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)


# --- memory ---


class Banded:
    """Allocates arrays between bands of numbers, which nobody may change, and which turn what reads them into NaN."""

    def __init__(self):
        self.bands = []

    def __call__(self, shape, dtype):
        size = int(np.prod(shape))
        whole = np.full(size + 2 * BAND, 7 if np.dtype(dtype).kind != "f" else np.nan, dtype)
        self.bands.append((whole, size))
        return whole[BAND : BAND + size].reshape(shape)

    def untouched(self):
        return all(
            (np.isnan(band) if whole.dtype.kind == "f" else band == 7).all()
            for whole, size in self.bands
            for band in (whole[:BAND], whole[BAND + size :])
        )


@every_type
@every_cell
def test_nothing_is_written_or_read_outside_the_arrays(library, layer, dtype):
    bands = Banded()
    core = Core(library, threads=2, allocate=bands)
    for shape in ((5, 3, 7, 13), (1, 1, 1, 1), (33, 2, 2, 62), (3, 2, 33, 8)):
        assert not wrong(core, made(layer, shape, "gaps", dtype=dtype))
    assert bands.untouched()


@every_cell
def test_the_arguments_are_left_as_they_are(core, layer):
    case = made(layer, (5, 3, 7, 13), "gaps")
    _, call = core.forward(layer, case.arrays, keep=True)
    before = {name: array.copy() for name, array in call.arrays.items()}
    call.gradient(case.d_outputs, case.d_states)
    for name, array in before.items():
        np.testing.assert_array_equal(call.arrays[name], array, err_msg=name)


def test_the_library_needs_no_tensorflow(library):
    folders = [str(Path(core_checks.__file__).parent), str(Path(kernels.__path__[0]).parents[2])]
    code = f"""if True:
        import sys
        sys.path[:0] = {folders!r}
        from core_checks import CELLS, Core, made, wrong
        from gru_tf.recurrent.kernels import library
        print(wrong(Core(library.core()), made(CELLS[0], (2, 3, 4, 5))))
        print([name for name in sys.modules if "tensorflow" in name])
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout == "[]\n[]\n"
