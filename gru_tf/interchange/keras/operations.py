"""Operations of `keras.ops` that a graph may contain: none makes numbers of its own, calls a function, or is random.

Keras names them by their module and class. Those that only create arrays (`arange`, `zeros`, `full`) are not among them: in
a file Keras writes their result. What those that repeat or pad can make is limited by `gru_tf.interchange.keras.sizes`.
"""

from collections.abc import Mapping
from typing import Any

from gru_tf.foundation.errors import UserError, shown
from gru_tf.interchange.keras.objects import class_name, is_plain, options_of
from gru_tf.interchange.keras.stock import DTYPES

PACKAGE = "keras.src.ops."
SHAPING = {
    *("GetItem", "Reshape", "Transpose", "ExpandDims", "Squeeze", "Concatenate", "Stack", "Split", "Tile", "Repeat", "Flip"),
    *("Roll", "Moveaxis", "Swapaxes", "Pad", "BroadcastTo", "Take"),
}
ELEMENTWISE = {
    *("Add", "Subtract", "Multiply", "TrueDivide", "Divide", "FloorDivide", "Mod", "Power", "Maximum", "Minimum"),
    *("Negative", "Abs", "Absolute", "Sign", "Square", "Sqrt", "Reciprocal", "Exp", "Expm1", "Log", "Log1p", "Clip"),
    *("Sin", "Cos", "Tan", "Sinh", "Cosh", "Tanh", "Arctan", "Floor", "Ceil", "Round", "OnesLike", "ZerosLike"),
    *("Greater", "GreaterEqual", "Less", "LessEqual", "Equal", "NotEqual"),
    *("LogicalAnd", "LogicalOr", "LogicalNot", "Where"),
}
REDUCING = {"Mean", "Sum", "Max", "Min", "Prod", "Std", "Var", "Any", "All", "Argmax", "Argmin", "Quantile", "Cumsum"}
PRODUCTS = {"Matmul", "Dot", "Einsum"}
ACTIVATIONS = {
    *("Relu", "Relu6", "LeakyRelu", "Elu", "Selu", "Gelu", "Silu", "Sigmoid", "HardSigmoid", "LogSigmoid", "Softplus"),
    *("Softsign", "Softmax", "LogSoftmax", "OneHot", "Normalize"),
}
OPERATIONS: Mapping[str, set[str]] = {
    f"{PACKAGE}numpy": SHAPING | ELEMENTWISE | REDUCING | PRODUCTS,
    f"{PACKAGE}nn": ACTIVATIONS,
    f"{PACKAGE}math": {"Rsqrt", "Erf", "Logsumexp"},
    f"{PACKAGE}core": {"Cast", "ConvertToTensor", "Unstack"},
    f"{PACKAGE}linalg": {"Norm"},
}
ARRAYS = {"__numpy__", "__tensor__"}  # constants in a graph
OPERANDS = 2  # of an Einsum: with more, what lies between them could be larger than its result


def is_operation(config: Mapping[str, Any]) -> bool:
    """Whether an object of Keras 3 claims to be an operation."""
    return str(config.get("module")).startswith(PACKAGE)


def name_modules(value: Any) -> None:
    """Give each operation in a config the module that Keras 3 leaves out in a .h5 file, which it then cannot load itself.

    Some operations are called like layers, whose configs have `trainable`.

    Args:
        value: the config; changed in place.
    """
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        name_modules(each)
    options = options_of(value)
    if isinstance(value, dict) and "inbound_nodes" in value and isinstance(options, dict) and "trainable" not in options:
        kind = class_name(value)
        home = next((module for module, names in OPERATIONS.items() if kind in names), None)
        if home is not None and "module" not in value:
            value |= {"module": home, "registered_name": kind}


def known(config: Mapping[str, Any]) -> bool:
    """Whether an operation is one of these."""
    module, kind = config.get("module"), class_name(config)
    return isinstance(module, str) and kind in OPERATIONS.get(module, ()) and config.get("registered_name") in (kind, None)


def check(where: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a known operation; raises UserError where they are more than numbers, text and lists."""
    options = options_of(config)
    if not isinstance(options, dict) or not is_plain(list(options.values())):
        expected = f"numbers, text or lists as options of the operation {class_name(config)}"
        raise UserError(f"{where}: expected {expected}. Received: {shown(options)}")
    if options.get("dtype") is not None and options["dtype"] not in DTYPES:
        expected = f"dtype of the operation {class_name(config)} to be one of {', '.join(sorted(DTYPES))}"
        raise UserError(f"{where}: expected {expected}. Received: {shown(options['dtype'])}")
    if str(options.get("subscripts", "")).count(",") >= OPERANDS:
        expected = f"an Einsum of at most {OPERANDS} tensors"
        raise UserError(f"{where}: expected {expected}. Received: {shown(options['subscripts'])}")
    return options


def constant(where: str, kind: str, options: Any) -> dict[str, Any]:
    """A constant array of a graph; raises UserError where it is more than numbers."""
    value, dtype = (options.get(key) for key in ("value", "dtype")) if isinstance(options, dict) else (None, None)
    if not isinstance(value, bool | int | float | list) or not is_plain(value) or dtype not in DTYPES:
        raise UserError(f"{where}: expected a constant of numbers with its dtype. Received: {shown(options)}")
    return {"class_name": kind, "config": {"value": value, "dtype": dtype}}
