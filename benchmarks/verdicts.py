"""Would a second experiment say the same? Whole experiments simulated from tables of real runs.

    python benchmarks/verdicts.py TABLE.jsonl … [--experiments 400] [--draws 4] [--failing 0.1] [--keep pairs]

Each line of a table is a run: cellname, cfg (its configuration), seed, direction, status, and its validation and test metric
by epoch, val and test; the epoch that is best on validation counts. A table is a task, and all tables are one experiment.
Printed for replicates that are tuned anew until decided, and for one search with five paired seeds; then the same with one
cell of each task that fails at a share of its final runs. --chance and --examples are of accuracies.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from gru_tf.analysis import simulation
from gru_tf.analysis.statistics.equivalence import margin_of

PARSER = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
PARSER.add_argument("tables", nargs="+", type=Path)
PARSER.add_argument("--experiments", type=int, default=400)
PARSER.add_argument("--draws", type=int, default=4, help="configurations that a search draws")
PARSER.add_argument("--at-most", type=int, default=simulation.MOST)
PARSER.add_argument("--failing", type=float, default=0.1)
PARSER.add_argument("--keep", choices=("pairs", "best"), default="pairs")
PARSER.add_argument("--chance", type=float, default=0.1)
PARSER.add_argument("--examples", type=float, default=360)
PARSER.add_argument("--seed", type=int, default=0)


def read(path, chance, examples):
    """A table, with the seeds at which every cell was run with every configuration.

    Raises:
        SystemExit: where there are fewer than two such seeds, of which a replicate needs one to search and one to test.
    """
    runs = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    cells, settings, seeds = (sorted({run[name] for run in runs}) for name in ("cellname", "cfg", "seed"))
    at = {(run["cellname"], run["cfg"], run["seed"]): run for run in runs}
    whole = [seed for seed in seeds if all((cell, one, seed) in at for cell in cells for one in settings)]
    if len(whole) < 2:
        raise SystemExit(f"{path}: expected two seeds at which every cell has every configuration. Received: {len(whole)}")
    direction = runs[0]["direction"]
    chance = chance if direction == "max" else -chance
    scores = np.array([[[scores_of(at[c, s, seed], direction, chance) for seed in whole] for s in settings] for c in cells])
    return simulation.RunTable(
        title=path.stem,
        cells=tuple(cells),
        validation=scores[..., 0],
        test=scores[..., 1],
        chance=chance,
        margin=margin_of(chance, 1.0 if direction == "max" else 0.0),
        metric="accuracy" if direction == "max" else "mse",
        direction=direction,
        examples=examples if direction == "max" else None,
    )


def scores_of(run, direction, chance):
    """(validation, test) score of a run's best epoch, larger is better; −inf and the baseline's of one that diverged."""
    sign = 1 if direction == "max" else -1
    if run["status"] != "finished" or not run["val"]:
        return -np.inf, chance
    best = int(np.argmax(sign * np.array(run["val"])))
    return sign * run["val"][best], sign * run["test"][best]


def failing(tables, share):
    """The same, with the best cell of each table failing at a share of its final runs."""
    best = [max(t.cells, key=lambda cell, t=t: t.test[t.cells.index(cell)].mean()) for t in tables]
    return [replace(table, failing={cell: share}) for table, cell in zip(tables, best, strict=True)]


def line(name, known):
    """What many experiments come to, in a line."""
    failed = "" if np.isnan(known.unreliable[0]) else f", failing cells called unreliable {known.unreliable[0]:.3f}"
    spent = " and ".join(f"{count:.1f}" for count in known.replicates)
    return (
        f"{name}: pairs decided {known.decided:.3f}; same verdict twice {known.same:.3f} of those decided both times, "
        f"{known.same_or_open:.3f} of those decided either time; every verdict the same {known.all_same:.3f}; "
        f"experiments with a wrong verdict {known.wrong:.3f} by means, {known.wrong_at_all:.3f} by means and medians; "
        f"intervals hold the truth {known.coverage:.3f}; replicates {spent}"
        f"{failed}, others {known.unreliable[1]:.3f}"
    )


def report(tables, options):
    """Print a line a protocol."""
    rng = np.random.default_rng(options.seed)
    anew = [
        simulation.until_decided(tables, options.draws, rng, options.at_most, options.keep)
        for _ in range(options.experiments)
    ]
    once = [simulation.one_search(tables, options.draws, rng) for _ in range(options.experiments)]
    print(line("replicates until decided", simulation.reliability(tables, anew, options.draws)), flush=True)
    print(line("one search, five seeds", simulation.reliability(tables, once, options.draws)), flush=True)


def main():
    """Print what the tables say, as they are and with failures."""
    options = PARSER.parse_args()
    tables = [read(path, options.chance, options.examples) for path in options.tables]
    for table in tables:
        means = simulation.truths(table, options.draws)
        print(f"{table.title}: {', '.join(f'{cell} {mean:.4f}' for cell, mean in means.items())}; margin {table.margin:.4f}")
    report(tables, options)
    if options.failing:
        print(f"the best cell of each task fails at {options.failing:.0%} of its final runs")
        report(failing(tables, options.failing), options)


if __name__ == "__main__":
    main()
