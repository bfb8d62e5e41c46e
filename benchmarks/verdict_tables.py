"""Tables of real runs for `benchmarks/verdicts.py`: every cell with every configuration at every seed.

    python benchmarks/verdict_tables.py [FOLDER] [--processes 2] [--configurations 12] [--seeds 8]

A table is a task, of 12,000 parameters or fewer; configurations are drawn once, evenly in the logarithm of the learning rate
from 3e-4 to 5e-2, with a clip norm of 0.5, 1 or 5. A table grows by a seed of all cells at a time:
what it has already is not run again.
"""

import argparse
import csv
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

CELLS = ("rnn", "lstm", "gru")
FIELDS = ("cell", "configuration", "learning_rate", "clip_norm", "seed", "status", "validation", "test")
SMALL = {"examples": 2000, "validation_examples": 500, "test_examples": 500, "longer": 1}
TASKS = {  # title → the task, parameters, epochs, batch size
    "digits": ("digits", {}, 4_000, 20, 32),
    "adding": ("adding", {"length": 30, **SMALL}, 2_000, 25, 32),
    "delayed_recall": ("delayed_recall", SMALL, 2_000, 25, 32),
    "sunspots": ("sunspots", {"relative": True}, 2_000, 40, 32),
}
PATIENCE = 8


def configurations(count):
    """(learning rate, clip norm) of each."""
    rng = np.random.default_rng(2103)
    rates = np.exp(rng.uniform(np.log(3e-4), np.log(5e-2), count))
    return [(float(f"{rate:.4g}"), float(clip)) for rate, clip in zip(rates, rng.choice([0.5, 1, 5], count), strict=True)]


def about(title):
    """(metric, direction, baseline, perfect score, test examples, whether a seed draws its data) of a table's task."""
    from gru_tf.tasks import create

    name, options, *_ = TASKS[title]
    task = create(name, options)
    count = len(task.splits(np.random.default_rng(0)).test)
    return task.metric.name, task.metric.direction, task.metric.chance, task.metric.solved, count, task.draws_data


def part(title, cell, seed, settings, known):
    """Train what is not known of one cell on one task at one seed; returns its rows."""
    from gru_tf.experiment.experiment import Experiment
    from gru_tf.training.trainer import train

    name, options, parameters, epochs, batch = TASKS[title]
    one = Experiment(
        name=title,
        question="Which?",
        tasks=[{name: options}],
        cells=[cell],
        seeds=[seed],
        model={"parameters": parameters},
        training={"epochs": epochs, "batch_size": batch, "patience": PATIENCE},
    )
    rows = []
    for place, (rate, clip) in enumerate(settings):
        if (cell, place, seed) in known:
            continue
        run = one.run(one.tasks[0], one.cells[0], seed).tuned({"learning_rate": rate, "clip_norm": clip})
        result = train(run)
        numbers = (f"{value:.6g}" if value is not None else "" for value in (result.validation, result.test))
        rows.append(dict(zip(FIELDS, (cell, place, rate, clip, seed, result.status, *numbers), strict=True)))
    return title, rows


def read(file):
    """The rows of a table, () where it is not there yet."""
    if not file.exists():
        return ()
    with file.open(encoding="utf-8", newline="") as lines:
        return tuple(csv.DictReader(line for line in lines if not line.startswith("#")))


def write(file, title, rows):
    """Replace a table by these rows, in their order."""
    places = {cell: place for place, cell in enumerate(CELLS)}
    order = sorted(rows, key=lambda row: (places[row["cell"]], int(row["configuration"]), int(row["seed"])))
    names = ("metric", "direction", "chance", "solved", "examples", "paired")
    head = " ".join(f"{name}={value}" for name, value in zip(names, about(title), strict=True))
    with file.open("w", encoding="utf-8", newline="") as lines:
        lines.write(f"# {head}\n")
        writer = csv.DictWriter(lines, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(order)


def main():
    """Add to the tables what they lack, a seed of all cells at a time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent / "verdict_tables")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--configurations", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=8)
    options = parser.parse_args()
    options.folder.mkdir(exist_ok=True)
    settings = configurations(options.configurations)
    with ProcessPoolExecutor(options.processes, get_context("spawn")) as pool:
        for title in TASKS:
            file = options.folder / f"{title}.csv"
            known = {(row["cell"], int(row["configuration"]), int(row["seed"])) for row in read(file)}
            places = [(cell, seed) for cell in CELLS for seed in range(options.seeds)]
            parts = [pool.submit(part, title, cell, seed, settings, known) for cell, seed in places]
            for done in parts:
                _, rows = done.result()
                write(file, title, [*read(file), *rows])
                print(f"{title}: {len(rows)} runs more", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
