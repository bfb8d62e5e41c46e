"""A choice of task or cell: a name with its options, and its label in tables."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from gru_tf.experiment.specs.spec import Scalar, Spec
from gru_tf.foundation.digest import PINNED as PINNED
from gru_tf.foundation.errors import shown

OF_FILES = ("path", "test_path")  # options that name a user's own files
Names = Annotated[tuple[str, ...], Field(strict=False)]  # a list in YAML; a tuple here, which can be hashed


def _of_names(value: Any) -> Any:
    if isinstance(value, list) and not all(isinstance(name, str) for name in value):
        raise ValueError(f"received {shown(value)}, expected a list of strings")
    return value


Option = Annotated[Scalar | Names, BeforeValidator(_of_names)]


class Choice(Spec):
    """A task or a cell by name, with its options; in YAML `adding` or `adding: {length: 100}`."""

    name: str
    options: dict[str, Option] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _from_yaml(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, dict) and len(value) == 1 and not value.keys() & {"name", "options"}:
            name, options = next(iter(value.items()))
            return {"name": name, "options": {} if options is None else options}
        if isinstance(value, Choice) or (isinstance(value, dict) and "name" in value):
            return value
        raise ValueError(
            f"received {shown(value)}, expected a name, or one name with its options: 'name: {{option: value}}'"
        )

    @property
    def label(self) -> str:
        """Name with its options, e.g. "adding(length=100)"; shown in tables, and the key of pairs."""
        return self._named(self.options)

    @property
    def title(self) -> str:
        """The label without folders and checksums of a user's files: shown to readers, and the seed of random numbers.

        The same file in another folder, or with one more row, changes no draw.
        """
        return self._named({k: Path(str(v)).name if k in OF_FILES else v for k, v in self.options.items() if k != PINNED})

    def _named(self, options: Mapping[str, Any]) -> str:
        named = ", ".join(f"{k}={_listed(v)}" for k, v in sorted(options.items()))
        return f"{self.name}({named})" if named else self.name


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
