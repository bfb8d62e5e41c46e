"""Objects in the configs of Keras files: their class, name and options; and how they are written for Keras 3."""

from collections.abc import Mapping
from typing import Any

from gru_tf.recurrent import saved_models


def class_name(config: Any) -> str | None:
    """An object's class, without the package of this project; None where there is none or it is not text."""
    name = config.get("class_name") if isinstance(config, dict) else None
    return name.removeprefix("gru_tf>") if isinstance(name, str) else None


def registered_name(config: Mapping[str, Any]) -> str | None:
    """The name that an object's class was registered under, if it was."""
    names = config.get("registered_name"), config.get("class_name")
    return next((name for name in names if isinstance(name, str) and ">" in name), names[0] if names[0] else None)


def options_of(config: Any) -> Any:
    """An object's own config: a mapping; of the oldest Sequential models, a list."""
    options = config.get("config") if isinstance(config, dict) else None
    return options if isinstance(options, dict | list) else None


def plain(value: Any) -> Any:
    """A value without what Keras 2 wraps around tuples, lists and NumPy numbers."""
    if isinstance(value, dict) and class_name(value) in ("__tuple__", "ListWrapper", "TensorShape") and "items" in value:
        value = value["items"]
    if isinstance(value, dict) and set(value) == {"type", "value"}:
        value = value["value"]
    return [plain(each) for each in value] if isinstance(value, list) else value


def is_plain(value: Any, dicts: bool = False) -> bool:
    """Whether a value is a number, text or a list of them; with `dicts`, also a mapping that is not an object."""
    if isinstance(value, list):
        return all(is_plain(each, dicts) for each in value)
    if dicts and isinstance(value, dict):
        return "class_name" not in value and is_plain(list(value.values()), dicts)
    return value is None or isinstance(value, bool | int | float | str)


def is_origin(value: Any) -> bool:
    """Whether a value says where a tensor comes from: layer, node, output, and perhaps options of the call."""
    if not isinstance(value, list) or len(value) not in (3, 4):
        return False
    return isinstance(value[0], str) and all(isinstance(each, int) and each >= 0 for each in value[1:3])


def activation(name: str) -> Any:
    """An activation function as Keras 3's configs name it."""
    if name not in saved_models.functions():
        return name
    home = saved_models.functions()[name]
    return {"module": home.module, "class_name": "function", "config": name, "registered_name": name}


def keras_3_object(package: str, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The config of an object from "layers" or another package of Keras 3."""
    return {"module": f"keras.{package}", "class_name": name, "config": dict(options), "registered_name": None}
