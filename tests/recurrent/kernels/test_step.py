"""One step by the fused kernels from NumPy: the cells' own equations in float64, and what it does with its memory."""

import ctypes
import gc
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from gru_tf.recurrent import kernels
from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.kernels import compilation, declarations
from gru_tf.recurrent.kernels.step import CellStep

TOLERANCES = {"float32": 1e-6, "float64": 1e-12}
MOVED = 1e-3
# kernel → (cell, its options, shape of the bias for H units)
KINDS = {
    "rnn": ("rnn", {}, lambda h: (h,)),
    "lstm": ("lstm", {}, lambda h: (4 * h,)),
    "gru": ("gru", {}, lambda h: (2, 3 * h)),
    "gru, reset before": ("gru", {"reset_after": False}, lambda h: (3 * h,)),
}
needs_kernels = pytest.mark.skipif(bool(kernels.why_not()), reason=kernels.why_not())


def made(kind, rows=1, features=3, units=5, dtype="float64", biases=True):
    """Weights, an input and states, of normal numbers."""
    rng, columns = np.random.default_rng(3), declarations.GATES[kind] * units
    draw = lambda *shape: rng.normal(scale=0.5, size=shape).astype(dtype)  # noqa: E731
    weights = {"kernel": draw(features, columns), "recurrent_kernel": draw(units, columns)}
    weights["bias"] = draw(*KINDS[kind][2](units)) if biases else None
    return weights, draw(rows, features), [draw(rows, units) for _ in range(2 if kind == "lstm" else 1)]


def expected(kind, x, states, weights, **options):
    """The cell's step in NumPy float64."""
    name, of_kind, bias = KINDS[kind]
    numbers = {key: np.zeros(bias(states[0].shape[1])) if value is None else value for key, value in weights.items()}
    to_float64 = lambda array: np.asarray(array, "float64")  # noqa: E731
    arrays = {key: to_float64(value) for key, value in numbers.items()}
    return CELLS.find(name).step(to_float64(x), [to_float64(s) for s in states], arrays, **of_kind, **options)


