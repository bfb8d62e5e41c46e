"""What the terminal shows of speeds: tables within 80 columns, exponents, notes."""

from collections.abc import Iterable, Iterator
from typing import Any, Self

from rich.console import Console
from rich.progress import TaskProgressColumn, TextColumn
from rich.text import Text

from gru_tf.commands import screen
from gru_tf.commands.console import print_line
from gru_tf.commands.fitted import FittedTable
from gru_tf.machine.speed.cases import PATHS, WHATS, What
from gru_tf.machine.speed.findings import SpeedFindings
from gru_tf.machine.speed.measurement import Failure, Measurement
from gru_tf.machine.speed.spec import AXES, SYMBOLS
from gru_tf.suite.progress.terminal import bar

COLUMNS = ("cell", "path", "units", "params", "ms", "quartiles", "× floor", "compile", "+ MB")
TITLES = {"train": "Training step", "infer": "Inference of a batch", "stream": "Streaming, one step at a time"}


def tables(findings: SpeedFindings) -> Iterator[FittedTable]:
    """One table each: training and inference at equal units, at equal parameters, growth, determinism."""
    spec = findings.spec
    for what in WHATS:
        cases = [spec.case(cell, path, what) for cell in spec.cells for path in PATHS]
        yield _table(f"{TITLES[what]} at {spec.units} units, {_shape(findings, what)}", findings.select(cases))
    equal = findings.select(spec.equal_parameters())
    for what in dict.fromkeys(m.case.what for m in equal):
        title = f"{TITLES[what]} at {spec.budget:,} parameters, {_shape(findings, what)}"
        yield _table(title, [m for m in equal if m.case.what == what])
    yield _growth(findings)
    if spec.determinism:
        yield _determinism(findings)


def _shape(findings: SpeedFindings, what: What) -> str:
    spec = findings.spec
    return f"{spec.features} features" if what == "stream" else f"{spec.batch} × {spec.timesteps} × {spec.features}"


def _new(title: str, columns: Iterable[str], left: int = 1) -> FittedTable:
    table = FittedTable(title=Text.assemble("\n", (title, "bold")), **screen.NARROW)
    for index, name in enumerate(columns):
        label = index == 0  # may be long; the numbers are never cut for it
        table.add_column(name, justify="left" if index < left else "right", no_wrap=not label, overflow="fold")
    return table


def _table(title: str, measurements: list[Measurement]) -> FittedTable:
    table = _new(title, COLUMNS, left=2)
    fastest = {cell: min(group, key=lambda m: m.median_ms) for cell, group in _by_cell(measurements).items()}
    for m in measurements:
        best = len(_by_cell(measurements)[m.case.cell.label]) > 1 and fastest[m.case.cell.label] is m
        table.add_row(*map(Text, _row(m)), style="bold" if best else None)
    return table


def _by_cell(measurements: list[Measurement]) -> dict[str, list[Measurement]]:
    labels = dict.fromkeys(m.case.cell.label for m in measurements)
    return {label: [m for m in measurements if m.case.cell.label == label] for label in labels}


def _row(m: Measurement) -> list[str]:
    return [
        m.case.cell.label,
        m.case.path,
        str(m.case.units),
        f"{m.parameters:,}",
        milliseconds(m.median_ms),
        f"{milliseconds(m.low_ms)}–{milliseconds(m.high_ms)}",
        f"{m.times_floor:.1f}" if m.times_floor < 100 else f"{m.times_floor:.0f}",
        f"{m.compile_seconds:.1f} s",
        f"{m.added_memory_mb:.0f}",
    ]


def milliseconds(value: float) -> str:
    """Three digits that count, e.g. "0.123", "4.56", "78.9"."""
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _growth(findings: SpeedFindings) -> FittedTable:
    spec = findings.spec
    title = f"Growth of {'training' if spec.growth_what == 'train' else 'inference'} time, {spec.shared_path}"
    table = _new(title, ("cell", *(f"time ∝ {SYMBOLS[axis]}^" for axis in AXES)))
    for cell in spec.cells:
        powers = [findings.power(axis, cell) for axis in AXES]
        table.add_row(Text(cell.label), *(str(power) if power else "–" for power in powers))
    return table


