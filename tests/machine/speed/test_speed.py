"""`gru-tf speed`: arithmetic against counted graphs, fits against known slopes, small measurements, store, figure, command.

No test asserts that anything is fast: the machine is shared.
"""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from itertools import combinations, pairwise

import numpy as np
import pytest
import tensorflow as tf
from places import ROOT
from pydantic import ValidationError
from rich.console import Console
from tensorflow.python.framework import config

from gru_tf.commands import screen_speed as speed_screen
from gru_tf.experiment.specs import Choice, ModelSpec
from gru_tf.foundation import palette
from gru_tf.foundation.errors import UserError
from gru_tf.machine.speed import figure, floor_figure, own_process, pytorch_case, running, timing
from gru_tf.machine.speed import store as record
from gru_tf.machine.speed.cases import PATHS, Case, Effort, has
from gru_tf.machine.speed.findings import SpeedFindings, fit
from gru_tf.machine.speed.flops import flops, product_weights
from gru_tf.machine.speed.measurement import Failure, Measurement
from gru_tf.machine.speed.spec import AXES, SpeedSpec
from gru_tf.machine.speed.tensorflow_case import prepare
from gru_tf.recurrent import kernels, layers
from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.kernel_conditions import facts_of
from gru_tf.recurrent.portability import portable
from gru_tf.suite.tracking import Store
from gru_tf.training.network.model import build
from gru_tf.training.network.resolution import resolve

# MLflow 3.17 uses what SQLAlchemy 2.1 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")
RATE = 1e10
FAST = Effort(rounds=2, groups=3, group_seconds=0.001)
needs_kernels = pytest.mark.skipif(bool(kernels.why_not()), reason=kernels.why_not())
CLASSICAL = tuple(Choice(name=name) for name in ("rnn", "lstm", "gru"))
MACHINE = {"device": "a processor", "versions": {"keras": "3"}, "commit": "abc", "threads": 1}


def case(cell="gru", path="keras", what="infer", **sizes):
    """A small case."""
    shape = {"batch": 1, "timesteps": 1} if what == "stream" else {"batch": 3, "timesteps": 4}
    choice = cell if isinstance(cell, Choice) else Choice(name=cell)
    return Case(**{"cell": choice, "path": path, "what": what, "units": 5, "features": 2, **shape, **sizes})


def measurement(of, median=2.0, **fields):
    """A measurement that nobody took."""
    numbers = {"median_ms": median, "low_ms": 0.9 * median, "high_ms": 1.2 * median, "compile_seconds": 1.5}
    memory = {"peak_memory_mb": 900.0, "added_memory_mb": 12.0}
    rest = {"groups": 5, "group_size": 7, "flops": flops(of), "floor_ms": 0.5, "started": 1e9, "seconds": 2.0}
    counts = {"parameters": of.size.parameters, "recurrent_parameters": of.size.recurrent_parameters}
    return Measurement(case=of, kernel_path="while-loop", **{**numbers, **memory, **rest, **counts, **fields})


def invented(spec):
    """All that `spec` asks for, where time is T^1·B^0.5·H^2 of the cell's number of gates."""

    def made(c):
        gates = len(CELLS.find(c.cell.name).gates)
        return measurement(c, 1e-5 * gates * c.timesteps * c.batch**0.5 * c.units**2)

    cases = [*spec.cases(gpu=False), *(c for pair in spec.determinism_cases() for c in pair)]
    return SpeedFindings(spec=spec, rate=RATE, machine=MACHINE, measurements=tuple(map(made, cases)))


# --- arithmetic ---


@pytest.mark.parametrize(("cell", "gates"), [("rnn", 1), ("lstm", 4), ("gru", 3)])
def test_products_of_the_classical_cells_are_gates_times_matrices(cell, gates):
    assert len(CELLS.find(cell).gates) == gates
    assert product_weights(Choice(name=cell), 7, 11) == (gates * 7 * 11, gates * 11 * 11)


