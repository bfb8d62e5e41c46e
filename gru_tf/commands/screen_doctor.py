"""What the terminal shows of the doctor's findings, within 80 columns."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from gru_tf.commands import fitted, screen
from gru_tf.commands.fitted import FittedTable
from gru_tf.recurrent import kernels

if TYPE_CHECKING:  # these import TensorFlow, whose messages only `startup` keeps off the terminal
    from gru_tf.machine.doctor import Examination
    from gru_tf.machine.doctor.combinations import Combination
    from gru_tf.machine.doctor.paths import PathRow
    from gru_tf.machine.speed.measurement import Measurement

STYLES = {"cudnn": "green", "fused cpu": "green", "fails": "red", "refused": "red"}
PADDED = {**screen.NARROW, "padding": (0, 1, 0, 0)}


def blocks(examination: "Examination") -> Iterator[RenderableType]:
    """All of an examination, block by block."""
    yield facts(examination.facts)
    for one in examination.paths:
        yield paths(one.title, one.rows, one.kind)
    if examination.combinations:
        yield combinations(examination.combinations)


def facts(named: Iterable[tuple[str, str]]) -> FittedTable:
    """Names with their values."""
    grid = fitted.grid()
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in named:
        grid.add_row(Text(name), Text(value))
    return grid


def paths(title: str, lines: "Iterable[PathRow]", first: str) -> Group:
    """The kernel path of each line, here and on a GPU, and below, numbered, what keeps the fused kernel and cuDNN away."""
    lines, reasons = list(lines), dict[str, int]()
    shared = {line.here.why_not_fused for line in lines}
    everywhere = shared.pop() if len(shared) == 1 else ""
    table = FittedTable(title=Text(title, style="bold"), **PADDED)
    for name in (first, "here", "on a GPU", "why"):
        table.add_column(name, overflow="fold")
    for line in lines:
        names = (Text(path.name, style=STYLES.get(path.name, "")) for path in (line.here, line.gpu))
        numbers = [reasons.setdefault(why, len(reasons) + 1) for why in _reasons(line, (everywhere, kernels.why_not()))]
        table.add_row(Text(line.name), *names, Text(", ".join(map(str, numbers))))
    notes = fitted.grid()
    notes.add_column(justify="right", style="dim")
    notes.add_column(overflow="fold")
    for why, number in reasons.items():
        notes.add_row(Text(str(number)), Text(why))
    if everywhere:
        notes.add_row("", Text(f"here not fused: {everywhere}"))
    return Group(table, *([notes] if notes.row_count else []))


def _reasons(line: "PathRow", elsewhere: tuple[str, ...]) -> list[str]:
    """What keeps the fused kernel away here and cuDNN on a GPU; without what stands elsewhere."""
    here = "" if line.here.name == "cudnn" or line.here.why_not_fused in elsewhere else line.here.why_not_fused
    gpu = line.gpu.why_not_cudnn
    if here == gpu:
        return [f"neither fused here nor cuDNN on a GPU: {here}"] if here else []
    return [f"{what}: {why}" for what, why in (("not fused here", here), ("not cuDNN on a GPU", gpu)) if why]


def combinations(known: "Iterable[Combination]") -> RenderableType:
    """Each with what happens and what to ask for instead."""
    entries: list[RenderableType] = [Text("Combinations that fail or mislead", style="bold")]
    for one in known:
        entries.append(Text(f"• {one.what}", style="yellow"))
        for line, style in ((one.then, ""), (f"instead: {one.instead}", "green")):
            entries.append(Padding(Text(line, style=style), (0, 0, 0, 2)))
    return Group(*entries)


def determinism(pairs: "Iterable[tuple[Measurement, Measurement]]") -> FittedTable:
    """The time of a training step without and with deterministic kernels."""
    table = FittedTable(title=Text("Cost of deterministic kernels, training step", style="bold"), **PADDED)
    table.add_column("cell")
    for name in ("path", "without, ms", "with, ms", "ratio"):
        table.add_column(name, justify="right")
    for without, with_ in pairs:
        times = without.median_ms, with_.median_ms
        ratio = f"{times[1] / times[0]:.2f}"
        table.add_row(without.case.cell.label, without.case.path, *(f"{t:.2f}" for t in times), ratio)
    return table
