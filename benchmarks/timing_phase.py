"""Whether the timing phase gives the same ratios twice: three phases, each in a process of its own, on a busy machine.

    python benchmarks/timing_phase.py [--phases 3] [--busy 2] [--seconds 60] [--within 0.03]

The networks are those of the quickstart at its budget. As many other processes as `--busy` says compute meanwhile. Of each
ratio of two step times it prints every phase's with its interval, and how far the phases are apart.
"""

import argparse
import itertools
import os
import subprocess
import sys
from pathlib import Path

QUICKSTART = Path(__file__).parent.parent / "experiments" / "quickstart.yaml"
SPIN = "import numpy as np\na = np.random.rand(300, 300)\nwhile True: a @ a"


def measure(task, seconds, within):
    """The phase of one of the quickstart's tasks, in this process."""
    from gru_tf.experiment import yaml_file
    from gru_tf.training import timing, trainer

    trainer.configure(1)
    one = yaml_file.load(QUICKSTART)
    return timing.measure([one.run(one.tasks[task], cell, one.seeds[0]) for cell in one.cells], seconds, within)


def phase(task, options):
    """The same in a process of its own."""
    from gru_tf.experiment.timing import Timing

    command = [sys.executable, __file__, "--task", str(task), "--seconds", str(options.seconds)]
    done = subprocess.run([*command, "--within", str(options.within)], capture_output=True, text=True, check=True)
    return Timing.model_validate_json(done.stdout.splitlines()[-1])


def report(phases):
    """Each phase in a line, then each ratio over all phases."""
    from gru_tf.analysis.statistics.ratios import ratio

    for one in phases:
        load = " to ".join(f"{load[0]:.1f}" for load in (one.load_before, one.load_after) if load)
        steps = ", ".join(f"{cell} {network.step_ms:.2f}" for cell, network in one.timed.items())
        print(f"{one.task}: {one.rounds} rounds, {one.seconds:.0f} s, load {load}, {one.ended}; ms/step {steps}", flush=True)
    for what, (a, b) in itertools.product(
        ("train_ms", "train_cpu_ms", "predict_ms"), itertools.combinations(phases[0].timed, 2)
    ):
        ratios = [ratio(getattr(one.timed[a], what), getattr(one.timed[b], what)) for one in phases]
        means = [value.mean for value in ratios]
        apart = 100 * (max(means) / min(means) - 1)
        shown = "  ".join("{:.3f} [{:.3f}, {:.3f}]".format(*value) for value in ratios)
        print(f"  {what} {a}/{b}: {shown}; {apart:.1f} % apart")
    print(flush=True)


def main():
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--phases", type=int, default=3)
    parser.add_argument("--busy", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--within", type=float, default=0.03)
    parser.add_argument("--task", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task is not None:
        print(measure(options.task, options.seconds, options.within).model_dump_json())
        return
    spinning = [
        subprocess.Popen([sys.executable, "-c", SPIN], env={**os.environ, "OMP_NUM_THREADS": "1"})
        for _ in range(options.busy)
    ]
    try:
        for task in (0, 1):
            report([phase(task, options) for _ in range(options.phases)])
    finally:
        for process in spinning:
            process.kill()


if __name__ == "__main__":
    main()