def test_flops_counted_by_hand():
    # GRU, 3 sequences of 4 steps, 2 features, 5 units: 3 gates × 5 × (2 + 5) weights, 5 × 10 of the head
    assert flops(case("gru")) == 2 * 3 * (4 * 3 * 5 * 7 + 50)
    assert flops(case("gru", what="train")) == 2 * 3 * (4 * 3 * 5 * (2 * 2 + 3 * 5) + 3 * 50)
    assert flops(case("gru", what="stream")) == 2 * (3 * 5 * 7 + 50)


def counted(graph):
    """Operations in a graph's matrix products: 2·m·k·n each, from their static shapes, for each of a batch of them."""
    total = 0
    for op in (o for o in graph.get_operations() if o.type in ("MatMul", "BatchMatMulV2")):
        turned = op.get_attr("transpose_a" if op.type == "MatMul" else "adj_x")
        a, product = op.inputs[0].shape, op.outputs[0].shape
        total += 2 * product.num_elements() * a[-2 if turned else -1]
    return total


PROJECTED = [Choice(name="lstm", options={"projection": 3, "peepholes": True})]
PROJECTED += [Choice(name="layer_norm_lstm", options={"projection": 7})]


@pytest.mark.parametrize("name", [*CELLS.names(), *PROJECTED], ids=lambda name: getattr(name, "label", name))
@pytest.mark.parametrize("what", ["infer", "train"])
def test_flops_equal_the_products_in_an_unrolled_graph(name, what):
    """The network, step by step without a loop, and its gradients: every product is in the graph once."""
    of = case(name, what=what)
    spec, options = CELLS.find(of.cell.name), of.cell.options
    model = build(resolve(ModelSpec(units=of.units, implementation="custom"), of.signature, spec, options))
    cell, head = model.layers[1].cell, model.layers[-1]
    variables = [w.value for w in model.trainable_variables]

    def forward(x):
        # states that depend on a weight, so that the first step's gradient with regard to its state is wanted as well
        widths = spec.state_sizes(of.units, options)
        states = [tf.zeros([of.batch, width]) + 0.0 * tf.reshape(variables[0], [-1])[0] for width in widths]
        outputs = []
        for t in range(of.timesteps):
            output, states = cell(x[:, t], states)
            outputs.append(output)
        # of all steps, since the state of some cells does not depend on the output of the step before
        return head(tf.add_n(outputs))

    def step(x):
        with tf.GradientTape() as tape:
            y = tf.reduce_sum(forward(x))
        return tape.gradient(y, variables)

    x = tf.TensorSpec([of.batch, of.timesteps, of.features])
    graph = tf.function(step if what == "train" else forward, autograph=False).get_concrete_function(x).graph
    assert counted(graph) == flops(of)


# --- fit ---


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 2.0])
def test_a_known_exponent_is_found_without_error(exponent):
    sizes = [16, 32, 64, 128]
    found = fit(sizes, [3.0 * n**exponent for n in sizes])
    assert found.exponent == pytest.approx(exponent, abs=1e-9)
    assert found.error == pytest.approx(0, abs=1e-6)


def test_the_error_of_an_exponent_covers_it_as_often_as_it_should():
    rng, sizes = np.random.default_rng(0), np.array([16, 32, 64, 128])
    fits = [fit(sizes, sizes**0.9 * np.exp(rng.normal(scale=0.1, size=4))) for _ in range(2000)]
    # Student's t with two degrees of freedom lies within one standard error 57.7 % of the time
    assert np.mean([abs(f.exponent - 0.9) < f.error for f in fits]) == pytest.approx(0.577, abs=0.04)


def test_two_sizes_are_no_fit():
    with pytest.raises(ValueError, match=r"three sizes. Received: \[1, 2\]"):
        fit([1, 2, 2], [1.0, 2.0, 2.1])
    assert str(fit([1, 2, 4], [1.0, 2.0, 4.0])) == "1.00 ± 0.00"


# --- what is measured ---


def test_impossible_cases_are_refused():
    with pytest.raises(ValidationError, match="batch 1 and timesteps 1"):
        case(what="stream", batch=2)
    with pytest.raises(ValidationError, match="fresh: true"):
        case(deterministic=True)


