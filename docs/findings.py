"""Draws the figures of "What we found" into docs/findings/, from what is recorded.

    PYTHONPATH=docs python docs/findings.py

Those that look into networks come from a store: `docs/counting_figure.py`, `docs/looking_inside.py`.
"""

import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from pages import recorded
from pages.finding import BESIDE, called
from pages.recorded import Recorded

from gru_tf.foundation import palette

FOLDER = Path(__file__).with_name("findings")
MUTED, MODEL = "#6b7075", "#b3402a"
PATHS = {"fused": "this project's kernels", "keras xla": "Keras' layers, XLA", "keras": "Keras' layers"}


def panels(count: int, height: float = 3.0, width: float = 8.2, share: bool = False) -> tuple[Figure, list[Any]]:
    """A figure of so many panels side by side."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    return figure, list(figure.subplots(1, count, squeeze=False, sharey=share)[0])


def light(axes: Any, along: str) -> None:
    """Thin grid lines behind what is drawn."""
    axes.grid(axis=along, color="#E4E4E4", lw=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)


# --- kinds of figures ---


def scores(axes: Any, record: Recorded, tasks: dict[str, str], cells: Sequence[str], rival: bool = True) -> None:
    """A row a task: the score of each cell with its interval, and the best model without a network as an open diamond.

    `tasks` is how a label begins → what the figure calls it.
    """
    spread = 0.6 / len(cells)
    for place, task in enumerate(tasks):
        for n, cell in enumerate(cells):
            mean, low, high = record.score(task, cell)
            y = place - 0.3 + n * spread
            name = cell.partition("(")[0]
            style = {"color": palette.colour(name), "marker": palette.marker(name)} if name == cell else VARIANTS[cell]
            axes.plot([low, high], [y, y], color=style["color"], lw=1.8, solid_capstyle="butt")
            axes.plot([mean], [y], ls="", ms=5.5, label=cell if place == 0 else None, **style)
        model = record.best_baseline(task) if rival else None
        if model:
            axes.plot([record.score(task, model).mean], [place - 0.3 + len(cells) * spread], **WITHOUT)
    if rival:
        axes.plot([], [], label="best without a network", **WITHOUT)
    axes.set_ylim(len(tasks) - 0.45, -0.55)
    axes.set_yticks(range(len(tasks)), list(tasks.values()))
    axes.set_xlabel("score: 0 the trivial answer, 1 a perfect one")
    light(axes, "x")


LEAST = -1.0  # what is worse is drawn there
HALO: dict[str, Any] = {"bbox": {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1}}
WITHOUT: dict[str, Any] = {"ls": "", "marker": "D", "ms": 5.5, "mfc": "white", "mec": MODEL, "mew": 1.4}
VARIANTS: dict[str, dict[str, Any]] = {
    "lstm(forget_bias=0)": {"color": "#56B4E9", "marker": "v"},
    "lstm(longest=50)": {"color": "#003f66", "marker": "P"},
    "gru(convention=write)": {"color": "#66c2a4", "marker": "v"},
}


def along(axes: Any, record: Recorded, tasks: dict[str, float], cells: Sequence[str], logarithmic: bool = True) -> None:
    """The test metric of each cell, its seeds small, along a number that the tasks differ by; dashed the trivial answer."""
    x = list(tasks.values())
    for cell in cells:
        tone, means = palette.colour(cell), [record.test(task, cell).mean for task in tasks]
        for place, task in zip(x, tasks, strict=True):
            seeds = record.seeds(task, cell)
            axes.plot([place] * len(seeds), seeds, ls="", marker=palette.marker(cell), color=tone, ms=3.2, alpha=0.45, mew=0)
        axes.plot(x, means, color=tone, marker=palette.marker(cell), ms=5.5, lw=1.5, ls=palette.dash(cell), label=cell)
    chance = [recorded.number(record.row(task, cells[0])["chance"]) for task in tasks]
    axes.plot(x, chance, color=MUTED, lw=1.1, ls=(0, (4, 3)), label="trivial answer")
    axes.set_xscale("log", base=2)
    axes.set_xticks(x, [f"{value:,.0f}" for value in x])
    axes.minorticks_off()
    if logarithmic:
        axes.set_yscale("log")
    light(axes, "y")


def legend(figure: Figure, axes: Any, columns: int = 6) -> None:
    """One legend above all panels."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=columns, frameon=False, handletextpad=0.4)


FIGURES: dict[str, Callable[[], Figure]] = {}


def figure(draw: Callable[[], Figure]) -> Callable[[], Figure]:
    """Enter a figure under the name of its function."""
    FIGURES[draw.__name__] = draw
    return draw


# --- one for each claim ---

LENGTHS = {f"adding(length={n}, longer=1)": float(n) for n in (25, 50, 100, 200, 400)}
EXAMPLES = {f"mnist(examples={n}, ": float(n) for n in (100, 300, 1000, 3000)}
OF_CLAIMS = {
    "delayed_recall": "a word, six steps later",
    "digits": "images, row by row",
    "polyphonic": "music",
    "ett": "a forecast of 24 hours",
    "spoken_digits": "speech",
    "sst2": "sentiment of a sentence",
    "tiny_shakespeare": "the next character",
    "multi30k": "translation",
}
OF_FORGETTING = {
    "adding": "two numbers over 50 steps",
    "delayed_recall": "a word, eight steps later",
    "digits": "images, row by row",
    "polyphonic": "music",
}


