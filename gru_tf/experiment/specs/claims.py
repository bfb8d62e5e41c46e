"""What is stated in advance about the cells, and judged by the results."""

from typing import Annotated, Any

from pydantic import BeforeValidator

from gru_tf.foundation.errors import shown


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