def test_cells_get_equal_units_in_one_part_and_equal_parameters_in_another():
    spec = SpeedSpec(parameters=12_000)
    assert {c.units for c in spec.cases(gpu=False) if c.path == "custom"} == {64}
    equal = spec.equal_parameters()
    assert {c.cell.name for c in equal} == {"rnn", "lstm", "gru"}
    assert len({c.units for c in equal}) == 3
    for c in equal:
        assert c.size.parameters == pytest.approx(12_000, rel=0.02)
    largest = max(SpeedSpec().case(cell, "keras", "train").size.parameters for cell in CLASSICAL)
    assert SpeedSpec().budget == largest


def test_a_budget_that_a_cell_cannot_meet_is_refused_or_left_out_if_nobody_asked_for_it():
    with pytest.raises(UserError, match="expected a larger budget"):
        SpeedSpec(parameters=30).equal_parameters()
    spec = SpeedSpec(units=1, features=1)  # the LSTM's 32 parameters lie between an RNN of one and one of two units
    assert "rnn" not in {c.cell.name for c in spec.equal_parameters()}
    assert "rnn: no network of about" in " ".join(speed_screen.notes(invented(spec)))


def test_each_case_is_measured_once_and_along_each_axis_one_size_changes():
    spec = SpeedSpec()
    cases = spec.cases(gpu=False)
    assert len({c.key for c in cases}) == len(cases)
    for axis in AXES:
        series = spec.growth(axis, CLASSICAL[0])
        assert all(getattr(a, axis) < getattr(b, axis) for a, b in pairwise(series))
        assert len({c.but(**{axis: 1}).key for c in series}) == 1
        assert {c.key for c in series} <= {c.key for c in cases}


def test_cudnn_is_measured_where_a_gpu_is_and_only_where_keras_takes_it():
    taken = [c for c in SpeedSpec().cases(gpu=True) if c.path == "cudnn"]
    assert {(c.cell.name, c.what) for c in taken} == {(n, w) for n in ("lstm", "gru") for w in ("train", "infer")}
    assert not [c for c in SpeedSpec().cases(gpu=False) if c.path == "cudnn"]
    before = Choice(name="gru", options={"reset_after": False})
    assert not [c for c in SpeedSpec(cells=(before,)).cases(gpu=True) if c.path == "cudnn"]


def test_a_cell_that_is_linear_in_its_state_is_measured_as_a_scan_and_step_by_step():
    cell = Choice(name="min_gru")
    assert {c.path for c in SpeedSpec(cells=(cell,)).cases(gpu=False)} == {"scan", "scan xla", "custom", "custom xla"}
    for path, kernel in (("scan", "parallel scan"), ("scan xla", "xla parallel scan"), ("custom", "while-loop")):
        for what in ("train", "infer"):
            assert prepare(case("min_gru", path, what)).kernel_path == kernel


def test_a_cell_without_a_fused_layer_makes_all_cells_share_the_custom_path():
    write = Choice(name="gru", options={"convention": "write"})
    spec = SpeedSpec(cells=(CLASSICAL[0], write))
    assert spec.shared_path == "custom xla"
    assert {c.path for c in spec.cases(gpu=False) if c.cell == write} == {"custom", "custom xla"}
    with_kernels = spec.but(fused=True)
    assert with_kernels.shared_path == "fused"
    assert {c.path for c in with_kernels.cases(gpu=False) if c.cell == write} == {"fused", "custom", "custom xla"}
    with_scan = SpeedSpec(cells=(CLASSICAL[0], Choice(name="min_gru")), fused=True)
    assert with_scan.shared_path == "custom xla"


def choices():
    """Every cell, plain and with each value of each of its options."""
    for name in CELLS.names():
        spec = CELLS.find(name)
        yield Choice(name=name)
        for option in spec.options:
            yield from (Choice(name=name, options={option: value}) for value in spec.examples(option)[1:])


@pytest.mark.parametrize("cell", list(choices()), ids=lambda cell: cell.label)
def test_which_layers_a_cell_has_is_said_as_the_layers_themselves_say_it(cell):
    spec = CELLS.find(cell.name)
    facts = facts_of(spec.layer(spec.step_of_units(cell.options), cell.options), gpu=False)
    assert has(cell, "fused") == facts.takes_kernel
    assert has(cell, "scan") == (facts.kind == "scan")
    assert has(cell, "keras") == bool(spec.ordinary and spec.ordinary(1, **cell.options) is not None)
    assert has(cell, "custom")


