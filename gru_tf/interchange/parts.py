"""What may stand before, between and behind recurrent layers and computes each step by itself: arrays and names alone."""

from collections.abc import Iterator
from dataclasses import dataclass

from gru_tf.foundation.array import Array

# by Keras' own names; each is the same function in PyTorch and in Keras, with the default settings of both
ACTIVATIONS = (
    "celu", "elu", "exponential", "gelu", "hard_sigmoid", "hard_silu", "hard_tanh", "log_sigmoid", "log_softmax", "mish",
    "relu", "relu6", "selu", "sigmoid", "silu", "softmax", "softplus", "softsign", "tanh", "tanh_shrink",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Linear:
    """A dense layer without activation: x kernel + bias.

    Args:
        kernel: (I, O).
        bias: (O,), or None.
        name: in the source.
    """

    kernel: Array
    bias: Array | None = None
    name: str = ""

    @property
    def takes(self) -> int:
        """Features that it reads."""
        return int(self.kernel.shape[0])

    @property
    def gives(self) -> int:
        """Features that it returns."""
        return int(self.kernel.shape[1])

    def arrays(self) -> Iterator[tuple[str, Array]]:
        """Its arrays by name."""
        yield "kernel", self.kernel
        if self.bias is not None:
            yield "bias", self.bias


@dataclass(frozen=True, eq=False)
class LayerNorm:
    """Layer normalization of the features of each step (Ba and others 2016, eq. 3): γ (x − mean) / √(variance + ε) + β.

    Args:
        gamma, beta: (F,), beta None without one.
        epsilon: added to the variance.
        name: in the source.
    """

    gamma: Array
    beta: Array | None
    epsilon: float
    name: str = ""

    @property
    def takes(self) -> int:
        """Features that it reads."""
        return len(self.gamma)

    gives = takes

    def arrays(self) -> Iterator[tuple[str, Array]]:
        """Its arrays by name."""
        yield "gamma", self.gamma
        if self.beta is not None:
            yield "beta", self.beta


@dataclass(frozen=True, eq=False)
class BatchNorm:
    """Batch normalization of each feature outside training (Ioffe and Szegedy 2015, alg. 2), with the kept statistics.

    Args:
        mean, variance: (F,), of the training data.
        gamma, beta: (F,), None without them.
        epsilon: added to the variance.
        name: in the source.
    """

    mean: Array
    variance: Array
    gamma: Array | None
    beta: Array | None
    epsilon: float
    name: str = ""

    @property
    def takes(self) -> int:
        """Features that it reads."""
        return len(self.mean)

    gives = takes

    def arrays(self) -> Iterator[tuple[str, Array]]:
        """Its arrays by name."""
        for name in ("mean", "variance", "gamma", "beta"):
            if (array := getattr(self, name)) is not None:
                yield name, array


@dataclass(frozen=True)
class Activation:
    """A function without weights, of each number or of the features of each step.

    Args:
        function: one of `ACTIVATIONS`, by Keras' name, or "leaky_relu".
        slope: of a leaky ReLU below zero.
    """

    function: str
    slope: float | None = None
    takes: int | None = None  # any
    gives: int | None = None  # as many

    @property
    def name(self) -> str:
        """As messages call it."""
        return self.function

    def arrays(self) -> Iterator[tuple[str, Array]]:
        """None."""
        return iter(())


Part = Linear | LayerNorm | BatchNorm | Activation