@figure
def length() -> Figure:
    """Error of adding two numbers against the length of the sequence."""
    drawn, (axes,) = panels(1, 3.4, 6.4)
    along(axes, recorded.of("length"), LENGTHS, ["rnn", "janet", "lstm", "gru"])
    axes.set_xlabel("steps of the sequence")
    axes.set_ylabel("test mse")
    legend(drawn, axes)
    return drawn


@figure
def lag() -> Figure:
    """How many seeds solve the sum, by cell and length."""
    drawn, (axes,) = panels(1, 2.4, 6.4)
    record, cells = recorded.of("length"), ("rnn", "janet", "lstm", "gru")
    for place, cell in enumerate(cells):
        for n, task in enumerate(LENGTHS):
            solved, ended = record.solved(task, cell)
            axes.barh(place, 0.94 * solved / ended, left=n, height=0.7, color=palette.colour(cell))
            axes.barh(place, 0.94, left=n, height=0.7, facecolor="none", edgecolor="#B8B8B8", lw=0.7)
            axes.text(n + 0.47, place, f"{solved} of {ended}", ha="center", va="center", fontsize=8.5, **HALO)
    axes.set_yticks(range(len(cells)), cells)
    axes.set_xticks([n + 0.47 for n in range(len(LENGTHS))], [f"{steps:,.0f}" for steps in LENGTHS.values()])
    axes.set_xlabel("steps of the sequence")
    axes.tick_params(length=0)
    axes.invert_yaxis()
    return drawn


@figure
def tasks() -> Figure:
    """RNN, LSTM and GRU on eight tasks."""
    drawn, (axes,) = panels(1, 4.6, 7.6)
    scores(axes, recorded.of("claims"), OF_CLAIMS, ["rnn", "lstm", "gru"])
    legend(drawn, axes)
    return drawn


@figure
def served() -> Figure:
    """Speech, language and translation, with the best model without a network."""
    drawn, (axes,) = panels(1, 3.0, 7.6)
    chosen = ("spoken_digits", "sst2", "tiny_shakespeare", "multi30k")
    scores(axes, recorded.of("claims"), {task: OF_CLAIMS[task] for task in chosen}, ["rnn", "lstm", "gru"])
    axes.set_xlim(0, 1)
    legend(drawn, axes)
    return drawn


@figure
def parameters() -> Figure:
    """Recurrent weights at equal units, and units at equal weights."""
    drawn, (left, right) = panels(2, 2.1, 7.6, share=True)
    record, budget = recorded.of("claims"), recorded.of("memory")
    for place, cell in enumerate(("rnn", "lstm", "gru")):
        counts = int(record.row("digits", cell)["recurrent_parameters"]), int(budget.row("adding", cell)["units"])
        for panel, count in zip((left, right), counts, strict=True):
            panel.barh(place, count, color=palette.colour(cell), height=0.62)
            beside = {"xytext": (3, 0), "textcoords": "offset points", "va": "center", "fontsize": 9}
            panel.annotate(f"{count:,}", (count, place), **beside)
    for panel, title in ((left, "recurrent weights, 48 units on 8 inputs"), (right, "units, 12,000 weights in all")):
        panel.set_title(title, loc="left", fontsize=10)
        panel.set_yticks(range(3), ("rnn", "lstm", "gru"))
        panel.set_xlim(0, 1.2 * panel.get_xlim()[1])
        light(panel, "x")
    left.invert_yaxis()
    return drawn


@figure
def forget_gate() -> Figure:
    """LSTM with three beginnings of its forget gate, and JANET."""
    drawn, (axes,) = panels(1, 3.4, 7.6)
    record = recorded.of("forget_gate")
    scores(axes, record, OF_FORGETTING, record.cells, rival=False)
    legend(drawn, axes)
    return drawn


@figure
def conventions() -> Figure:
    """Three conventions of the GRU."""
    drawn, (axes,) = panels(1, 3.2, 7.6)
    record = recorded.of("conventions")
    scores(axes, record, OF_FORGETTING, record.cells, rival=False)
    legend(drawn, axes)
    return drawn


