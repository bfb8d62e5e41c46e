"""Times a training step of RNN, LSTM and GRU into docs/explanation/speed.json: `python docs/measuring_speed.py`.

At equal units and at equal parameters, by this project's kernels and by Keras' own layers with and without XLA, all in turn:
what is kept is the processor's time in each round, which other work on the machine disturbs less than the clock's, so that a
ratio is one of the same moment. About two minutes.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.experiment.specs import Choice, ModelSpec
from gru_tf.machine.speed.cases import Case, Effort
from gru_tf.machine.speed.timing import Trial, product_rate
from gru_tf.recurrent.cells import CELLS
from gru_tf.training import trainer
from gru_tf.training.network import budget

FILE = Path(__file__).parent / "explanation" / "speed.json"
CELLS_TIMED, PATHS, UNITS = ("rnn", "lstm", "gru"), ("fused", "keras xla", "keras"), 64


def cases() -> Iterator[tuple[str, Case]]:
    """(What is equal, case): the budget is what an LSTM of 64 units has, head included."""
    shared = {"what": "train", "units": UNITS}
    parameters = Case(cell=Choice(name="lstm"), path="fused", **shared).size.parameters
    for path in PATHS:
        for cell in CELLS_TIMED:
            case = Case(cell=Choice(name=cell), path=path, **shared)
            yield "units", case
            solved = budget.solve(CELLS.find(cell), {}, case.signature, ModelSpec(parameters=parameters))
            yield "parameters", case.but(units=solved.units)


def processor_seconds(trial: Trial) -> float:
    """Of a training step, in a group of repeats."""
    begin = time.process_time()
    trial.ready.repeat(trial.group_size)
    return (time.process_time() - begin) / trial.group_size


def measured(rounds: int) -> list[dict[str, Any]]:
    """Every case, with the time of a step in each round, in milliseconds."""
    effort = Effort(rounds, 3, 0.05)
    rate = product_rate(effort)
    trials = [(equal, Trial(case, rate, effort)) for equal, case in cases()]
    times: list[list[float]] = [[] for _ in trials]
    for _ in range(rounds):
        for (_, trial), each in zip(trials, times, strict=True):
            each.append(1000 * float(np.median([processor_seconds(trial) for _ in range(effort.groups)])))
    return [
        {
            "cell": trial.case.cell.name,
            "path": trial.case.path,
            "equal": equal,
            "units": trial.case.units,
            "parameters": trial.ready.parameters,
            "kernel": trial.ready.kernel_path,
            "compile_seconds": round(trial.ready.compile_seconds, 2),
            "ms": [round(value, 4) for value in each],
        }
        for (equal, trial), each in zip(trials, times, strict=True)
    ]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    trainer.configure(1)
    machine = {name: value for name, value in trainer.machine().items() if name != "commit"}
    shape = Case(cell=Choice(name="gru"), path="fused", what="train", units=UNITS)
    content = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine,
        "batch": shape.batch,
        "timesteps": shape.timesteps,
        "features": shape.features,
        "cases": measured(arguments.rounds),
    }
    FILE.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
