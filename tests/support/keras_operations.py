"""An example of every operation of `keras.ops` and every TensorFlow function that a Keras file may have in its graph.

Each takes two tensors, (batch, 5, 4).
"""

from functools import partial

import numpy as np
import tensorflow as tf
from keras import ops

T, F = 5, 4
RAMP = np.arange(F, dtype="float32")

OPERATIONS = {
    "GetItem": lambda x, _: x[:, -1, ::2],
    "Reshape": lambda x, _: ops.reshape(x, (-1, 2, 10)),
    "Transpose": lambda x, _: ops.transpose(x, (0, 2, 1)),
    "ExpandDims": lambda x, _: ops.expand_dims(x, 1),
    "Squeeze": lambda x, _: ops.squeeze(x[:, :1], 1),
    "Concatenate": lambda x, y: ops.concatenate([x, y], axis=1),
    "Stack": lambda x, y: ops.stack([x, y], axis=2),
    "Split": lambda x, _: ops.split(x, [1, 3], axis=1)[1],
    "Tile": lambda x, _: ops.tile(x, (1, 2, 3)),
    "Repeat": lambda x, _: ops.repeat(x, 3, axis=1),
    "Flip": lambda x, _: ops.flip(x, axis=1),
    "Roll": lambda x, _: ops.roll(x, 2, axis=1),
    "Moveaxis": lambda x, _: ops.moveaxis(x, 1, -1),
    "Swapaxes": lambda x, _: ops.swapaxes(x, 1, 2),
    "Pad": lambda x, _: ops.pad(x, ((0, 0), (1, 2), (0, 0)), constant_values=3.0),
    "BroadcastTo": lambda x, _: ops.sum(x, axis=(0, 1), keepdims=True) + ops.broadcast_to(x[:1, :1, :], (1, T, F)),
    "Take": lambda x, _: ops.take(x, np.array([2, 0]), axis=1),
    "Add": lambda x, _: x + RAMP,
    "Subtract": lambda x, _: 1 - x,
    "Multiply": lambda x, y: x * y,
    "TrueDivide": lambda x, _: x / 3,
    "Divide": lambda x, y: ops.divide(x, ops.exp(y)),
    "FloorDivide": lambda x, _: x // 0.5,
    "Mod": lambda x, _: ops.mod(x, 0.7),
    "Power": lambda x, _: x**3,
    "Maximum": lambda x, y: ops.maximum(x, y - 1),
    "Minimum": lambda x, _: ops.minimum(x, 0.1),
    "Negative": lambda x, _: -x,
    "Abs": lambda x, _: ops.abs(x),
    "Absolute": lambda x, _: ops.absolute(x),
    "Sign": lambda x, _: ops.sign(x),
    "Square": lambda x, _: ops.square(x),
    "Sqrt": lambda x, _: ops.sqrt(ops.square(x) + 1),
    "Reciprocal": lambda x, _: ops.reciprocal(ops.exp(x)),
    "Exp": lambda x, _: ops.exp(x),
    "Expm1": lambda x, _: ops.expm1(x),
    "Log": lambda x, _: ops.log(ops.exp(x) + 1),
    "Log1p": lambda x, _: ops.log1p(ops.exp(x)),
    "Clip": lambda x, _: ops.clip(x, -0.5, 0.5),
    "Sin": lambda x, _: ops.sin(x),
    "Cos": lambda x, _: ops.cos(x),
    "Tan": lambda x, _: ops.tan(x / 9),
    "Sinh": lambda x, _: ops.sinh(x),
    "Cosh": lambda x, _: ops.cosh(x),
    "Tanh": lambda x, _: ops.tanh(x),
    "Arctan": lambda x, _: ops.arctan(x),
    "Floor": lambda x, _: ops.floor(x * 3),
    "Ceil": lambda x, _: ops.ceil(x * 3),
    "Round": lambda x, _: ops.round(x * 3),
    "OnesLike": lambda x, _: x + ops.ones_like(x),
    "ZerosLike": lambda x, _: x + ops.zeros_like(x),
    "Greater": lambda x, y: ops.where(x > y, x, 0.0),
    "GreaterEqual": lambda x, y: ops.where(x >= y, 1.0, x),
    "Less": lambda x, y: ops.where(x < y, x, y),
    "LessEqual": lambda x, y: ops.where(x <= y, x, y),
    "Equal": lambda x, y: ops.where(ops.equal(ops.sign(x), ops.sign(y)), x, y),
    "NotEqual": lambda x, y: ops.where(ops.not_equal(ops.sign(x), ops.sign(y)), x, y),
    "LogicalAnd": lambda x, y: ops.where(ops.logical_and(x > 0, y > 0), x, y),
    "LogicalOr": lambda x, y: ops.where(ops.logical_or(x > 0, y > 0), x, y),
    "LogicalNot": lambda x, y: ops.where(ops.logical_not(x > 0), x, y),
    "Where": lambda x, y: ops.where(x > 0.2, x, y),
    "Mean": lambda x, _: ops.mean(x, axis=1),
    "Sum": lambda x, _: ops.sum(x, axis=(1, 2), keepdims=True),
    "Max": lambda x, _: ops.max(x, axis=1),
    "Min": lambda x, _: ops.min(x, axis=-1, keepdims=True),
    "Prod": lambda x, _: ops.prod(x, axis=1),
    "Std": lambda x, _: ops.std(x, axis=1),
    "Var": lambda x, _: ops.var(x, axis=1),
    "Any": lambda x, y: ops.where(ops.any(x > 1, axis=1, keepdims=True), x, y),
    "All": lambda x, y: ops.where(ops.all(x > -1, axis=1, keepdims=True), x, y),
    "Argmax": lambda x, _: ops.cast(ops.argmax(x, axis=1), "float32"),
    "Argmin": lambda x, _: ops.cast(ops.argmin(x, axis=-1), "float32"),
    "Quantile": lambda x, _: ops.quantile(x, 0.3, axis=1),
    "Cumsum": lambda x, _: ops.cumsum(x, axis=1),
    "Matmul": lambda x, y: ops.matmul(x, ops.transpose(y, (0, 2, 1))),
    "Dot": lambda x, _: ops.dot(x, np.eye(F, 2, dtype="float32") + 1),
    "Einsum": lambda x, y: ops.einsum("bti,bsi->bts", x, y),
    "Relu": lambda x, _: ops.relu(x),
    "Relu6": lambda x, _: ops.relu6(9 * x),
    "LeakyRelu": lambda x, _: ops.leaky_relu(x, 0.3),
    "Elu": lambda x, _: ops.elu(x, 0.6),
    "Selu": lambda x, _: ops.selu(x),
    "Gelu": lambda x, _: ops.gelu(x),
    "Silu": lambda x, _: ops.silu(x),
    "Sigmoid": lambda x, _: ops.sigmoid(x),
    "HardSigmoid": lambda x, _: ops.hard_sigmoid(x),
    "LogSigmoid": lambda x, _: ops.log_sigmoid(x),
    "Softplus": lambda x, _: ops.softplus(x),
    "Softsign": lambda x, _: ops.softsign(x),
    "Softmax": lambda x, _: ops.softmax(x, axis=1),
    "LogSoftmax": lambda x, _: ops.log_softmax(x),
    "OneHot": lambda x, _: ops.one_hot(ops.argmax(x, axis=-1), F),
    "Normalize": lambda x, _: ops.normalize(x),
    "Rsqrt": lambda x, _: ops.rsqrt(ops.exp(x)),
    "Erf": lambda x, _: ops.erf(x),
    "Logsumexp": lambda x, _: ops.logsumexp(x, axis=1),
    "Cast": lambda x, _: ops.cast(x > 0, "float32"),
    "ConvertToTensor": lambda x, _: ops.convert_to_tensor(x, dtype="float32"),
    "Unstack": lambda x, _: ops.unstack(x, axis=1)[3],
    "Norm": lambda x, _: ops.norm(x, axis=-1),
}
WITHOUT_COUNTERPART = {"Quantile", "Prod"}


