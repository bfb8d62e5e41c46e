"""`make bench`: this project against stock parts and against PyTorch + Optuna, whole process against whole process, in turn.

    python benchmarks/ratio.py [--rounds 3] [--peers PYTHON] [--stock SCRIPT ARGUMENT …]

Each round is one run of each contestant, into an empty store; who begins changes from round to round. The last lines are
the median ratios of the wall times to this project's, with their range over the rounds.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
YARDSTICK = HERE.parent / "experiments" / "yardstick.yaml"
PEERS = HERE.parent / ".peers" / "bin" / "python"  # with PyTorch and Optuna; `make bench` makes it
STOCK, TORCH, OURS = "stock parts", "PyTorch + Optuna", "gru-tf"


def peers_python(given):
    """The interpreter that has PyTorch and Optuna: the given one, the one in .peers, or this; None where neither has."""
    if given or PEERS.is_file():
        return given or PEERS
    return sys.executable if find_spec("torch") and find_spec("optuna") else None


def contestants(peers=None, stock=None):
    """Name → what its command is, given a folder: those that can run here."""
    found = {STOCK: lambda folder: [sys.executable, *(stock or [HERE / "stock_sweep.py", folder])]}
    if peers:
        found[TORCH] = lambda folder: [peers, HERE / "torch_sweep.py", folder]
    run = [sys.executable, "-m", "gru_tf.commands.main", "run", YARDSTICK]
    return {**found, OURS: lambda folder: [*run, "--store", uri(folder)]}


def uri(folder):
    """This project's store in a folder."""
    return f"sqlite:///{folder}/mlflow.db"


def timed(command):
    """Wall seconds of a command and what it printed; its output ends this program if it fails."""
    started = time.perf_counter()
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}\n{done.stderr}")
    return time.perf_counter() - started, done.stdout


def stored(folder):
    """Cell → test accuracies of its seeds, from this project's store."""
    from gru_tf import results

    found = {}
    for run in results("yardstick", uri(folder)).runs:
        if run.test is not None:
            found.setdefault(run.run.cell.label, []).append(run.test)
    return found


def printed(text):
    """The same, from lines that begin with a cell's name: one number a seed, or "mean ± standard deviation" at the end."""
    found = {}
    for line in text.splitlines():
        name, *words = line.split() or [""]
        if name not in ("rnn", "lstm", "gru"):
            continue
        if "±" in words:
            mean, _, deviation = words[-3:]
            found[name] = [float(mean) - float(deviation), float(mean) + float(deviation)]
        else:
            found[name] = [float(word) for word in words]
    return found


def play(commands):
    """One round: contestant → (seconds, cell → test accuracies)."""
    outcome = {}
    for name, command in commands:
        with tempfile.TemporaryDirectory() as parent:
            folder = Path(parent) / "store"
            seconds, text = timed(command(folder))
            outcome[name] = seconds, stored(folder) if name == OURS else printed(text)
    return outcome


def spread(values):
    """Mean and range in a few characters."""
    return f"{statistics.fmean(values):.3f} ({min(values):.3f}–{max(values):.3f})"


def describe(number, outcome):
    """The lines of a round: times, then the accuracies of each cell."""
    yield f"round {number}: " + ", ".join(f"{name} {seconds:.1f} s" for name, (seconds, _) in outcome.items())
    for cell in outcome[OURS][1]:
        scores = (f"{name} {spread(accuracies[cell])}" for name, (_, accuracies) in outcome.items() if cell in accuracies)
        yield f"  {cell:4s} test accuracy: " + ", ".join(scores)


def ratios(outcomes):
    """A line a contestant: how many times as long as this project it takes."""
    for name in (n for n in outcomes[0] if n != OURS):
        found = [outcome[name][0] / outcome[OURS][0] for outcome in outcomes]
        yield f"{name} / {OURS}: {statistics.median(found):.1f} ({min(found):.1f}–{max(found):.1f})"


def main():
    """Play the rounds and print them and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", help="a Python interpreter that has PyTorch, Optuna, MLflow and scikit-learn")
    parser.add_argument("--stock", nargs=argparse.REMAINDER, help="another stock-parts script with its arguments")
    options = parser.parse_args()
    commands = list(contestants(peers_python(options.peers), options.stock).items())
    if TORCH not in dict(commands):
        print(f"{TORCH} is left out: neither {PEERS.parent.parent.name} nor this environment has them; make bench does.")
    outcomes = []
    for turn in range(options.rounds):
        first = turn % len(commands)
        outcome = play([*commands[first:], *commands[:first]])
        outcomes.append({name: outcome[name] for name, _ in commands})
        for line in describe(turn + 1, outcomes[-1]):
            print(line, flush=True)
    for line in ratios(outcomes):
        print(line)


if __name__ == "__main__":
    main()
