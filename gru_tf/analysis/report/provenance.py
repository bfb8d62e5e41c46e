"""Where the numbers of a page come from: protocol, machine, versions, data, and how to reproduce them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gru_tf.analysis.report.protocol import protocol
from gru_tf.experiment import yaml_file
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import OF_FILES, PINNED, Choice
from gru_tf.foundation.errors import UserError

SAME = "same numbers"  # where a rerun gives them: what a run records as its bits
HELD = "to the bit on every Linux machine with an x86-64 processor that has AVX2"


@dataclass(frozen=True)
class DataSet:
    """What a task read.

    Args:
        name: the task with its options.
        digest: as MLflow shows it for the runs, see `gru_tf.experiment.result.DataRead`.
        files: (file, sha256); none for data that are drawn, or come with a package.
    """

    name: str
    digest: str
    files: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Provenance:
    """Where numbers come from.

    Args:
        protocol: (what, how it was done), in words.
        machine: (what, its value), where runs differ each value with their number.
        data: each set once, in the experiment's order of tasks.
        commit: of the code; "" where it is not known or runs differ.
        known: whether the definition is one that comes with the package, so that its name is enough.
        own: whether it reads files of a user's own.
        definition: the experiment as a file.
        when: first and last day of the runs; "" where there are none.
    """

    protocol: tuple[tuple[str, str], ...]
    machine: tuple[tuple[str, str], ...]
    data: tuple[DataSet, ...]
    commit: str
    known: bool
    own: bool
    definition: str
    when: str


def trace(experiment: Experiment, runs: Iterable[RunResult]) -> Provenance:
    """The provenance of an experiment's results."""
    runs = list(runs)
    places = [result.environment for result in runs if result.environment]
    commits = {str(place.get("commit", "")) for place in places}
    return Provenance(
        protocol=tuple(protocol(experiment)),
        machine=tuple(_machine(places)),
        data=tuple(_data(experiment, runs)),
        commit=commits.pop() if len(commits) == 1 else "",
        known=_known(experiment),
        own=any(option in task.options for task in experiment.tasks for option in OF_FILES),
        definition=definition(experiment),
        when=when(runs),
    )


def _data(experiment: Experiment, runs: Iterable[RunResult]) -> list[DataSet]:
    """Those of the runs that recorded where they took place; a run reads the same whichever its cell."""
    order = [task.label for task in experiment.tasks]
    places: dict[DataSet, int] = {}
    for result in runs:
        if result.environment:
            data, label = result.data, result.run.task.label
            files = tuple(sorted((_short(file), str(sha256)) for file, sha256 in data.files.items()))
            place = order.index(label) if label in order else len(order)
            places.setdefault(DataSet(data.name, data.digest, files), place)
    return sorted(places, key=lambda data: places[data])


def definition(experiment: Experiment) -> str:
    """The experiment as a file for `gru-tf run`, of only the names of its users' own files."""
    import yaml

    content = experiment.model_dump(mode="json", exclude={"name"}, exclude_defaults=True)
    if experiment.model.start is not None:
        content["model"] |= {"from": _short(experiment.model.start)}
        content["model"].pop(PINNED, None)
    content["tasks"] = [_choice(task) for task in experiment.tasks]
    content["cells"] = [_choice(cell) for cell in experiment.cells]
    seeds = list(experiment.seeds)
    content["seeds"] = len(seeds) if seeds == list(range(len(seeds))) else seeds
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


def _choice(choice: Choice) -> Any:
    options = {k: _plain(_short(v) if k in OF_FILES else v) for k, v in choice.options.items() if k != PINNED}
    return {choice.name: options} if options else choice.name


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _short(path: object) -> str:
    """A user's own file without its folders; a data set's file as it is."""
    return Path(str(path)).name if Path(str(path)).is_absolute() else str(path)


def _known(experiment: Experiment) -> bool:
    file = yaml_file.names().get(experiment.name)
    try:
        return file is not None and yaml_file.load(file).fingerprint == experiment.fingerprint
    except UserError:
        return False


def _machine(places: Sequence[Mapping[str, Any]]) -> Iterable[tuple[str, str]]:
    for name in ("device", "threads", "kernels", "bits", "commit"):
        values = Counter(str(place[name]) for place in places if place.get(name) not in (None, ""))
        if values:
            yield (SAME, _repeated(values)) if name == "bits" else (name, _counted(values))
    versions: dict[str, Counter[str]] = {}
    for place in places:
        for package, version in place.get("versions", {}).items():
            versions.setdefault(package, Counter())[str(version)] += 1
    for package, values in versions.items():
        yield package, _counted(values)


def _repeated(values: Counter[str]) -> str:
    words = {bits: HELD if bits == "held" else bits.replace("of this machine", "on this machine only", 1) for bits in values}
    return _counted(Counter({words[bits]: count for bits, count in values.items()}))


def _counted(values: Counter[str]) -> str:
    if len(values) == 1:
        return next(iter(values))
    return ", ".join(f"{value} ({count} runs)" for value, count in values.most_common())


def when(runs: Iterable[RunResult]) -> str:
    """First and last day of the runs, "" where there are none."""
    days = sorted(datetime.fromtimestamp(result.started, UTC).date() for result in runs)
    if not days:
        return ""
    first, last = f"{days[0]:%-d %B %Y}", f"{days[-1]:%-d %B %Y}"
    return first if first == last else f"{first} to {last}"
