"""Objects in the configs of Keras files: of what class, under which name, with which options; and written for Keras 3."""

from collections.abc import Mapping
from typing import Any

from gru_tf.recurrent import saved_models


def class_name(config: Any) -> str | None:
    """What an object is, or None where it says nothing or something else than text."""
    found = config.get("class_name") if isinstance(config, dict) else None
    return found.removeprefix("gru_tf>") if isinstance(found, str) else None


def registered_name(config: Mapping[str, Any]) -> str | None:
    """Under which name an object's class was registered, if it was."""
    given = config.get("registered_name"), config.get("class_name")
    return next((name for name in given if isinstance(name, str) and ">" in name), given[0] if given[0] else None)


def options_of(config: Any) -> Any:
    """An object's own config: a mapping; of the oldest Sequential models, a list."""
    found = config.get("config") if isinstance(config, dict) else None
    return found if isinstance(found, dict | list) else None


def plain(value: Any) -> Any:
    """A value as JSON has it, out of the wrappings that Keras 2 puts around tuples, lists and numbers of NumPy."""
    if isinstance(value, dict) and class_name(value) in ("__tuple__", "ListWrapper", "TensorShape") and "items" in value:
        value = value["items"]
    if isinstance(value, dict) and set(value) == {"type", "value"}:
        value = value["value"]
    return [plain(each) for each in value] if isinstance(value, list) else value


def is_plain(value: Any, dicts: bool = False) -> bool:
    """Whether a value is a number, text or a list of them; with `dicts`, also a mapping that is no object."""
    if isinstance(value, list):
        return all(is_plain(each, dicts) for each in value)
    if dicts and isinstance(value, dict):
        return "class_name" not in value and is_plain(list(value.values()), dicts)
    return value is None or isinstance(value, bool | int | float | str)


def activation(name: str) -> Any:
    """What Keras 3 finds a function by."""
    if name not in saved_models.functions():
        return name
    home = saved_models.functions()[name]
    return {"module": home.module, "class_name": "function", "config": name, "registered_name": name}


def written(package: str, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """An object of "layers" or another package of Keras 3's."""
    return {"module": f"keras.{package}", "class_name": name, "config": dict(options), "registered_name": None}
