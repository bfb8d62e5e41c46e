"""Whether a call on whole numbers gives the type that Keras declares for it.

Many layers declare their own type, float32, but add or join whole numbers in int32 all the same, where sums begin again from
the lowest number and nothing is rounded.
"""

import inspect
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import keras
from keras.src import backend  # traces a call

from gru_tf.foundation.errors import one_line
from gru_tf.interchange.onnx.export.exported_tensor import NotExportedError

ADVICE = "cast them first: `ops.cast(x, 'float32')`"


def check(operation: Any, arguments: dict[str, Any], outputs: Sequence[Any]) -> None:
    """Refuse a call whose result is of another type than Keras declares; one without whole numbers is not looked at.

    Args:
        operation: a layer or an operation.
        arguments: of the call, by name, with symbolic tensors.
        outputs: symbolic tensors, which have the declared types.

    Raises:
        NotExportedError: naming both types; also where Keras cannot compute the call.
    """
    if not takes_whole_numbers(operation, arguments):
        return
    declared, given = [_dtype(spec) for spec in outputs], computed(operation, arguments)
    if given != declared:
        raise NotExportedError(
            f"declares {', '.join(declared)} but computes {', '.join(given)} from whole numbers; {ADVICE}"
        )


def takes_whole_numbers(operation: Any, arguments: dict[str, Any]) -> bool:
    """Also truth values of an operation; those of a layer are masks, which are no numbers."""
    kinds = ("int",) if isinstance(operation, keras.layers.Layer) else ("int", "bool")
    tensors = [leaf for leaf in keras.tree.flatten(arguments) if isinstance(leaf, keras.KerasTensor)]
    known = isinstance(operation, keras.Operation)
    return known and any(kind in _dtype(tensor) for tensor in tensors for kind in kinds)


def computed(operation: Any, arguments: dict[str, Any]) -> list[str]:
    """The types that the backend gives the results of a call.

    Args:
        operation: a layer or an operation.
        arguments: of the call, by name, with symbolic tensors.

    Raises:
        NotExportedError: where Keras cannot compute the call.
    """
    bound = inspect.BoundArguments(inspect.signature(operation.call), OrderedDict(arguments))
    try:
        specs = backend.compute_output_spec(operation.call, *bound.args, **bound.kwargs)
    except Exception as error:  # a layer may raise anything
        raise NotExportedError(f"Keras does not compute it from such inputs ({one_line(error)}); {ADVICE}") from None
    return [_dtype(spec) for spec in keras.tree.flatten(specs)]


def _dtype(spec: Any) -> str:
    return str(keras.backend.standardize_dtype(spec.dtype))