@needs_kernels
@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize(
    ("rows", "features", "units", "biases"), [(1, 3, 5, True), (1, 1, 1, True), (7, 9, 64, False), (70, 2, 33, True)]
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_step_computes_the_cell_s_equations(kind, rows, features, units, biases, dtype):
    weights, x, states = made(kind, rows, features, units, dtype, biases)
    for options in ({"convention": "keep"}, {"convention": "write"}) if "gru" in kind else ({},):
        after = CellStep(kind, **weights, rows=rows, threads=2, **options)(x, states)
        assert {array.dtype for array in after} == {np.dtype(dtype)}
        for got, want in zip(after, expected(kind, x, states, weights, **options), strict=True):
            np.testing.assert_allclose(got, want, rtol=0, atol=TOLERANCES[dtype])


@needs_kernels
@pytest.mark.parametrize("kind", KINDS)
def test_steps_follow_each_other_and_leave_what_they_were_given(kind):
    weights, x, start = made(kind)
    step, states, wanted = CellStep(kind, **weights), start, start
    before = [array.copy() for array in (x, *start, weights["kernel"])]
    for _ in range(20):
        states, wanted = step(x, states), expected(kind, x, wanted, weights)
    np.testing.assert_allclose(states, wanted, rtol=0, atol=1e-11)
    for array, was in zip((x, *start, weights["kernel"]), before, strict=True):
        np.testing.assert_array_equal(array, was)


@needs_kernels
def test_weights_are_copied():
    weights, x, states = made("gru")
    step = CellStep("gru", **weights)
    before = step(x, states)[0]
    for array in weights.values():
        array[:] = 7
    np.testing.assert_array_equal(step(x, states)[0], before)
    assert np.abs(CellStep("gru", **weights)(x, states)[0] - before).max() > MOVED


@needs_kernels
def test_packed_weights_are_given_back_once(monkeypatch):
    freed = []
    monkeypatch.setattr(
        "gru_tf.recurrent.kernels.step.weakref.finalize", lambda _, free, memory: freed.append((free, memory))
    )
    step = CellStep("lstm", **made("lstm")[0])
    [(free, memory)] = freed
    assert free.__name__ == "gru_tf_free"
    assert memory == step._call.packed
    free(memory)


@needs_kernels
def test_steps_that_are_gone_hold_no_memory():
    weights, _, _ = made("lstm", features=1024, units=512)  # 3 million numbers, 25 MB
    CellStep("lstm", **weights)
    gc.collect()
    before = resident()
    for _ in range(10):
        CellStep("lstm", **weights)
    assert resident() - before < 100e6  # 250 MB, were they kept


def resident():
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@needs_kernels
def test_threads_share_a_step_without_disturbing_each_other():
    weights, x, states = made("gru", units=64)
    step = CellStep("gru", **weights)
    starts = [[states[0] * n] for n in range(4)]

    def run(start):
        for _ in range(300):
            start = step(x, start)
        return start[0]

    wanted = [run(start) for start in starts]
    with ThreadPoolExecutor(4) as pool:
        np.testing.assert_array_equal(list(pool.map(run, starts)), wanted)


@needs_kernels
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cell": "janet"}, "expected a cell of rnn, lstm, gru, gru, reset before. Received: 'janet'"),
        ({"kernel": np.zeros((3, 14))}, r"gru: expected kernel of shape \(3, 15\).* Received: float64 of shape \(3, 14\)"),
        ({"kernel": np.zeros((0, 15))}, r"Received: float64 of shape \(0, 15\)"),
        ({"recurrent_kernel": np.zeros((5, 20))}, r"expected recurrent_kernel of shape \(5, 15\)"),
        ({"recurrent_kernel": np.zeros((5, 15), "float32")}, "all weights the same. Received: float32"),
        ({"kernel": np.zeros((3, 15), "int64")}, "Received: int64"),
        ({"bias": np.zeros(15)}, r"expected bias of shape \(2, 15\).* Received: float64 of shape \(15,\)"),
        ({"recurrent_kernel": np.zeros(())}, "expected"),
    ],
)
def test_weights_that_do_not_fit_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        CellStep(**{"cell": "gru", **made("gru")[0], **change})


@needs_kernels
def test_what_the_library_could_not_read_is_refused():
    weights, x, states = made("lstm", rows=2)
    step = CellStep("lstm", **weights, rows=2)
    read_only = x.copy()
    read_only.flags.writeable = False
    for wrong in (x[:1], x.astype("float32"), np.asfortranarray(x), read_only, x[0]):
        with pytest.raises(ValueError, match=r"CellStep: expected float64 of shape \(2, 3\). Received: float"):
            step(wrong, states)
    for wrong in ([states[0], states[1][:1]], [states[0][:, :4], states[1]]):
        with pytest.raises(ValueError, match=r"expected float64 of shape \(2, 5\)"):
            step(x, wrong)
    with pytest.raises(ValueError, match="expected 2 states. Received: 1"):
        step(x, states[:1])


def test_the_structure_is_that_of_the_header():
    header = (compilation.SOURCE / "kernels.h").read_text()
    body = re.sub(
        r"/\*.*?\*/", "", header[header.index("typedef struct {") : header.index("} GruTfSequence")], flags=re.DOTALL
    )
    types = {"int64_t": ctypes.c_int64, "int32_t": ctypes.c_int32}
    declared = []
    for line in body.removeprefix("typedef struct {").split(";"):
        if line.strip():
            kind, names = re.fullmatch(r"\s*(int64_t|int32_t|(?:const )?\w+ (?=\*))(.*)", line, flags=re.DOTALL).groups()
            declared += [(name.strip(" *"), types.get(kind, ctypes.c_void_p)) for name in names.split(",")]
    assert list(declarations.Sequence._fields_) == declared
    cells = re.search(r"enum \{ (CELL.*?) \}", header)[1].removeprefix("CELL_").split(", CELL_")
    assert [cell.lower().replace("_reset", ", reset").replace("_", " ") for cell in cells] == list(declarations.CELLS)
