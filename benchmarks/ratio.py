"""`make bench`: this project against stock parts, whole process against whole process, in turn on the same machine.

    python benchmarks/ratio.py [--pairs 3] [--stock SCRIPT ARGUMENT …]

Each pair is one run of the stock script and one of `gru-tf run yardstick`, each into an empty store. The last line is the
median ratio of their wall times with its range over the pairs.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
SUITE = [sys.executable, "-m", "gru_tf.commands.main", "run", str(HERE.parent / "experiments" / "yardstick.yaml")]


def seconds(command):
    """Wall time of a command; its output is shown if it fails."""
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}\n{done.stderr}")
    return time.perf_counter() - started, done.stdout


def suite_accuracies(store):
    """Cell → test accuracies of its seeds, from the store."""
    from gru_tf import results

    found = {}
    for run in results("yardstick", store).runs:
        if run.test is not None:
            found.setdefault(run.run.cell.label, []).append(run.test)
    return found


def stock_accuracies(printed):
    """The same, from lines that begin with a cell's name: one number a seed, or "mean ± standard deviation" at the end."""
    found = {}
    for line in printed.splitlines():
        name, *words = line.split()
        if name not in ("rnn", "lstm", "gru"):
            continue
        if "±" in words:
            mean, _, deviation = words[-3:]
            found[name] = [float(mean) - float(deviation), float(mean) + float(deviation)]
        else:
            found[name] = [float(word) for word in words]
    return found


def spread(values):
    """Mean and range in a few characters."""
    return f"{statistics.fmean(values):.3f} ({min(values):.3f}–{max(values):.3f})"


def main():
    """Time the pairs and print their ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--stock", nargs=argparse.REMAINDER, help="another stock-parts script with its arguments")
    options = parser.parse_args()
    ratios = []
    for pair in range(options.pairs):
        with tempfile.TemporaryDirectory() as folder:
            stock = [sys.executable, *(options.stock or [HERE / "stock_sweep.py", Path(folder) / "stock"])]
            stock_seconds, printed = seconds(stock)
            store = f"sqlite:///{folder}/suite/mlflow.db"
            suite_seconds, _ = seconds([*SUITE, "--store", store])
            ours, theirs = suite_accuracies(store), stock_accuracies(printed)
        ratios.append(stock_seconds / suite_seconds)
        print(f"pair {pair + 1}: stock parts {stock_seconds:.1f} s, gru-tf {suite_seconds:.1f} s, ratio {ratios[-1]:.2f}")
        for cell, scores in ours.items():
            print(f"  {cell:4s} test accuracy: stock parts {spread(theirs[cell])}, gru-tf {spread(scores)}", flush=True)
    print(f"ratio {statistics.median(ratios):.1f} ({min(ratios):.1f}–{max(ratios):.1f})")


if __name__ == "__main__":
    main()