def applied(names, home, make=lambda f, x, _: f(x)):
    """Functions of a module, each applied to the tensors in this way."""
    return {name: partial(make, getattr(home, name.rpartition(".")[2])) for name in names}


def below(package, *names):
    return [f"{package}.{name}" for name in names]


FUNCTIONS = {
    **applied(below("math", "negative", "abs", "exp", "expm1", "square", "tanh", "sin", "cos", "sign", "sigmoid"), tf.math),
    **applied(below("math", "floor", "ceil", "round", "softplus", "erf"), tf.math, lambda f, x, _: f(3 * x)),
    **applied(below("math", "log", "log1p", "sqrt", "rsqrt", "reciprocal"), tf.math, lambda f, x, _: f(tf.exp(x))),
    "math.log_sigmoid": lambda x, _: tf.math.log_sigmoid(x),
    "math.logical_not": lambda x, y: tf.where(tf.logical_not(x > 0), x, y),
    **applied(below("nn", "relu", "relu6", "elu", "selu", "silu", "softsign"), tf.nn),
    "zeros_like": lambda x, _: x + tf.zeros_like(x),
    "ones_like": lambda x, _: x + tf.ones_like(x),
    **applied(below("math", "add", "subtract", "multiply", "maximum", "minimum"), tf.math, lambda f, x, y: f(x, y)),
    **applied(
        below("math", "greater", "less", "equal", "greater_equal", "less_equal", "not_equal"),
        tf.math,
        lambda f, x, y: tf.where(f(x, y), x, 0.0),
    ),
    "math.truediv": lambda x, _: 2 / x,
    "math.divide": lambda x, y: tf.math.divide(x, tf.exp(y)),
    "math.pow": lambda x, _: x**2,
    "math.floordiv": lambda x, _: tf.math.floordiv(x, 0.5),
    "compat.v1.floor_div": lambda x, _: x // 0.5,
    "math.floormod": lambda x, _: x % 0.5,
    "__operators__.add": lambda x, _: x + RAMP,
    "math.logical_and": lambda x, y: tf.where(tf.logical_and(x > 0, y > 0), x, y),
    "math.logical_or": lambda x, y: tf.where(tf.logical_or(x > 0, y > 0), x, y),
    **applied(
        below("math", *(f"reduce_{name}" for name in ("mean", "sum", "max", "min", "prod", "std", "variance", "logsumexp"))),
        tf.math,
        lambda f, x, _: f(x, axis=1, keepdims=True),
    ),
    "math.reduce_any": lambda x, y: tf.where(tf.reduce_any(x > 1, 1, keepdims=True), x, y),
    "math.reduce_all": lambda x, y: tf.where(tf.reduce_all(x > -1, 1, keepdims=True), x, y),
    "math.argmax": lambda x, _: tf.cast(tf.argmax(x, 1), "float32"),
    "math.argmin": lambda x, _: tf.cast(tf.argmin(x, -1), "float32"),
    "squeeze": lambda x, _: tf.squeeze(x[:, :1], 1),
    "compat.v1.squeeze": lambda x, _: tf.compat.v1.squeeze(x[:, :1], squeeze_dims=[1]),
    "gather": lambda x, _: tf.gather(x, [2, 0], axis=1),
    "compat.v1.gather": lambda x, _: tf.compat.v1.gather(x, [2, 0], axis=1),
    "norm": lambda x, _: tf.norm(x, axis=-1),
    "compat.v1.norm": lambda x, _: tf.compat.v1.norm(x, ord=1, axis=-1, keepdims=True),
    "where": lambda x, y: tf.where(x > 0.1, x, y),
    "compat.v1.where": lambda x, y: tf.compat.v1.where(x > 0.1, x, y),
    "pad": lambda x, _: tf.pad(x, [[0, 0], [1, 0], [0, 0]], constant_values=2.0),
    "compat.v1.pad": lambda x, _: tf.compat.v1.pad(x, [[0, 0], [1, 0], [0, 2]]),
    **dict.fromkeys(("math.l2_normalize", "nn.l2_normalize", "linalg.l2_normalize"), lambda x, _: tf.nn.l2_normalize(x, -1)),
    "transpose": lambda x, _: tf.transpose(x, (0, 2, 1)),
    "compat.v1.transpose": lambda x, _: tf.compat.v1.transpose(x, (0, 2, 1)),
    "__operators__.getitem": lambda x, _: x[:, -1, 1:],
    "cast": lambda x, _: tf.cast(x > 0, "float32"),
    "clip_by_value": lambda x, _: tf.clip_by_value(x, -0.5, 0.5),
    "concat": lambda x, y: tf.concat([x, y], axis=-1),
    "expand_dims": lambda x, _: tf.expand_dims(x, 1),
    "identity": lambda x, _: tf.identity(x),
    "linalg.matmul": lambda x, y: tf.matmul(x, y, transpose_b=True),
    "math.add_n": lambda x, y: tf.add_n([x, y]),
    "math.cumsum": lambda x, _: tf.cumsum(x, axis=1),
    "nn.bias_add": lambda x, _: tf.nn.bias_add(x, RAMP),
    "nn.gelu": lambda x, _: tf.nn.gelu(x),
    "nn.leaky_relu": lambda x, _: tf.nn.leaky_relu(x),
    "nn.log_softmax": lambda x, _: tf.nn.log_softmax(x),
    "nn.softmax": lambda x, _: tf.nn.softmax(x, axis=1),
    "one_hot": lambda x, _: tf.one_hot(tf.argmax(x, -1), F),
    "repeat": lambda x, _: tf.repeat(x, 3, axis=1),
    "reshape": lambda x, _: tf.reshape(x, (tf.shape(x)[0], 10, 2)),
    "reverse": lambda x, _: tf.reverse(x, [1]),
    "slice": lambda x, _: tf.slice(x, [0, 1, 0], [-1, 2, -1]),
    "split": lambda x, _: tf.split(x, [1, 3], axis=-1)[1],
    "stack": lambda x, y: tf.stack([x, y], axis=1),
    "tile": lambda x, _: tf.tile(x, (1, 2, 1)),
    "unstack": lambda x, _: tf.unstack(x, axis=1)[2],
}
OTHER_NAMES = {  # by which this version of TensorFlow calls the same function
    "math.divide": "math.truediv",
    "math.floordiv": "compat.v1.floor_div",
    **{name: f"compat.v1.{name}" for name in ("squeeze", "gather", "norm", "pad", "transpose")},
    **dict.fromkeys(("nn.l2_normalize", "linalg.l2_normalize"), "math.l2_normalize"),
}


def model(library, make):
    """A model of two inputs that computes this."""
    inputs = [library.Input((T, F)) for _ in range(2)]
    return library.Model(inputs, make(*inputs))


def named(made):
    """The names of the functions that a model of TF-Keras calls."""
    return {layer.get_config()["function"] for layer in made.layers if "function" in layer.get_config()}
