"""A layer of Keras 2 around a TensorFlow function (TFOpLambda, SlicingOpLambda), as an operation of Keras 3 and its call."""

from collections.abc import Callable, Mapping
from typing import Any

from gru_tf.foundation.errors import UserError, shown
from gru_tf.interchange.keras import stock
from gru_tf.interchange.keras.objects import is_origin, options_of
from gru_tf.interchange.keras.tf_call import CONSTANT, GraphTensor, TensorFlowCall
from gru_tf.interchange.keras.tf_functions import TRANSLATIONS


class TensorFlowLayer:
    """One layer.

    Args:
        where: the file, for messages.
        name: of the layer.
        config: in the file.
    """

    def __init__(self, where: str, name: Any, config: Mapping[str, Any]):
        self.where, self.name, self.config = f"{where}: layer {shown(name)}", name, config

    def rewrite(self, written: Callable[[list[Any]], dict[str, Any]]) -> dict[str, Any]:
        """The operation with its call.

        Args:
            written: a tensor's origin as Keras 3 writes it; asked for those that the operation takes.

        Raises:
            UserError: for a function, or an argument of it, that no operation of Keras 3 has.
        """
        options, nodes = options_of(self.config), self.config.get("inbound_nodes")
        options = options if isinstance(options, dict) else {}
        function = options.get("function")
        if not isinstance(function, str) or not isinstance(nodes, list) or len(nodes) != 1:
            raise self._error("a function that is called once", nodes)
        first, further = self._first(nodes[0])
        dtype = stock.dtype(self.where, options.get("dtype"), "the function")
        arguments = {key: _argument(value) for key, value in further.items()}
        operation = TensorFlowCall(self.where, function, first, arguments, dtype, written).translated(TRANSLATIONS)
        return {
            "module": operation.module,
            "class_name": operation.name,
            "config": {**operation.options, "name": self.name},
            "registered_name": operation.name,
            "name": self.name,
            "inbound_nodes": [{"args": list(operation.args), "kwargs": dict(operation.kwargs)}],
        }

    def _first(self, node: Any) -> tuple[Any, Mapping[str, Any]]:
        """The first argument, and the others: Keras 2 writes these with every tensor of the first."""
        if not isinstance(node, list) or not node:
            raise self._error("a function's arguments", node)
        if isinstance(node[0], list):
            each = [self._first(inner) for inner in node]
            return [first for first, _ in each], each[0][1]
        further = node[3] if len(node) > 3 and isinstance(node[3], dict) else {}
        if node[0] == CONSTANT and len(node) > 2:
            return node[2], further
        if not is_origin(node):
            raise self._error("tensors or constants", node)
        return GraphTensor(node), further

    def _error(self, expected: str, received: Any) -> UserError:
        return UserError(f"{self.where}: expected {expected}. Received: {shown(received)}")


def _argument(value: Any) -> Any:
    """An argument in which tensors are recognized."""
    if is_origin(value):
        return GraphTensor(value)
    return [_argument(each) for each in value] if isinstance(value, list) else value
