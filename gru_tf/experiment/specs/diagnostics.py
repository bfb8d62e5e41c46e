"""Which diagnostics an experiment records."""

from typing import Annotated, Any

from pydantic import BeforeValidator

from gru_tf.foundation.errors import did_you_mean, shown

DIAGNOSTICS = ("gates", "saturation", "memory", "gradients")


def _diagnostics(value: Any) -> Any:
    """`true` for all of them, `false` or null for none, or a list of names; always in the same order."""
    if value is None or isinstance(value, bool):
        return DIAGNOSTICS if value else ()
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"received {shown(value)}, expected true, false or a list of {', '.join(DIAGNOSTICS)}")
    for name in value:
        if name not in DIAGNOSTICS:
            near = did_you_mean(str(name), DIAGNOSTICS)
            raise ValueError(f"received {shown(name)}, expected one of {', '.join(DIAGNOSTICS)}.{near}")
        if value.count(name) > 1:
            raise ValueError(f"expected each name once. Received: '{name}' {value.count(name)} times")
    return tuple(name for name in DIAGNOSTICS if name in value)


Diagnosed = Annotated[tuple[str, ...], BeforeValidator(_diagnostics)]
