"""The base of all parts of an experiment: frozen, strict in types, closed to unknown keys."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(ge=1)]
MOST_SEED = 2**32 - 1  # of NumPy's legacy generator, which Keras seeds as well
Seed = Annotated[int, Field(ge=0, le=MOST_SEED)]
Scalar = bool | int | float | str
Settings = Mapping[str, Scalar | None]


class Spec(BaseModel):
    """A part of an experiment: frozen, strict in types, closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def but(self, **changes: Any) -> Self:
        """A copy with these fields changed, validated again."""
        return type(self).model_validate({**self.model_dump(), **changes})
