"""Draws docs/findings/counting.svg of an experiment on `counting`: `python docs/counting_figure.py NAME STORE`.

Cell states of an LSTM, and states of a GRU, along one string aⁿbⁿ (or aⁿbⁿcⁿ), a line a unit, as in figure 1 of G. Weiss,
Y. Goldberg and E. Yahav, arXiv 1805.04908: a unit that counts rises by a step with each a and falls by one with each b.
Below each panel the symbols that the network predicts wrongly are marked. The networks are those that the store keeps, of
each cell that of the seed with the best validation; states are computed in float64 from their weights.
"""

import argparse
from pathlib import Path
from typing import Any

import keras
import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

import gru_tf
from gru_tf.foundation import palette
from gru_tf.foundation.errors import UserError
from gru_tf.suite.tracking import model as stored
from gru_tf.tasks.memory.counting import Counting
from gru_tf.training import diagnostics

FILE = Path(__file__).parent / "findings" / "counting.svg"
STATES = {"lstm": ("c", "cell state c"), "gru": ("h", "state h")}
WRONG, MUTED = "#B3402A", "#6b7075"


def chosen(results: Any, record: Any) -> dict[str, Any]:
    """Cell → of its final runs on `counting` whose model is in the store, the one that accepts most.

    Raises:
        UserError: where there is none of the LSTM, or of the GRU.
    """
    runs = [r for r in results.runs if r.run.fingerprint in record.models and r.run.task.name == "counting"]
    kept = {cell: [r for r in runs if r.run.cell.name == cell] for cell in STATES}
    if not all(kept.values()):
        raise UserError(f"expected saved runs of lstm and gru on counting. Received: {[r.run.cell.label for r in runs]}")
    return {cell: max(each, key=lambda r: r.more["accepted_to"]) for cell, each in kept.items()}


def panel(axes: Any, result: Any, model: Any, n: int) -> None:
    """The states of the last recurrent layer along the string of n, and where its predictions are wrong."""
    options = {**result.run.task.options, "held_out": 1, "longest": max(1, n - 2), "test_longest": n + 1}
    task = Counting.model_validate(options)
    asked = task.splits(np.random.default_rng(0)).test  # the string of n alone
    steps = int(asked.lengths[0])
    inputs = asked.inputs[:, :steps].astype("float32")
    name, label = STATES[result.run.cell.name]
    states = diagnostics.gates(model, inputs)[-1].states[name][0]
    colour, changes = palette.colour(result.run.cell.name), np.arange(1, task.letters) * n + 1
    spread = np.argsort(-np.ptp(states, axis=0))
    for rank, unit in enumerate(spread[::-1]):  # the unit that moves most on top, in the cell's colour
        most = rank == len(spread) - 1
        axes.plot(states[:, unit], color=colour if most else MUTED, lw=2 if most else 0.9, alpha=1 if most else 0.55)
    wrong = (keras.ops.convert_to_numpy(model(inputs))[0].argmax(-1) != asked.targets[0]) & (asked.targets[0] >= 0)
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.12 * (high - low), high + 0.1 * (high - low))
    axes.plot(np.flatnonzero(wrong), np.full(wrong.sum(), low - 0.06 * (high - low)), "|", color=WRONG, ms=7)
    for change in changes:
        axes.axvline(change - 0.5, color="#767676", lw=0.8, ls=(0, (4, 3)))
    accepted = f"accepts every n up to {result.more['accepted_to']:,.0f}"
    outcome = (
        f"{wrong.sum():,} of {(asked.targets >= 0).sum():,} predictions wrong" if wrong.any() else "all predictions right"
    )
    axes.set_title(f"{result.run.cell.name.upper()}: {accepted}; here {outcome}", loc="left", fontsize=10)
    axes.set_ylabel(label)
    for place, letter in enumerate("abc"[: task.letters]):
        where = {"ha": "center", "va": "top", "transform": axes.transAxes}
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
        axes.text((place + 0.5) / task.letters, 0.98, f"{letter} × {n:,}", bbox=box, **where)
    axes.set_xlim(0, steps - 1)


def draw(results: Any, lengths: dict[str, int]) -> Figure:
    """One panel a cell, each along its own string."""
    record = getattr(results.record, "record", results.record)
    with mpl.rc_context({**palette.STYLE, "font.size": 10}):
        figure = Figure(figsize=(9.4, 5.4), layout="constrained", facecolor="white")
        rows = figure.subplots(2, 1)
        for axes, (cell, result) in zip(rows, chosen(results, record).items(), strict=True):
            panel(axes, result, stored.load(record.uri, record.models[result.run.fingerprint]), lengths[cell])
        rows[-1].set_xlabel("symbols read; red marks: predictions that are wrong; coloured: the unit that moves most")
        return figure


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("store")
    parser.add_argument("--lstm", type=int, default=130, metavar="N", help="n of the LSTM's string")
    parser.add_argument("--gru", type=int, default=130, metavar="N", help="n of the GRU's string")
    parser.add_argument("--file", type=Path, default=FILE)
    arguments = parser.parse_args()
    results = gru_tf.results(arguments.name, store=arguments.store)
    figure = draw(results, {"lstm": arguments.lstm, "gru": arguments.gru})
    with mpl.rc_context(palette.STYLE):
        figure.savefig(arguments.file, metadata={"Date": None})


if __name__ == "__main__":
    main()