@pytest.mark.parametrize(("cell", "today"), [("gru", "keras"), ("min_gru", "scan")])
def test_paths_of_earlier_stores_are_read_under_the_names_of_today(cell, today):
    """They called "stock" what was the fastest layer then."""
    for xla in ("", " xla"):
        now = case(cell, f"{today}{xla}", "train")
        assert Case.model_validate_json(now.key.replace(f'"{now.path}"', f'"stock{xla}"')) == now
    assert SpeedSpec(cells=(Choice(name=cell),)).shared_path == f"{today} xla"  # nor had they kernels


@needs_kernels
@pytest.mark.parametrize("what", ["train", "infer"])
def test_keras_own_layer_and_the_fused_one_are_what_is_timed(what, monkeypatch):
    """By the layers that the networks are built of, and refused where the graph holds another kernel than the path's."""
    built = []
    make = layers._layer
    monkeypatch.setattr(layers, "_layer", lambda *a, **k: built.append(make(*a, **k)) or built[-1])
    for path, home in (("keras", "keras"), ("fused", "gru_tf")):
        prepare(case("gru", path, what))
        assert type(built[-1]).__module__.partition(".")[0] == home
    with portable(), pytest.raises(UserError, match="gru: requested path fused, but the graph contains while-loop"):
        prepare(case("gru", "fused", what))


# --- measuring ---


@pytest.mark.parametrize("what", ["train", "infer", "stream"])
@pytest.mark.parametrize(
    ("path", "loop"),
    [
        pytest.param("fused", "fused cpu", marks=needs_kernels),
        ("keras", "while-loop"),
        ("keras xla", "xla while-loop"),
        ("custom", "while-loop"),
    ],
)
def test_a_measurement_is_whole(what, path, loop):
    asked = case("lstm", path, what)
    (m,) = timing.measure([asked], RATE, FAST)
    assert 0 < m.low_ms <= m.median_ms <= m.high_ms
    assert m.compile_seconds > m.median_ms / 1000, "compiling is not among the timed repeats"
    assert m.kernel_path == (loop.replace("while-loop", "step") if what == "stream" else loop)
    assert (m.parameters, m.recurrent_parameters) == (asked.size.parameters, asked.size.recurrent_parameters)
    assert m.floor_ms == pytest.approx(1000 * flops(asked) / RATE)
    assert m.peak_memory_mb > m.added_memory_mb >= 0
    assert m.device_memory_mb is None or m.device_memory_mb > 0
    assert Measurement.model_validate_json(m.model_dump_json()) == m


@pytest.mark.parametrize("path", [pytest.param("fused", marks=needs_kernels), "keras", "custom xla"])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "min_lstm"])
def test_a_streamed_step_hands_its_state_to_the_next(cell, path):
    if cell == "min_lstm":
        path = {"fused": "scan", "keras": "scan xla"}.get(path, path)
    repeat = prepare(case(cell, path, "stream")).repeat
    once, twice = repeat(1), repeat(2)
    assert np.array_equal(once, repeat(1)), "each group begins with an empty state"
    assert np.abs(once - twice).max() > 1e-3


def test_repeats_are_grouped_until_the_timer_is_fine_enough(monkeypatch):
    tried = []
    monkeypatch.setattr(timing, "_seconds", lambda repeat, times: tried.append(times) or 0.001 * times)
    assert timing._group_size(lambda times: None, 0.01) == 12
    assert timing._group_size(lambda times: None, 0.0005) == 1
    assert max(tried) == 12


