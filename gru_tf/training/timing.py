"""The networks of one task, timed side by side: real steps on the task's data, in rounds, every network once a round.

Times from training itself were taken beside other workers, at other moments. Here nothing else of the experiment runs, and
what else the machine does meets all networks alike: they take short turns, in an order that is drawn anew each time.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.timing import NetworkTimes, Timing
from gru_tf.foundation import environment
from gru_tf.foundation.block_interval import BLOCKS, log_ratio
from gru_tf.foundation.errors import one_line
from gru_tf.training import trainer
from gru_tf.training.batches import BatchPlan
from gru_tf.training.passes import batches
from gru_tf.training.trainer import Prepared

LEAST = 5  # rounds, however long they take
JUDGED = BLOCKS  # rounds from which an interval may end the phase: five that happen to be alike are no evidence
TURNS = 4  # of each network in a round: half the interval of one long turn on a busy machine, whose load changes in between
DIGITS = 6  # of a millisecond that are kept: a nanosecond

Pass = Callable[[int, int], object]  # over some steps: the first one's number, and how many


class RoundTimes(NamedTuple):
    """Milliseconds of a step of one network in one round, each of training and without updates."""

    train: float
    train_cpu: float
    predict: float
    predict_cpu: float


def measure(runs: Sequence[Run], seconds: float = 60.0, within: float = 0.03, steps: int = 34) -> Timing:
    """Time the networks of final runs of one task, with the data of their seed; what is trained here is kept by nobody.

    Args:
        runs: of one task, one a cell.
        seconds: to spend, building the networks included; five rounds are taken in any case.
        within: how exactly the ratio of every two step times is to be known: half its 95 % interval, 0.03 for ±3 %.
        steps: of training in a round, and as many batches of the validation split without updates. A round goes on with
            its split where the one before ended.

    Returns:
        The times; a network that cannot be built or run has none, and the reason.

    Raises:
        ValueError: for runs of several tasks, or two of one cell.
    """
    tasks, cells = {run.task.label for run in runs}, [run.cell.label for run in runs]
    if len(tasks) != 1 or len(set(cells)) < len(cells):
        received = f"tasks {', '.join(sorted(tasks)) or 'none'}; cells {', '.join(cells) or 'none'}"
        raise ValueError(f"measure: expected runs of one task, each cell once. Received: {received}")
    started, clock, before = time.time(), time.perf_counter(), environment.load()
    built, passes, reasons = _built(runs, steps)
    times, failed, ended = in_rounds(passes, steps, seconds - (time.perf_counter() - clock), within)
    reasons |= failed
    networks = {
        run.cell.label: _times(
            run, built.get(run.cell.label), times.get(run.cell.label, []), reasons.get(run.cell.label, "")
        )
        for run in runs
    }
    machine = trainer.machine()
    return Timing(
        task=tasks.pop(),
        networks=networks,
        steps=steps,
        load_before=before,
        load_after=environment.load(),
        cores=environment.cores(),
        device=machine["device"],
        threads=machine["threads"],
        started=started,
        seconds=time.perf_counter() - clock,
        ended=ended,
    )


def in_rounds(
    passes: Mapping[str, tuple[Pass, Pass]],
    steps: int,
    seconds: float,
    within: float,
    clock: Callable[[], float] = time.perf_counter,
    cpu: Callable[[], float] = time.process_time,
) -> tuple[dict[str, list[RoundTimes]], dict[str, str], str]:
    """Take rounds until the ratios are known, or the time is up.

    Args:
        passes: cell → its pass with updates and its pass without.
        steps: of each network in a round.
        seconds: after which no further round begins, but for the first five.
        within: as in `measure`.
        clock: seconds of wall time.
        cpu: seconds of processor time.

    Returns:
        Cell → its times by round; cell → why it has none; why the rounds ended.
    """
    times: dict[str, list[RoundTimes]] = {cell: [] for cell in passes}
    failed: dict[str, str] = {}
    rng, end, done = np.random.default_rng(0), clock() + seconds, 0
    while times:
        spent = {cell: np.zeros(4) for cell in times}
        for turn in np.array_split(np.arange(done * steps, (done + 1) * steps), min(TURNS, steps)):
            order = [cell for cell in times if cell not in failed]
            for cell in (order[place] for place in rng.permutation(len(order))):
                try:
                    spent[cell] += _turn(passes[cell], int(turn[0]), len(turn), clock, cpu)
                except Exception as error:  # one network's failure is no other's
                    failed[cell] = _reason(error)
        times = {cell: rounds for cell, rounds in times.items() if cell not in failed}
        for cell, rounds in times.items():
            rounds.append(RoundTimes(*(round(1000 * float(part) / steps, DIGITS) for part in spent[cell])))
        done += 1
        if done >= JUDGED and _known([[r.train for r in rounds] for rounds in times.values()], within):
            return times, failed, f"the ratio of every two step times is known to ±{100 * within:g} %"
        if done >= LEAST and clock() >= end:
            return times, failed, "the time was up"
    return times, failed, "no network could be timed"


def _turn(passes: tuple[Pass, Pass], first: int, count: int, clock: Any, cpu: Any) -> list[float]:
    """Seconds of wall and of processor time, of the pass with updates and of that without."""
    spent: list[float] = []
    for one in passes:
        wall, processor = clock(), cpu()
        one(first, count)
        spent += [clock() - wall, cpu() - processor]
    return spent


def _known(series: Sequence[Sequence[float]], within: float) -> bool:
    """Whether half the interval of every ratio is at most `within`; of a single network there is nothing to know."""
    return all(log_ratio(a, b)[1] <= np.log1p(within) for a, b in combinations(series, 2))


def _built(runs: Sequence[Run], steps: int) -> tuple[dict[str, Prepared], dict[str, tuple[Pass, Pass]], dict[str, str]]:
    """Cell → what trains it; cell → its passes, each taken once; cell → why it has none."""
    built: dict[str, Prepared] = {}
    passes: dict[str, tuple[Pass, Pass]] = {}
    reasons: dict[str, str] = {}
    for run in runs:
        cell = run.cell.label
        try:
            built[cell] = trainer.prepare(run)
            own = _passes(run, built[cell])
            for one in own:
                one(0, steps)  # the first pass after compiling fetches what later ones have at hand
            passes[cell] = own
        except Exception as error:
            reasons[cell] = _reason(error)
    return built, passes, reasons


def _reason(error: Exception) -> str:
    return one_line(f"{type(error).__name__}: {error}", 500)


def _passes(run: Run, prepared: Prepared) -> tuple[Pass, Pass]:
    """A pass over the next steps of training, and one over the next batches of validation."""
    compiled, data = prepared.steps, prepared.data
    unseen = "train" if prepared.splits.validation is None else "validation"  # times are the same, wherever they are taken
    plans = [
        batches(run, prepared.task.signature, getattr(prepared.splits, split), compiled.buckets, *shuffle)
        for split, shuffle in (("train", (0,)), (unseen, ()))
    ]

    def train(first: int, count: int) -> None:
        compiled.train(data["train"], part(plans[0], first, count))

    def predict(first: int, count: int) -> None:
        compiled.test(data[unseen], part(plans[1], first, count))

    return train, predict


def part(plan: BatchPlan, first: int, count: int) -> BatchPlan:
    """So many steps from the first on; behind the last of the plan comes its first again."""
    places = np.arange(first, first + count) % len(plan.order)
    return BatchPlan(plan.order[places], plan.valid[places], plan.bucket[places])


def _times(run: Run, prepared: Prepared | None, rounds: Sequence[RoundTimes], reason: str) -> NetworkTimes:
    known: dict[str, Any] = {"fingerprint": run.fingerprint, "batch_size": run.training.batch_size, "error": reason}
    if prepared is None:
        return NetworkTimes(**known)
    train, train_cpu, predict, predict_cpu = zip(*rounds, strict=True) if rounds else ((),) * 4
    return NetworkTimes(
        **known,
        kernel_path=prepared.steps.kernel_path,
        parameters=prepared.network.size.parameters,
        model_bytes=_saved_size(run, prepared),
        train_ms=train,
        train_cpu_ms=train_cpu,
        predict_ms=predict,
        predict_cpu_ms=predict_cpu,
    )


def _saved_size(run: Run, prepared: Prepared) -> int | None:
    """Bytes of the network as a run saves it; its weights take as many whatever they are."""
    try:
        with TemporaryDirectory() as folder:
            file = Path(folder) / "network.keras"
            prepared.steps.export(run).save(file)
            return file.stat().st_size
    except Exception:  # a full disk, say: the times are worth more
        return None
