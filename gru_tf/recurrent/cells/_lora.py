"""Low-rank adaptation of a cell's kernels, by the contract of `keras.layers.Dense.enable_lora`.

    W' = W + (α / r) A B            of the kernel and of the recurrent kernel          (Hu et al. 2021, section 4.1)

W is frozen, A and B are trained, and so is the bias, as in Keras. A file holds W' in the place of W, so that it loads
without LoRA as well; where the loaded cell has LoRA, B is zero and A drawn anew: Keras' Dense has zeros in both, whose
gradients are zero for ever.

Shapes: A (I, r) or (H, r), B (r, G·H).
Reference: E. Hu et al., arXiv 2106.09685, 2021.
"""

from numbers import Real
from typing import Any

import keras
from keras import ops

from gru_tf.recurrent.cells._arguments import is_whole, whole

KERNELS = ("kernel", "recurrent_kernel")


class LowRank:
    """What a cell has of LoRA; beside `keras.layers.Layer` among a class's bases.

    A subclass keeps each of `KERNELS` under its name with "_" before it, None where it has none.
    """

    lora_enabled = False
    lora_rank: int | None = None
    lora_alpha: float | None = None

    def enable_lora(
        self: Any,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
    ) -> None:
        """Freeze the kernels and add a trainable product A B of low rank to each; once, after the cell is built.

        As with Keras' own layers, a model that was compiled, or has computed, goes on with functions in which there is no
        A B, until `model.compile` is called again.

        Args:
            rank: r.
            lora_alpha: α; None for r, with which A B is added as it is.
            a_initializer: of A.
            b_initializer: of B.

        Raises:
            ValueError: for a value that an argument does not take, for a kernel with a constraint or of a convolution, and
                for a cell that is not built or has LoRA already.
        """
        rank = whole(rank)
        check_lora(self, rank, lora_alpha, a_initializer, b_initializer)
        self.add_low_rank(rank, lora_alpha, a_initializer, b_initializer)

    def add_low_rank(
        self: Any, rank: int, alpha: float | None, a_initializer: Any = "he_uniform", b_initializer: Any = "zeros"
    ) -> None:
        """The weights A and B; `build` calls it for a cell that is loaded."""
        self._tracker.unlock()
        for name in self.own_kernels():
            kernel, regularizer = (
                getattr(self, f"_{name}"),
                getattr(self, f"{name.split('kernel')[0] or 'kernel_'}regularizer"),
            )
            for letter, shape, initializer in (
                ("a", (kernel.shape[0], rank), a_initializer),
                ("b", (rank, kernel.shape[1]), b_initializer),
            ):
                weight = self.add_weight(
                    name=f"lora_{name}_{letter}",
                    shape=shape,
                    initializer=keras.initializers.get(initializer),
                    regularizer=regularizer,
                    dtype=self.wide_dtype,
                )
                setattr(self, f"lora_{name}_{letter}", weight)
            if self.quantization_mode:  # never trained; weights stand in one order, whichever of the two came first
                continue
            # tracked anew as frozen, or `trainable = True` of a layer around it would thaw it
            self._untrack_variable(kernel)
            kernel.trainable = False
            self._tracker.unlock()
            self._track_variable(kernel)
        if self.built:
            self._tracker.lock()
        self.lora_enabled, self.lora_rank = True, rank
        self.lora_alpha = rank if alpha is None else alpha

    @property
    def wide_dtype(self: Any) -> str:
        """Of A, B and scales: float32 at least, as in Keras, for in narrower types small differences would be lost."""
        return "float64" if self.variable_dtype == "float64" else "float32"

    def own_kernels(self) -> list[str]:
        """Names of the kernels that the cell has."""
        return [name for name in KERNELS if getattr(self, f"_{name}", None) is not None]

    def other_kernels(self: Any) -> str:
        """The first kernel that is no matrix, as those of convolutions, in words; empty where all are."""
        shapes = {name: tuple(getattr(self, f"_{name}").shape) for name in self.own_kernels()}
        return next((f"a {name} of shape {shape}" for name, shape in shapes.items() if len(shape) != 2), "")

    def low_rank(self: Any, name: str) -> tuple[Any, Any] | None:
        """(α/r · A, B) of a kernel; None without LoRA."""
        if not self.lora_enabled:
            return None
        a, b = (ops.convert_to_tensor(getattr(self, f"lora_{name}_{letter}")) for letter in "ab")
        return a * (self.lora_alpha / self.lora_rank), b

    def merge_low_rank(self: Any) -> None:
        """After weights were loaded, which have A B in them: B is zero."""
        for name in self.own_kernels() if self.lora_enabled else ():
            b = getattr(self, f"lora_{name}_b")
            b.assign(ops.zeros(b.shape, b.dtype))


def check_lora(layer: Any, rank: Any, alpha: Any = None, a_initializer: Any = None, b_initializer: Any = None) -> None:
    """Refuse what `enable_lora` of a cell, or of a Dense layer, does not take; raises ValueError before anything changes."""
    who = type(layer).__name__
    if not (is_whole(rank) and rank > 0):
        raise ValueError(f"{who}: expected `rank` to be a positive integer. Received: rank={rank!r}")
    if not (alpha is None or (isinstance(alpha, Real) and 0 < float(alpha) < float("inf"))):
        raise ValueError(f"{who}: expected `lora_alpha` to be a positive number. Received: lora_alpha={alpha!r}")
    for initializer in (a_initializer, b_initializer):
        keras.initializers.get(initializer)
    for constraint in ("kernel_constraint", "recurrent_constraint"):
        if getattr(layer, constraint, None) is not None:  # which would have to hold for W + A B
            raise ValueError(f"{who}: LoRA expected `{constraint}` to be None. Received: {getattr(layer, constraint)!r}")
    if not layer.built or layer.lora_enabled:
        received = "one that has it already" if layer.built else "one that is not built"
        raise ValueError(f"{who}: LoRA expected a cell with weights and without LoRA. Received: {received}")
    if received := getattr(layer, "other_kernels", str)():
        raise ValueError(f"{who}: LoRA expected kernels that are matrices. Received: {received}")
