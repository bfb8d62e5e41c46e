"""TensorFlow functions that are one operation of Keras 3 under another name: their public names, and where Keras has it."""

UNARY = {
    **{f"math.{name.lower()}": f"numpy.{name}" for name in ("Negative", "Abs", "Exp", "Log", "Log1p", "Expm1", "Sqrt")},
    **{f"math.{name.lower()}": f"numpy.{name}" for name in ("Square", "Tanh", "Sin", "Cos", "Sign", "Floor", "Ceil")},
    **{f"math.{name}": f"numpy.{op}" for name, op in (("reciprocal", "Reciprocal"), ("logical_not", "LogicalNot"))},
    **{f"nn.{name.lower()}": f"nn.{name}" for name in ("Relu", "Relu6", "Elu", "Selu", "Silu", "Softsign")},
    "math.sigmoid": "nn.Sigmoid",
    "math.log_sigmoid": "nn.LogSigmoid",
    "math.softplus": "nn.Softplus",
    "math.rsqrt": "math.Rsqrt",
    "math.round": "numpy.Round",
    "math.erf": "math.Erf",
    "zeros_like": "numpy.ZerosLike",
    "ones_like": "numpy.OnesLike",
}
BINARY = {
    **{f"math.{name.lower()}": f"numpy.{name}" for name in ("Add", "Subtract", "Multiply", "Maximum", "Minimum", "Greater")},
    **{f"math.{name.lower()}": f"numpy.{name}" for name in ("Less", "Equal")},
    "math.truediv": "numpy.TrueDivide",
    "math.divide": "numpy.TrueDivide",
    "math.pow": "numpy.Power",
    "math.floordiv": "numpy.FloorDivide",
    "compat.v1.floor_div": "numpy.FloorDivide",
    "math.floormod": "numpy.Mod",
    "__operators__.add": "numpy.Add",
    "math.greater_equal": "numpy.GreaterEqual",
    "math.less_equal": "numpy.LessEqual",
    "math.not_equal": "numpy.NotEqual",
    "math.logical_and": "numpy.LogicalAnd",
    "math.logical_or": "numpy.LogicalOr",
}
REDUCING = {
    **{
        f"math.reduce_{name.lower()}": f"numpy.{name}" for name in ("Mean", "Sum", "Max", "Min", "Prod", "Any", "All", "Std")
    },
    "math.reduce_variance": "numpy.Var",
    "math.reduce_logsumexp": "math.Logsumexp",
}