def test_a_disturbance_falls_on_all_cases_and_medians_leave_it_out(monkeypatch):
    """Each case has its turn in each round: the second of five rounds is ten times slower."""
    turn, order = {}, []

    class Timed(timing.Trial):
        def __init__(self, case, rate, effort):
            self.case, self.times = case, []
            self.round()

        def round(self):
            turn[self.case.key] = turn.get(self.case.key, 0) + 1
            order.append(self.case.what)
            self.times += [0.010 if turn[self.case.key] == 2 else 0.001] * 3
            return self

        def measurement(self):
            return measurement(self.case, 1000 * float(np.median(self.times)))

    monkeypatch.setattr(timing, "Trial", Timed)
    shares = []
    cases = [case(what="train"), case(what="infer")]
    effort = Effort(rounds=5, groups=3)
    found = timing.measure(cases, RATE, effort, lambda result, share: shares.append(share))
    assert order == ["train", "infer"] * 5
    assert [m.median_ms for m in found] == [1, 1]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="a GPU is visible")
def test_when_the_time_is_over_rounds_are_left_out_and_cases_that_were_not_begun_are_failures(monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr(timing.time, "monotonic", lambda: next(clock))  # a second passes from one look to the next
    cases, effort = [case(units=units) for units in (2, 3, 4)], Effort(4, 2, 0.0001)
    whole = timing.measure(cases, RATE, effort, seconds=1000)
    assert [m.groups for m in whole] == [8, 8, 8]
    cut = timing.measure(cases, RATE, effort, seconds=4)  # three looks before first rounds, one before another round
    assert [m.groups for m in cut] == [4, 2, 2]
    first, *others = timing.measure(cases, RATE, effort, seconds=1)
    assert first.groups == 2
    assert {failure.error for failure in others} == {"not measured: the time was over; --minutes gives more"}


def test_cudnn_without_a_gpu_is_a_failure_that_says_so():
    (failure,) = timing.measure([case(path="cudnn")], RATE, FAST)
    assert isinstance(failure, Failure)
    assert "TensorFlow sees no GPU" in failure.error


def test_the_product_rate_is_plausible():
    assert 1e8 < timing.product_rate(FAST) < 1e16


def test_pytorch_is_not_required(monkeypatch):
    monkeypatch.setattr(pytorch_case, "installed", lambda: False)
    assert not [c for c in SpeedSpec().cases(gpu=False) if c.path == "pytorch"]
    (failure,) = timing.measure([case(path="pytorch")], RATE, FAST)
    assert "PyTorch is not installed (pip install 'gru-tf[pytorch]')" in failure.error


@pytest.mark.torch
@pytest.mark.parametrize("what", ["train", "infer", "stream"])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_pytorch_beside_keras(cell, what):
    pytest.importorskip("torch")
    (m,) = timing.measure([case(cell, "pytorch", what)], RATE, FAST)
    assert m.kernel_path.startswith("pytorch ")
    assert 0 < m.low_ms <= m.median_ms <= m.high_ms
    second_bias = {"rnn": 1, "lstm": 4, "gru": 0}[cell] * 5
    assert m.parameters == m.case.size.parameters + second_bias


@pytest.mark.slow
def test_determinism_is_measured_in_processes_of_their_own():
    spec = SpeedSpec(cells=CLASSICAL[:1], units=3, features=2, batch=2, timesteps=3, quick=True, determinism=True)
    ((without, with_),) = spec.determinism_cases()
    assert without.but(deterministic=True) == with_
    (measured,) = own_process.measure([[with_]], RATE, FAST, 1)  # the one without takes the same way
    assert isinstance(measured, Measurement), measured
    assert measured.case == with_
    assert not config.is_op_determinism_enabled()


# --- figure, store, screen ---


# what the three kinds of dichromats see, as matrices on linear RGB: Machado, Oliveira, Fernandes 2009, severity 1
SIGHT = {
    "all cones": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "no long": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no middle": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no short": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])


def lab(colour, sight):
    """A "#rrggbb" as somebody sees it, in CIELAB under D65: a distance of 2 is just seen, of 10 at a glance."""
    srgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    x, y, z = np.cbrt(TO_XYZ @ np.clip(SIGHT[sight] @ linear, 0, 1) / [0.95047, 1, 1.08883])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def nearest(colours, sight):
    """The smallest distance between two of the colours."""
    return min(np.linalg.norm(lab(a, sight) - lab(b, sight)) for a, b in combinations(colours, 2))


