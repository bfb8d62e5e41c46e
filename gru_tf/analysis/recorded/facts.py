"""What is known of how results came about, as data: definition, machine, versions, time."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gru_tf.analysis.recorded.paths import without_paths
from gru_tf.analysis.report import provenance
from gru_tf.analysis.results import Results
from gru_tf.experiment import files, yaml_file
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.wall_time import wall_time
from gru_tf.foundation import environment

FORMAT, VERSION = "gru_tf.record", 1


def facts(results: Results) -> dict[str, Any]:
    """The facts, ready for JSON; nothing in them is a path of the machine."""
    experiment, runs = results.experiment, results.runs
    trace = provenance.trace(experiment, runs)
    return {
        "format": FORMAT,
        "version": VERSION,
        "name": experiment.name,
        "question": experiment.question,
        "smaller": experiment.smaller,
        "protocol": experiment.protocol,
        "not_followed": list(experiment.not_followed),
        "fingerprint": experiment.fingerprint,
        "command": command(experiment),
        "seeds": list(experiment.seeds),
        "runs": counts(runs),
        "seconds": seconds(runs),
        "days": days(runs),
        "commit": trace.commit,
        "machine": {name: without_paths(value) for name, value in trace.machine if name != "commit"} | _cores(runs),
        "data": {data.name: dict(data.files) for data in trace.data},
    }


def command(experiment: Experiment) -> str:
    """What runs it: with its seeds, where these are not the file's."""
    place, file = place_of(experiment.name)
    own = yaml_file.load(file).seeds if file is not None else experiment.seeds
    first, last = min(experiment.seeds), max(experiment.seeds)
    every = tuple(range(first, last + 1)) == experiment.seeds
    named = f"{first}-{last}" if every else ",".join(map(str, experiment.seeds))
    return f"gru-tf run {place}" + ("" if own == experiment.seeds else f" --seeds {named}")


def place_of(name: str) -> tuple[str, Path | None]:
    """What `gru-tf run` calls an experiment: of the package, its name behind its group, and its file; else None."""
    places = ((f"{group}/{name}".lstrip("/"), named[name]) for group, named in files.groups().items() if name in named)
    return next(places, (name, None))


def counts(runs: Sequence[RunResult]) -> dict[str, int]:
    """How many runs there are, of each purpose, and by how they ended."""
    purposes = {f"{name}s": sum(r.run.purpose == name for r in runs) for name in ("final", "trial", "baseline")}
    ends = {name: sum(r.status == name for r in runs) for name in ("finished", "diverged", "failed")}
    return {"all": len(runs), **purposes, **ends}


def seconds(runs: Sequence[RunResult]) -> dict[str, float]:
    """Seconds in which at least one run was going on; those of all runs together; and of these those of training epochs."""
    training = sum(r.speed.train_seconds for r in runs if r.speed)
    return {
        "wall": round(wall_time(runs), 1),
        "runs": round(sum(r.seconds for r in runs), 1),
        "training": round(training, 1),
    }


def days(runs: Iterable[RunResult]) -> list[str]:
    """First and last day of the runs."""
    known = sorted(f"{datetime.fromtimestamp(r.started, UTC):%Y-%m-%d}" for r in runs)
    return [known[0], known[-1]] if known else []


def _cores(runs: Iterable[RunResult]) -> dict[str, int]:
    """Cores of this machine, where all runs were on its processor: they are not recorded with a run."""
    devices = {str(r.environment["device"]) for r in runs if r.environment.get("device")}
    return {"cores": environment.cores()} if devices == {environment.processor()} else {}
