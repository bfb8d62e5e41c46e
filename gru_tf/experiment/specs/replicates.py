"""Replicates until something is known, in place of a number of seeds."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from gru_tf.experiment.specs.spec import MOST_SEED, Seed, Spec


class ReplicatesSpec(Spec):
    """How many replicates of each (task, cell) are run: as few as decide every comparison.

    After 5, 8, 13, 21 and 34 replicates all comparisons are tested, see `gru_tf.analysis.statistics.sequential`; a cell of
    which nothing is open any longer is run no further.

    Args:
        until: "decided": until each comparison of the experiment is.
        at_most: replicates at the last look; it may also be any number between these.
        minutes: wall time of all runs together, pauses not counted; null for no limit. When it is over no run is
            begun, and what goes on is stopped; timing the networks, about a tenth of it a task, and publishing come
            after it. A further look is begun where its runs should end in time, going by those so far. With a limit
            replicates come one after the other, and the search of the first is cut when it has used half of it: its
            networks then have the best settings by then, and no range is widened any more. Only replicates that are
            whole in every cell and baseline count; without one there is no answer. It is no part of what the
            experiment is: raised, the same command goes on with all that was kept, a search that was cut excepted.
        seed: of the first replicate; the next have the next seeds.
    """

    until: Literal["decided"] = "decided"
    at_most: Annotated[int, Field(ge=2)] = 34
    minutes: Annotated[float, Field(gt=0)] | None = None
    seed: Seed = 0

    @model_validator(mode="after")
    def _possible_seeds(self) -> Self:
        if (last := self.seed + self.at_most - 1) > MOST_SEED:
            raise ValueError(f"seed: expected at most {MOST_SEED:,} for the last replicate. Received: {last:,}")
        return self

    @property
    def seeds(self) -> tuple[int, ...]:
        """One for each replicate, in their order."""
        return tuple(range(self.seed, self.seed + self.at_most))


def seeds_in(content: Any) -> tuple[int, ...] | None:
    """The seeds of an experiment's replicates; None where it has none, or impossible ones, which their field says."""
    if not isinstance(content, dict) or content.get("replicates") is None:
        return None
    try:
        return ReplicatesSpec.model_validate(content["replicates"]).seeds
    except ValidationError:
        return None
