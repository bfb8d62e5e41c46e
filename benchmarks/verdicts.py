"""Would a second experiment say the same? Whole experiments simulated from tables of real runs.

    python benchmarks/verdicts.py [TABLE.csv …] [--experiments 400] [--draws 8] [--failing 0.1] [--keep best]

A table is a task, as `benchmarks/verdict_tables.py` writes it, and all tables are one experiment; those of
`benchmarks/verdict_tables/` without any. Printed for replicates that are tuned anew until decided, and for one search with
five paired seeds; then the same with one cell of each task that fails at a share of its final runs.
"""

import argparse
import csv
from dataclasses import replace
from pathlib import Path

import numpy as np

from gru_tf.analysis import simulation
from gru_tf.analysis.statistics.equivalence import margin_of

PARSER = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
PARSER.add_argument("tables", nargs="*", type=Path)
PARSER.add_argument("--experiments", type=int, default=400)
PARSER.add_argument("--draws", type=int, default=8, help="configurations that a search draws")
PARSER.add_argument("--at-most", type=int, default=simulation.MOST)
PARSER.add_argument("--failing", type=float, default=0.1)
PARSER.add_argument("--keep", choices=("pairs", "best"), default="best")
PARSER.add_argument("--seed", type=int, default=0)


def read(path):
    """A table, with the seeds at which every cell was run with every configuration.

    Raises:
        SystemExit: where there are fewer than two such seeds, of which a replicate needs one to search and one to test.
    """
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    about = dict(part.split("=") for part in head.removeprefix("# ").split())
    runs = list(csv.DictReader(lines))
    cells = list(dict.fromkeys(run["cell"] for run in runs))
    settings, seeds = (sorted({int(run[name]) for run in runs}) for name in ("configuration", "seed"))
    at = {(run["cell"], int(run["configuration"]), int(run["seed"])): run for run in runs}
    whole = [seed for seed in seeds if all((cell, one, seed) in at for cell in cells for one in settings)]
    if len(whole) < 2:
        raise SystemExit(f"{path}: expected two seeds at which every cell has every configuration. Received: {len(whole)}")
    sign = 1 if about["direction"] == "max" else -1
    chance = sign * float(about["chance"])
    scores = np.array([[[scores_of(at[c, s, seed], sign, chance) for seed in whole] for s in settings] for c in cells])
    return simulation.RunTable(
        title=path.stem,
        cells=tuple(cells),
        validation=scores[..., 0],
        test=scores[..., 1],
        chance=chance,
        margin=margin_of(float(about["chance"]), float(about["solved"])),
        metric=about["metric"],
        direction=about["direction"],
        examples=float(about["examples"]) if sign > 0 else None,
        paired=about["paired"] == "True",
    )


def scores_of(run, sign, chance):
    """(validation, test) score of a run, larger is better; −inf and the baseline's of one that diverged."""
    if run["status"] != "finished" or not run["validation"]:
        return -np.inf, chance
    return sign * float(run["validation"]), sign * float(run["test"])


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
        f"experiments with a wrong verdict {known.wrong:.3f}, by the means of all replicates {known.wrong_of_all:.3f}; "
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
    tables = [read(path) for path in options.tables or sorted(Path(__file__).with_name("verdict_tables").glob("*.csv"))]
    for table in tables:
        means = simulation.truths(table, options.draws)
        known = ", ".join(f"{cell} {of['learned']:.4g} (learns in {of['rate']:.3f})" for cell, of in means.items())
        print(f"{table.title}: {known}; margin {table.margin:.4f}")
    report(tables, options)
    if options.failing:
        print(f"the best cell of each task fails at {options.failing:.0%} of its final runs")
        report(failing(tables, options.failing), options)


if __name__ == "__main__":
    main()
