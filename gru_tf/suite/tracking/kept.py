"""The results that the children of an experiment's parent run hold, recognised by their tags, whoever has read these."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import ValidationError

from gru_tf.experiment.result import RunResult
from gru_tf.suite.tracking.tags import FINGERPRINT, MEMBER, MODEL, RESULT, whole


class StoredRun(NamedTuple):
    """A run in a store: its id, the URI of its files, its tags."""

    run_id: str
    place: str
    tags: Mapping[str, str]


@dataclass
class Kept:
    """What the children hold.

    Args:
        results, ids, places, models: fingerprint → the result; the run that has it; the URI of the run's files; that of the
            trained model, if there is one.
        definitions: fingerprint → those of the definitions that use the result.
        left_out: how many results of other definitions, or of other versions of this package, are not among them.
    """

    results: dict[str, RunResult] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    definitions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    left_out: int = 0


def kept(children: Iterable[StoredRun], member: str | None = None) -> Kept:
    """The results of these runs, the last of each fingerprint; without those that were written only in part.

    Args:
        children: oldest first.
        member: fingerprint of the definition whose results are wanted; None for those of every definition.
    """
    all_of_it = Kept()
    for child in children:
        if RESULT not in child.tags:
            continue
        result, definitions = _read(whole(child.tags, RESULT)), tuple(child.tags.get(MEMBER, "").split(","))
        if result is None or (member is not None and member not in definitions):
            all_of_it.left_out += 1
            continue
        fingerprint = child.tags[FINGERPRINT]
        all_of_it.results[fingerprint], all_of_it.definitions[fingerprint] = result, definitions
        all_of_it.ids[fingerprint], all_of_it.places[fingerprint] = child.run_id, child.place
        if MODEL in child.tags:
            all_of_it.models[fingerprint] = child.tags[MODEL]
    return all_of_it


def _read(text: str) -> RunResult | None:
    """A result; None where it was truncated or is of another version of this package: its run is trained again."""
    try:
        return RunResult.model_validate_json(text)
    except ValidationError:
        return None
