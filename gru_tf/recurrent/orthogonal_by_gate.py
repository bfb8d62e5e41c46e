"""Initial recurrent weights that are orthogonal gate by gate."""

from numbers import Real
from typing import Any

import keras
from keras import ops
from keras.src.initializers.random_initializers import RandomInitializer  # keeps seeds as Keras' own initializers do


@keras.saving.register_keras_serializable(package="gru_tf")
class OrthogonalByGate(RandomInitializer):
    """Draws an orthogonal matrix for each gate of a recurrent kernel (Saxe et al. 2013, arXiv 1312.6120).

    Keras' `Orthogonal`, the default of recurrent kernels, makes the whole of (H, G·H) one matrix with orthonormal rows: each
    gate's (H, H) is then a part of an orthogonal matrix, whose singular values lie between 0 and 1, about 1/√G on average,
    and states shrink from step to step. Here each gate's are all `gain`.

    Args:
        gain: factor of each matrix.
        seed: an integer, a `keras.random.SeedGenerator`, or None for a random one.

    Shapes: (H, G·H), in Keras' layers and cells as in this project's; in this project's cells with a projection (P, G·H), of
    which each (P, H) has orthonormal rows, or columns where they are fewer.

    Raises:
        ValueError: for a gain that is no number, and at a call for a shape that is not blocks side by side.

    Example:
        >>> layer = keras.layers.LSTM(32, recurrent_initializer=gru_tf.OrthogonalByGate())
    """

    def __init__(self, gain: float = 1.0, seed: Any = None):
        if not isinstance(gain, Real) or isinstance(gain, bool):
            raise ValueError(f"OrthogonalByGate: expected `gain` to be a number. Received: gain={gain!r}")
        super().__init__(seed=seed)
        self.gain: float = float(gain)

    def __call__(self, shape: tuple[int, int], dtype: Any = None, gates: int | None = None) -> Any:
        """The kernel; `gates` is G, None for as many square blocks as there are."""
        rows, columns = self._checked(shape, gates)
        q, r = ops.qr(self.drawn(shape, gates))
        q = q * ops.expand_dims(ops.sign(ops.diagonal(r, axis1=-2, axis2=-1)), -2)  # uniform among orthogonal matrices
        q = ops.transpose(q, (0, 2, 1)) if rows < columns else q
        values = self.gain * ops.reshape(ops.transpose(q, (1, 0, 2)), shape)
        return ops.cast(values, dtype or keras.config.floatx())

    def drawn(self, shape: tuple[int, int], gates: int | None = None) -> Any:
        """The normal numbers whose Q each gate's matrix is, (G, the larger, the smaller of rows and columns), in float32."""
        size = self._checked(shape, gates)
        blocks = shape[1] // size[1]
        return keras.random.normal((blocks, max(size), min(size)), seed=self.seed, dtype="float32")

    @staticmethod
    def _checked(shape: Any, gates: int | None) -> tuple[int, int]:
        """Rows and columns of a gate's matrix."""
        shape = tuple(shape)
        rows, columns = shape if len(shape) == 2 else (0, 0)
        expected = f"(rows, {gates}·H)" if gates else "(H, G·H), a square matrix for each of G gates"
        count = gates or (columns // rows if rows else 0)
        fits = rows > 0 and count > 0 and columns % count == 0 and (gates or columns == count * rows)
        if not fits:
            raise ValueError(f"OrthogonalByGate: expected `shape` to be {expected}. Received: shape={shape!r}")
        return rows, columns // count

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised."""
        return {"gain": self.gain, **super().get_config()}