@figure
def small_data() -> Figure:
    """Accuracy against the number of training examples, and the loss on both splits at the last epoch."""
    record = recorded.of("small_data")
    drawn, (left, right) = panels(2, 3.3, 8.6)
    along(left, record, EXAMPLES, ["rnn", "lstm", "gru"], logarithmic=False)
    models = [(record.task(task), record.best_baseline(task)) for task in EXAMPLES]
    values = [recorded.number(record.row(task, str(model))["mean"]) for task, model in models]
    left.plot(list(EXAMPLES.values()), values, **{**WITHOUT, "ls": "-"}, color=MODEL, lw=1.1, label="best without a network")
    left.set(xlabel="training examples", ylabel="test accuracy")
    for cell in ("rnn", "lstm", "gru"):
        for split, dash in (("last_train_loss", (0, (1, 1.2))), ("last_validation_loss", "-")):
            means = [record.mean(task, cell, split) for task in EXAMPLES]
            style = {"color": palette.colour(cell), "marker": palette.marker(cell), "ms": 4.5, "lw": 1.4}
            right.plot(list(EXAMPLES.values()), means, ls=dash, **style)
    right.set_xscale("log")
    right.set_yscale("log")
    right.set_xticks(list(EXAMPLES.values()), [f"{n:,.0f}" for n in EXAMPLES.values()])
    right.minorticks_off()
    right.set(xlabel="training examples", ylabel="loss after the last epoch")
    right.set_title("solid: validation, dotted: training", loc="right", fontsize=9, color=MUTED)
    light(right, "y")
    legend(drawn, left)
    return drawn


@figure
def needed() -> Figure:
    """The best network and the best model without one, of each task."""
    drawn, (axes,) = panels(1, 4.4, 7.6)
    for place, (name, task, _) in enumerate(BESIDE):
        record = recorded.of(name)
        best, model = record.best(task), str(record.best_baseline(task))
        mean, low, high = (max(LEAST, value) for value in record.score(task, best))
        tone = palette.colour(best)
        axes.plot([low, high], [place - 0.14] * 2, color=tone, lw=2, solid_capstyle="butt")
        axes.plot([mean], [place - 0.14], ls="", color=tone, marker=palette.marker(best), ms=6)
        axes.plot([max(LEAST, record.score(task, model).mean)], [place + 0.18], **WITHOUT)
        axes.text(1.03, place, f"{best} · {model.replace('_', ' ')}", va="center", fontsize=8.5, color=MUTED)
    for cell in dict.fromkeys(recorded.of(name).best(task) for name, task, _ in BESIDE):
        axes.plot([], [], ls="", color=palette.colour(cell), marker=palette.marker(cell), ms=6, label=cell)
    axes.plot([], [], label="best without a network", **WITHOUT)
    axes.set_ylim(len(BESIDE) - 0.4, -0.6)
    axes.set_yticks(range(len(BESIDE)), [title for *_, title in BESIDE])
    axes.set_xlim(LEAST - 0.02, 1.02)
    axes.set_xlabel("score: 0 the trivial answer, 1 a perfect one")
    light(axes, "x")
    legend(drawn, axes)
    return drawn


@figure
def seventeen() -> Figure:
    """All cells at one budget on small real data: three in colour, the others as short lines."""
    record = recorded.of("equal_parameters")
    drawn, (axes,) = panels(1, 4.3, 7.6)
    others = [cell for cell in record.cells if cell not in ("rnn", "lstm", "gru")]
    for place, task in enumerate(record.tasks):
        means = [record.score(task, cell).mean for cell in others]
        label = None if place else "14 other cells"
        axes.plot(means, [place] * len(means), "|", color=MUTED, ms=9, mew=1.2, label=label)
    scores(axes, record, {task: called(task) for task in record.tasks}, ["rnn", "lstm", "gru"])
    axes.set_xlim(-0.3, 1.02)  # an interval of three seeds reaches further than a score can
    legend(drawn, axes)
    return drawn


@figure
def speed() -> Figure:
    """A training step of each cell, at equal units and equal parameters, by this project's kernels and by Keras' layers."""
    drawn, axes = panels(2, 3.1, 8.2, share=True)
    for panel, equal in zip(axes, ("units", "parameters"), strict=True):
        for place, path in enumerate(PATHS):
            for n, cell in enumerate(("rnn", "lstm", "gru")):
                one = recorded.timed(cell, path, equal)
                median = statistics.median(one["ms"])
                bar = {"color": palette.colour(cell), "height": 0.24, "label": cell if place == 0 else None}
                panel.barh(place + 0.26 * (n - 1), median, **bar)
                words = f"{median:.1f} ({one['units']} units)" if equal == "parameters" else f"{median:.1f}"
                beside = {"xytext": (3, 0), "textcoords": "offset points", "va": "center", "fontsize": 8}
                panel.annotate(words, (median, place + 0.26 * (n - 1)), **beside)
        panel.set_ylim(len(PATHS) - 0.5, -0.5)
        panel.set_yticks(range(len(PATHS)), list(PATHS.values()))
        panel.set_xlabel("ms of processor time a training step")
        panel.set_title(f"equal {equal}", loc="left", fontsize=10)
        panel.set_xlim(0, 1.35 * panel.get_xlim()[1])
        light(panel, "x")
    legend(drawn, axes[0])
    return drawn


def main(names: Sequence[str]) -> None:
    """Draw all figures, or those of these names."""
    FOLDER.mkdir(exist_ok=True)
    with mpl.rc_context({**palette.STYLE, "font.size": 9.5}):
        for name in names or FIGURES:
            FIGURES[name]().savefig(FOLDER / f"{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main(sys.argv[1:])
