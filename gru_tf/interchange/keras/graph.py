"""Graphs of Keras models, rewritten from Keras 2's form into that of Keras 3: which layer is called on which tensors."""

from collections.abc import Iterator, Mapping
from typing import Any

from gru_tf.foundation.errors import UserError, did_you_mean, several, shown
from gru_tf.interchange.keras.layer_rewriter import LayerRewriter
from gru_tf.interchange.keras.objects import class_name, is_origin
from gru_tf.interchange.keras.stock import FUNCTIONS, RECURRENT
from gru_tf.interchange.keras.tf_layer import TensorFlowLayer

STATEFUL = RECURRENT | {"Bidirectional"}  # a call's further inputs are their initial states
PASSED = {"training", "mask"}  # options of a call that Keras 3 knows too
ATTENTION = {"return_attention_scores", "use_causal_mask"}
PASSED_TO = {
    "Attention": ATTENTION,
    "AdditiveAttention": ATTENTION,
    "MultiHeadAttention": ATTENTION | {"value", "key", "attention_mask"},
}
Origin = list[Any]  # layer, node, output


class KerasGraph:
    """The layers of a functional model and the calls that connect them.

    Args:
        config: rewrites the layers.
        layers: from the file.
        options: the model's, with its inputs and outputs.
    """

    def __init__(self, config: LayerRewriter, layers: list[Any], options: Mapping[str, Any]):
        self.config, self.layers, self.options = config, layers, options
        self.names = [_name(layer) for layer in layers]
        self.shifted = self._shifted() if config.keras_2 else set()
        self.used: set[str] = set()  # layers whose tensors something takes

    def rewrite(self) -> dict[str, Any]:
        """Layers with their nodes, inputs and outputs, as `keras.Model.from_config` takes them.

        Raises:
            UserError: for a layer that does not exist, and for layers that are refused themselves.
        """
        rewritten: dict[str, Any] = {}
        functions: dict[str, TensorFlowLayer] = {}
        for name, layer in zip(self.names, self.layers, strict=True):
            nodes = layer.get("inbound_nodes") if isinstance(layer, dict) else None
            if self.config.keras_2 and class_name(layer) in FUNCTIONS:
                functions[str(name)] = TensorFlowLayer(self.config.where, name, layer)
                continue
            config = self.config.layer(layer)
            if name is None or not isinstance(nodes, list):
                raise self._error(name, "a name and inbound_nodes", shown(nodes))
            calls = [self._call(name, config["class_name"], node) for node in nodes]
            rewritten[name] = config | {"name": name, "inbound_nodes": calls}
        ends = {key: self._ends(key) for key in ("input_layers", "output_layers")}
        while reached := [name for name in functions if name in self.used and name not in rewritten]:
            rewritten |= {name: functions[name].rewrite(self.tensor) for name in reached}
        return {"layers": [rewritten[name] for name in map(str, self.names) if name in rewritten], **ends}

    def _call(self, name: str, kind: str, node: Any) -> dict[str, Any]:
        if isinstance(node, dict) and not self.config.keras_2:
            return {key: self.config.known(node.get(key, empty)) for key, empty in (("args", []), ("kwargs", {}))}
        if isinstance(node, list) and node and isinstance(node[0], str):  # a single tensor
            node = [node]
        if not isinstance(node, list) or not node or not all(map(is_origin, node)):
            raise self._error(name, "calls on tensors of other layers", shown(node))
        tensors = [self.tensor(each) for each in node]
        options = dict(node[0][3]) if len(node[0]) > 3 and isinstance(node[0][3], dict) else {}
        states = options.pop("initial_state", None)
        further = [self.tensor(each) for each in _tensors(states)]
        kwargs = self._kwargs(name, options, PASSED | PASSED_TO.get(kind, set()))
        if kind in STATEFUL and (further or len(tensors) > 1):
            further = tensors[1:] + further
            return {"args": tensors[:1], "kwargs": {**kwargs, "initial_state": further if len(further) > 1 else further[0]}}
        return {"args": tensors if len(tensors) == 1 else [tensors], "kwargs": kwargs}

    def _kwargs(self, name: str, options: Mapping[str, Any], passed: set[str]) -> dict[str, Any]:
        """The options of a call that are set; Keras 3 must know them, too."""
        kwargs: dict[str, Any] = {}
        for key, value in options.items():
            if value is None:
                continue
            if key not in passed:
                known = several(sorted(passed))
                raise self._error(name, f"a call with no options but {known}", f"{key}={shown(value)}")
            masks = key == "mask" and isinstance(value, list) and not is_origin(value)
            kwargs[key] = [self._option(name, key, each) for each in value] if masks else self._option(name, key, value)
        return kwargs

    def _option(self, name: str, key: str, value: Any) -> Any:
        if is_origin(value):
            return self.tensor(value)
        if value is not None and not isinstance(value, bool):
            raise self._error(name, f"{key} to be true, false or a tensor", shown(value))
        return value

    def tensor(self, tensor: Origin) -> dict[str, Any]:
        """In Keras 3's form, whose shape and dtype Keras does not read: it takes those of the tensor at this place."""
        history = self._origin(tensor)
        return {"class_name": "__keras_tensor__", "config": {"shape": [None], "dtype": "float32", "keras_history": history}}

    def _origin(self, tensor: Origin) -> list[Any]:
        name, node, output = tensor[:3]
        if name not in self.names:
            known = [each for each in self.names if each]
            raise UserError(
                f"{self.config.where}: expected the name of a layer.{did_you_mean(str(name), known)} Received: {shown(name)}"
            )
        self.used.add(name)
        return [name, node - (name in self.shifted), output]

    def _ends(self, key: str) -> Any:
        """Inputs or outputs; Keras 2 lists a single one, though the model then takes or returns no list."""
        ends = self.options.get(key)
        if self.config.keras_2 and isinstance(ends, list) and len(ends) == 1:
            ends = ends[0]
        return self._end(ends, key)

    def _end(self, end: Any, key: str) -> Any:
        if is_origin(end):
            return self._origin(end)
        if isinstance(end, dict) and end and not self.config.keras_2:
            return {name: self._end(each, key) for name, each in end.items()}
        if not isinstance(end, list) or not end:
            raise self._error(self.options.get("name"), f"{key} to be tensors", shown(end))
        return [self._end(each, key) for each in end]

    def _shifted(self) -> set[str]:
        """Nested models: Keras 2 counts their own graph as node 0 and calls from 1, Keras 3 counts calls from 0."""
        used: dict[str, set[int]] = {}
        for tensor in self._all_tensors():
            used.setdefault(tensor[0], set()).add(tensor[1])
        models = {name for name, layer in zip(self.names, self.layers, strict=True) if "layers" in _options(layer)}
        return {name for name in models if name and min(used.get(name, {0})) >= 1}

    def _all_tensors(self) -> Iterator[Origin]:
        for layer in self.layers:
            yield from _tensors(layer.get("inbound_nodes") if isinstance(layer, dict) else None)
        for key in ("input_layers", "output_layers"):
            yield from _tensors(self.options.get(key))

    def _error(self, name: Any, expected: str, received: str) -> UserError:
        return UserError(f"{self.config.where}: layer {shown(name)}: expected {expected}. Received: {received}")


def _tensors(value: Any) -> Iterator[Origin]:
    """All tensors in a value."""
    if is_origin(value):
        yield value
        value = value[3:]
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _tensors(each)


def _options(layer: Any) -> Mapping[str, Any] | list[Any]:
    """The layer's config; the oldest Sequential models have a list of layers there."""
    config = layer.get("config") if isinstance(layer, dict) else None
    if isinstance(config, list):
        return ["layers"]
    return config if isinstance(config, dict) else {}


def _name(layer: Any) -> str | None:
    if not isinstance(layer, dict):
        return None
    options = layer.get("config")
    name = layer.get("name", options.get("name") if isinstance(options, dict) else None)
    return name if isinstance(name, str) else None
