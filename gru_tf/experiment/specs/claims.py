"""What is said beforehand: claims about cells, and numbers that others have published."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from gru_tf.experiment.specs.spec import Spec
from gru_tf.foundation.errors import shown
from gru_tf.tasks import MetricName


def _claims(value: Any) -> Any:
    """One claim or a list of them; null for none."""
    if value is None or isinstance(value, str):
        return (value,) if value else ()
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"received {shown(value)}, expected a list of claims, such as 'gru.score > rnn.score'")
    for claim in value:
        if value.count(claim) > 1:
            raise ValueError(f"expected each claim once. Received: {shown(claim)} {value.count(claim)} times")
    return tuple(value)


Claims = Annotated[tuple[str, ...], BeforeValidator(_claims)]


class Published(Spec):
    """A number that others have published, to stand beside ours.

    Args:
        task, cell: whose number, as a claim names them.
        metric: what it is; the task's own metric if null.
        value: the number.
        tag: where it comes from: "read" in the paper's text, "quoted" in another text, or "recalled" from memory of the
            paper. It is shown wherever the number is.
        source: the paper.
        differs: what is otherwise in its protocol, such as "T = 600, 70K parameters"; null where nothing is known to be.
            It is shown wherever the number is.
    """

    task: str
    cell: str
    metric: MetricName | None = None
    value: float
    tag: Literal["read", "quoted", "recalled"]
    source: str
    differs: Annotated[str, Field(min_length=1)] | None = None
