"""Draws the README's figure from a finished comparison: `python docs/forecast_figure.py AIRLINE.csv STORE`.

    gru-tf compare airline-passengers.csv --target Passengers --time Month

fills the store. On the left the series with what the recommended model forecasts of the held-out months, each one month
ahead from what was known before it; on the right the test errors of the cells and of the best model without a network.
"""

import argparse
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import gru_tf
from gru_tf.analysis.table import Row
from gru_tf.experiment.experiment import Experiment
from gru_tf.foundation import palette
from gru_tf.tasks import create

FILE = Path(__file__).with_name("forecast.svg")
NAME, TARGET, TIME = "airline-passengers", "Passengers", "Month"
WINDOW = 24  # months that a forecast reads
INK, MUTED, MODEL = "#1c1e21", "#6b7075", "#b3402a"


def held_out(experiment: Experiment) -> int:
    """Months of the newest test part, that of seed 0, whose model predicts."""
    task = experiment.tasks[0]
    return len(create(task.name, task.options).at(0).splits(np.random.default_rng(0)).test)


def forecasts(comparison: Any, rows: pd.DataFrame, months: int) -> list[float]:
    """What was recommended forecasts of each of the last months, from those before it."""
    ends = range(len(rows) - months, len(rows))
    return [float(comparison.predict(rows.iloc[end - WINDOW - 1 : end])[TARGET].iloc[0]) for end in ends]


def series(axes: Any, rows: pd.DataFrame, predicted: list[float], model: str) -> None:
    """The series, and over its end the forecasts."""
    months = pd.to_datetime(rows[TIME])
    axes.plot(months, rows[TARGET], color=INK, lw=1.2, label="passengers, thousands a month")
    axes.plot(
        months[-len(predicted) :], predicted, color=MODEL, lw=1.6, marker="o", ms=2.6, label=f"forecast by {model}, held out"
    )
    axes.axvspan(months.iloc[-len(predicted)], months.iloc[-1], color=MODEL, alpha=0.07, lw=0)
    axes.set_xlim(pd.Timestamp("1953-01-01"), pd.Timestamp("1961-02-01"))
    axes.set_ylim(150, 660)
    axes.legend(loc="upper left", frameon=False, fontsize=8.5)


def errors(axes: Any, rows: list[Row]) -> None:
    """Test errors with their 95 % intervals, the best on top."""
    for place, row in enumerate(rows):
        test, colour = row.test, MODEL if row.baseline else palette.colour(row.cell)
        axes.plot([test.low, test.high], [place, place], color=colour, lw=2, solid_capstyle="round")
        axes.plot([test.mean], [place], "o", color=colour, ms=6)
        axes.annotate(f"{test.mean:.1f}", (test.mean, place), (0, 7), textcoords="offset points", ha="center", fontsize=8.5)
    axes.set_yticks(range(len(rows)), [row.cell if row.baseline else row.cell.upper() for row in rows], fontsize=9.5)
    axes.set_ylim(len(rows) - 0.5, -0.75)
    axes.set_xlim(left=0)
    axes.set_xlabel("test error (rmse), mean and 95 % interval", fontsize=8.5, color=MUTED)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("store")
    arguments = parser.parse_args()
    mpl.rcParams.update({"font.family": "DejaVu Sans", "svg.hashsalt": "gru_tf", "axes.edgecolor": MUTED})
    comparison, rows = gru_tf.compared(NAME, store=arguments.store), pd.read_csv(arguments.file)
    results = gru_tf.results(NAME, store=arguments.store)
    evidence = results.evidence.tasks[0]
    cells = sorted((cell.row for cell in evidence.cells), key=lambda row: row.test.mean)
    best = evidence.best_baseline.row
    figure = Figure(figsize=(9.6, 3.1), layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2, width_ratios=(1.9, 1))
    predicted = forecasts(comparison, rows, held_out(results.experiment))
    series(left, rows, predicted, best.cell)
    errors(right, [best, *cells])
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8.5, color=MUTED)
    figure.savefig(FILE, metadata={"Date": None})


if __name__ == "__main__":
    main()