def _determinism(findings: SpeedFindings) -> FittedTable:
    table = _new("Cost of deterministic kernels, training step", ("cell", "path", "without, ms", "with, ms", "ratio"), 2)
    for pair in findings.spec.determinism_cases():
        measured = findings.select(pair)
        if len(measured) == 2:
            times = [m.median_ms for m in measured]
            case = pair[0]
            table.add_row(Text(case.cell.label), case.path, *map(milliseconds, times), f"{times[1] / times[0]:.2f}")
    return table


def notes(findings: SpeedFindings) -> Iterator[str]:
    """What a reader must know of the tables, and each failure."""
    spec, machine = findings.spec, findings.machine
    yield f"Measured on {machine['device']}, {spec.threads} thread{'s' * (spec.threads > 1)}."
    yield "Batch × steps × features; ms: median over groups of repeats, excluding compile time."
    yield "Bold = fastest path of a cell."
    yield from _paths(findings)
    yield f"Floor: the matrix products alone, at the {findings.rate / 1e9:.0f} GFLOP/s of a large product on this machine."
    yield "+ MB: peak memory above that of the process before, including compilation."
    sizes = ", ".join(f"{SYMBOLS[axis]} {_span(findings, axis)}" for axis in AXES)
    yield f"Exponents: least squares on logarithms over {sizes}; ± one standard error of the fit."
    if spec.determinism:
        yield "Deterministic kernels: with and without alternate, each in a process of its own."
    met = {case.cell.label for case in spec.equal_parameters()}
    for label in (cell.label for cell in spec.cells if cell.label not in met):
        yield f"{label}: no network of about {spec.budget:,} parameters, so it is omitted from that table."
    for failure in findings.failures:
        yield f"{failure.case.label}: {failure.error}"


PATH_NOTES = {
    "fused": "fused: this project's kernel for CPUs, build {build}; experiments train by it.",
    "keras": "keras: Keras' own layer.",
    "scan": "scan: a parallel scan.",
    "custom": "custom: keras.layers.RNN over this project's cell.",
}


def _paths(findings: SpeedFindings) -> Iterator[str]:
    """What the paths in the tables are, and why there are no fused kernels among them."""
    machine, layers = findings.machine, {m.case.path.removesuffix(" xla") for m in findings.measurements}
    notes = [note.format(build=machine.get("kernels")) for layer, note in PATH_NOTES.items() if layer in layers]
    if notes:
        yield " ".join([*notes, "xla: compiled by XLA."])
    if "why_not_fused" in machine:
        yield f"No fused kernels: {machine['why_not_fused']}."


def _span(findings: SpeedFindings, axis: Any) -> str:
    sizes = [getattr(case, axis) for case in findings.spec.growth(axis, findings.spec.cells[0])]
    return f"{min(sizes)}–{max(sizes)}" if sizes else "–"


class CaseProgress:
    """A bar with the ETA on a terminal, one line per case elsewhere."""

    def __init__(self, console: Console):
        self.console, self.bar = console, bar(console, TaskProgressColumn(), TextColumn("·"))
        self.task = self.bar.add_task("measuring", total=1.0)

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(self, *failure: Any) -> None:
        self.bar.stop()

    def __call__(self, result: Measurement | Failure | None, share: float) -> None:
        """`share` of the work is done; `result` is what a case gave in its first round."""
        self.bar.update(self.task, completed=share)
        if result is not None and not self.console.is_terminal:
            print_line(self.console, f"{share:4.0%} {line(result)}")


def line(result: Measurement | Failure) -> str:
    """A result in one line."""
    if isinstance(result, Failure):
        return f"{result.case.label}: failed: {result.error}"
    return f"{result.case.label}: {milliseconds(result.median_ms)} ms"
