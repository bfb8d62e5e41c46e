"""What is stated in advance: claims about cells, and numbers that others have published."""

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
    """A number that others have published, to compare with ours.

    Args:
        task, cell: of the number, as a claim names them.
        metric: of the number; the task's own metric if null.
        value: the number.
        tag: where it comes from: "read" in the paper's text, "quoted" in another text, or "recalled" from memory of the
            paper. It is shown wherever the number is.
        source: the paper.
        differs: how its protocol differs, such as "T = 600, 70K parameters"; null where no difference is known. It is
            shown wherever the number is.
    """

    task: str
    cell: str
    metric: MetricName | None = None
    value: float
    tag: Literal["read", "quoted", "recalled"]
    source: str
    differs: Annotated[str, Field(min_length=1)] | None = None