@pytest.mark.parametrize("sight", SIGHT)
def test_every_cell_has_a_colour_that_any_eye_tells_from_the_others(sight):
    colours = [palette.colour(name) for name in CELLS.names()]
    assert nearest(colours, sight) > 12
    assert nearest(["#d62728", "#2ca02c"], "no middle") < 12 < nearest(["#d62728", "#2ca02c"], "all cones"), "a bad pair"
    assert all(np.linalg.norm(lab(c, sight) - lab("#ffffff", sight)) > 30 for c in colours), "too pale for a white page"


def test_every_cell_has_a_marker_of_its_own_and_any_other_the_same_colour_whatever_else_there_is():
    assert len({palette.marker(name) for name in CELLS.names()}) == len(CELLS.names())
    assert set(CELLS.names()) == set(palette.FIXED)
    assert palette.colour("transformer") == palette.OTHERS[1]  # by its name alone, on every machine
    assert len({(palette.colour(f"cell_{n}"), palette.marker(f"cell_{n}")) for n in range(20)}) > 10


def test_the_figure_has_its_text_as_text_and_a_colour_a_cell(tmp_path):
    found = invented(SpeedSpec())
    root = ET.parse(figure.draw(found, tmp_path / "growth.svg")).getroot()  # noqa: S314, drawn here
    texts = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
    for name, rank in (("rnn", "T^1.00"), ("lstm", "B^0.50"), ("gru", "H^2.00")):
        assert any(t.startswith(name) and rank in t for t in texts), texts
    drawn = (tmp_path / "growth.svg").read_text().lower()
    assert all(palette.colour(name).lower() in drawn for name in ("rnn", "lstm", "gru"))
    assert figure.draw(found, tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")


def test_the_figure_of_time_over_floor_has_a_row_a_path_and_each_number(tmp_path):
    found = invented(SpeedSpec(fused=True))
    root = ET.parse(floor_figure.draw(found, tmp_path / "floor.svg")).getroot()  # noqa: S314, drawn here
    texts = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
    measured = {m.case.path for m in found.measurements}
    for path, name in floor_figure.NAMES.items():
        assert texts.count(name) == (len(CLASSICAL) if path in measured else 0)
    assert set(floor_figure.NAMES) == set(PATHS)
    assert {"rnn", "lstm", "gru", "training step", "inference of a batch"} <= set(texts)
    for m in found.select(found.spec.case(cell, "fused", what) for cell in CLASSICAL for what in ("train", "infer")):
        assert f"{m.times_floor:.1f}" in texts or f"{m.times_floor:.0f}" in texts
    assert floor_figure.draw(found, tmp_path / "floor.png").read_bytes().startswith(b"\x89PNG")


def test_the_figure_of_time_over_floor_is_drawn_of_what_there_is(tmp_path):
    found = invented(SpeedSpec(cells=CLASSICAL[:1]))
    only = [m for m in found.measurements if m.case.path == "custom" and m.case.what == "train"]
    for number, measured in enumerate(((), tuple(only))):
        some = found.model_copy(update={"measurements": measured})
        drawn = floor_figure.draw(some, tmp_path / f"{number}.svg").read_text()
        assert drawn.count("custom cell") == number


def test_notes_say_what_the_paths_are_and_why_there_is_no_kernel():
    by_kernel = invented(SpeedSpec(fused=True)).model_copy(update={"machine": MACHINE | {"kernels": "x86-64-v3"}})
    text = " ".join(speed_screen.notes(by_kernel))
    assert "fused: this project's kernel for CPUs, build x86-64-v3" in text
    assert "keras: Keras' own layer." in text
    without = invented(SpeedSpec()).model_copy(update={"machine": MACHINE | {"why_not_fused": "GRU_TF_KERNELS=off"}})
    text = " ".join(speed_screen.notes(without))
    assert "No fused kernels: GRU_TF_KERNELS=off." in text
    assert "fused: this" not in text


def test_the_store_gives_back_what_was_found(tmp_path):
    spec = SpeedSpec(quick=True, determinism=True)
    found = invented(spec)
    failure = Failure(case=case(path="cudnn"), error="UserError: no GPU", started=1e9)
    found = found.model_copy(update={"failures": (failure,)})
    store = Store(f"sqlite:///{tmp_path}/mlflow.db")
    with pytest.raises(UserError, match="no speeds in"):
        record.last(store)
    written = record.SpeedRecord(store, found)
    for result in (*found.measurements, failure):
        written.write(result)
    picture = tmp_path / "growth.svg"
    picture.write_text("<svg/>")
    written.finish(found, [picture])
    again = record.last(store)
    assert again.spec == spec
    assert {m.case.key: m for m in again.measurements} == {m.case.key: m for m in found.measurements}
    assert again.failures == (failure,)
    parent = store.client.get_run(written.parent)
    assert (parent.info.status, parent.data.metrics["exponent_units_gru"]) == ("FAILED", pytest.approx(2))
    assert [f.path for f in store.client.list_artifacts(written.parent)] == ["growth.svg"]
    child = store.client.search_runs([written.experiment_id], "params.what = 'train' and params.cell = 'gru'")[0]
    assert {"step_ms", "step_ms_low", "step_ms_high", "compile_seconds", "peak_memory_mb"} <= set(child.data.metrics)
    assert child.data.params["kernel_path"] == "while-loop"


def printed(found, width=80):
    """What an 80-column terminal shows."""
    console = Console(width=width, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    for table in speed_screen.tables(found):
        console.print(table)
    for line in speed_screen.notes(found):
        console.print(line, markup=False, soft_wrap=True)
    console.file.close()
    return console.export_text()


def test_tables_fit_eighty_columns_and_name_all():
    text = printed(invented(SpeedSpec(units=256, determinism=True)))
    assert "…" not in text
    assert max(len(line) for line in text.splitlines() if "─" in line) <= 80
    for part in ("Training step", "Streaming", "256 units", "time ∝ T^", "1.00 ± 0.00", "ratio", "10 GFLOP/s"):
        assert part in text


@pytest.mark.parametrize(
    ("cells", "settings", "message"),
    [
        ("gruu", {}, "no cell is called 'gruu'. Did you mean 'gru'"),
        ("gru,gru", {}, "cells: expected each cell once. Received: 'gru' 2 times"),
        ("gru", {"units": 0}, "units: received 0, expected at least 1"),
    ],
)
def test_what_cannot_be_measured_is_refused(cells, settings, message):
    with pytest.raises(UserError) as refused:
        running.ask(cells, **settings)
    assert message in str(refused.value)


def command(*arguments, folder):
    """The command in a process of its own."""
    code = "import sys; from gru_tf.commands.main import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    environment.pop("MLFLOW_TRACKING_URI", None)
    call = [sys.executable, "-c", code, "speed", *arguments]
    return subprocess.run(call, env=environment, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_command_measures_stores_and_prints_again(tmp_path):
    tiny = ("--cells", "rnn", "--units", "4", "--batch", "4", "--timesteps", "4", "--features", "2")
    done = command("--quick", *tiny, "--parameters", "100", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Training step at 4 units" in done.stdout
    found = record.last(Store(f"sqlite:///{tmp_path}/mlruns/mlflow.db"))
    assert {m.case.key for m in found.measurements} >= {c.key for c in found.spec.cases(gpu=False) if c.path != "pytorch"}
    assert not found.failures
    assert {m.kernel_path for m in found.measurements} >= {"while-loop", "xla while-loop", "step", "xla step"}
    assert ("fused cpu" in {m.kernel_path for m in found.measurements}) == (not kernels.why_not())
    for drawn in ("growth.svg", "time-over-floor.svg", "time-over-floor.png"):
        assert list((tmp_path / "mlruns" / "artifacts" / "speed").rglob(drawn))
    assert printed(found).splitlines()[2] in done.stdout


def test_a_mistake_is_one_line_and_two(tmp_path):
    done = command("--cells", "gruu", folder=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "Did you mean 'gru'?" in done.stderr


def test_help_leaves_tensorflow_alone():
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom gru_tf.commands.main import app\n"
        "r = CliRunner().invoke(app, ['speed', '--help'])\n"
        "assert r.exit_code == 0 and '--determinism' in r.output, r.output\n"
        "loaded = {'tensorflow', 'keras', 'mlflow', 'matplotlib', 'torch'} & set(sys.modules)\nassert not loaded, loaded"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "TERM": "dumb"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
