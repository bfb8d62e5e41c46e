"""Convolutional GRU: the GRU's equations with convolutions in the place of products.

    z_t = σ(W_z * x_t + U_z * h_{t−1} + b_z)                     update gate           (Ballas et al. 2015, eq. 4)
    r_t = σ(W_r * x_t + U_r * h_{t−1} + b_r)                     reset gate            (eq. 5)
    h̃_t = tanh(W_h * x_t + U_h * (r_t ∘ h_{t−1}) + b_h)          reset_after=False     (eq. 6)
    h̃_t = tanh(W_h * x_t + b_h + r_t ∘ (U_h * h_{t−1} + b'_h))   reset_after=True      (as in cuDNN's GRU)
    h_t = z_t ∘ h_{t−1} + (1 − z_t) ∘ h̃_t                        convention="keep"     (Cho et al. 2014, eq. 7)
    h_t = (1 − z_t) ∘ h_{t−1} + z_t ∘ h̃_t                        convention="write"    (Ballas et al. 2015, eq. 7)

An asterisk is a convolution over the spatial axes; those of the state keep its size, with strides of 1 and zeros around it.
The paper has no biases. With kernels of size 1 each pixel has a GRU of its own, with the same weights.

Shapes, with spatial axes S… (the state's S'…) and K = k_1 ⋯ k_rank: kernel (k_1, …, k_rank, C, 3F), recurrent_kernel
(k_1, …, k_rank, F, 3F), blocks z, r, h; bias (3F,), or (2, 3F) with reset_after.
Parameters: 3F(K(C + F) + 1), or 3F(K(C + F) + 2) with reset_after.
References: N. Ballas et al., arXiv 1511.06432, 2015; K. Cho et al., arXiv 1406.1078, 2014.
"""

from functools import partial
from typing import Any

from keras import ops

from gru_tf.recurrent.cells.gru import GRUCell

OWN = ("filters", "kernel_size", "strides", "padding", "dilation_rate")
CHANNELS = "channels_last"  # in the cell always; the layer moves the axis where it is elsewhere
SAME = partial(ops.conv, padding="same", data_format=CHANNELS)


class ConvGRUCell(GRUCell):
    """One step of a convolutional GRU, x (batch, S…, C) and h (batch, S'…, F) → h'; what `gru_tf.ConvGRU2D` runs.

    Args:
        filters: F, channels of the state.
        kernel_size: k_1, …, k_rank.
        strides, padding, dilation_rate: of the convolutions of the input.
        reset_after, convention: as in `GRUCell`.
        **options: those of `RecurrentCell`, without `implementation`: each gate has dropout masks of its own.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: tuple[int, ...],
        strides: tuple[int, ...],
        padding: str,
        dilation_rate: tuple[int, ...],
        reset_after: bool = False,
        convention: str = "keep",
        **options: Any,
    ):
        super().__init__(filters, reset_after, convention, implementation=1, **options)
        self.filters = filters
        self.kernel_size, self.strides, self.padding, self.dilation_rate = kernel_size, strides, padding, dilation_rate
        self.spatial: tuple[int, ...] = ()  # the state's; known when built

    @property
    def state_shapes(self) -> list[tuple[int, ...]]:
        """[(S'…, F)]."""
        return [(*self.spatial, self.filters)]

    def kernel_shape(self, features: int | None) -> tuple[int | None, ...]:
        """(k_1, …, k_rank, features, 3F)."""
        return (*self.kernel_size, *super().kernel_shape(features))

    def spatial_after(self, spatial: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Sizes of the state's spatial axes for inputs of these; None where unknown, below 1 where no kernel fits."""
        axes = zip(spatial, self.kernel_size, self.strides, self.dilation_rate, strict=True)
        return tuple(None if n is None else self._after(n, 1 + rate * (k - 1), step) for n, k, step, rate in axes)

    def _after(self, size: int, covered: int, step: int) -> int:
        return (size - (1 if self.padding == "same" else covered)) // step + 1

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for inputs of shape (batch, S…, C)."""
        self.spatial = self.spatial_after(input_shape[1:-1])  # type: ignore[assignment]  # the layer refuses None
        super().build(input_shape)

    def from_input(self, x: Any, training: bool = False) -> Any:
        """W * x + b of all gates, (batch, S'…, 3F), inputs dropped out in training."""
        masks = self.input_masks(x, training)
        convolution = partial(
            ops.conv, strides=self.strides, padding=self.padding, data_format=CHANNELS, dilation_rate=self.dilation_rate
        )
        product = GRUCell.product(x, self.kernel, masks, convolution)
        return product + self.input_bias() if self.use_bias else product

    @staticmethod
    def product(values: Any, kernel: Any, masks: Any = (), multiply: Any = SAME) -> Any:
        """A kernel's convolution of the state, which keeps its size; masks as in `RecurrentCell`."""
        return GRUCell.product(values, kernel, masks, multiply)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised."""
        config = {**super().get_config(), **{name: getattr(self, name) for name in OWN}}
        return {name: value for name, value in config.items() if name not in ("units", "implementation")}
