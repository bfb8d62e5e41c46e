"""Kernels of eight-bit integers, by the contract of `keras.layers.Dense.quantize`; int8 is the one mode there is.

With s the scale of each column of a kernel W, t that of each row of the inputs or states x, ε = 10⁻⁷ and rounding to the
nearest, halves to even:

    s_j = 127 / (max_i |W_ij| + ε),   Q_ij = clip(round(s_j W_ij), −127, 127)                         once, by `quantize`
    t_n = 127 / (max_i |x_ni| + ε),   R_ni = clip(round(t_n x_ni), −127, 127)                         at each step
    (x W)_nj ≈ (Σ_i R_ni Q_ij) / (t_n s_j)                                                            the sum in int32

Scales and quotients are computed in float32 at least, also in a mixed policy. Only the biases are trained afterwards, and
LoRA's matrices, whose product with x is added to this without rounding; the gradient of x is that of x · (Q / s).

Beside Q and s nothing is kept of W: `kernel` and `recurrent_kernel` are then Q / s. A cell that reads these, not
`operand`, multiplies by them in its compute dtype, without rounding its states; so does training with weight dropout.
"""

from dataclasses import dataclass, replace
from typing import Any

import keras
from keras import ops

from gru_tf.recurrent.cells._lora import LowRank

MODE = "int8"


@dataclass(frozen=True, eq=False)
class Int8Kernel:
    """A kernel of integers as a factor: `matmul(values, kernel)`, `columns_of(kernel, …)`.

    Args:
        integers: Q, (I, columns), int8.
        scale: s, (columns,).
        quantizer: of the other factor, None to leave it as it is.
        low_rank: (α/r · A, B) to be added to Q / s, or None.
        dtype: of the product.
    """

    integers: Any
    scale: Any
    quantizer: Any
    low_rank: tuple[Any, Any] | None
    dtype: str

    def floats(self) -> Any:
        """Q / s + α/r · A B, (I, columns), in the scale's type."""
        kernel = ops.cast(self.integers, self.scale.dtype) / self.scale
        return kernel if self.low_rank is None else kernel + ops.cast(ops.matmul(*self.low_rank), self.scale.dtype)

    def product(self, values: Any) -> Any:
        """`values` (…, I) times the kernel, (…, columns)."""
        wide = ops.cast(values, self.scale.dtype)
        if self.quantizer is None:
            product = ops.matmul(wide, ops.cast(self.integers, wide.dtype)) / self.scale
        else:
            product = self._of_integers(wide)
        if self.low_rank is not None:
            a, b = (ops.cast(factor, wide.dtype) for factor in self.low_rank)
            product = product + ops.matmul(ops.matmul(wide, a), b)
        return ops.cast(product, self.dtype)

    def _of_integers(self, values: Any) -> Any:
        """The equations above; with a gradient of their own, for rounding has none."""

        @ops.custom_gradient
        def rounded(values: Any, integers: Any, scale: Any) -> Any:
            def gradient(*args: Any, upstream: Any = None) -> Any:
                upstream = args[0] if upstream is None else upstream
                kernel = ops.cast(integers, scale.dtype) / scale
                return ops.matmul(upstream, ops.transpose(kernel)), None, None

            whole, row_scale = self.quantizer(values, axis=-1)
            product = ops.cast(ops.matmul(whole, integers), scale.dtype)
            return product / (scale * row_scale), gradient

        return rounded(values, self.integers, self.scale)

    def columns(self, first: int, end: int) -> "Int8Kernel":
        """A block of its columns."""
        low_rank = None if self.low_rank is None else (self.low_rank[0], self.low_rank[1][:, first:end])
        return replace(self, integers=self.integers[:, first:end], scale=self.scale[first:end], low_rank=low_rank)


def matmul(values: Any, kernel: Any) -> Any:
    """`values` @ `kernel`, which is an array or an `Int8Kernel`."""
    return kernel.product(values) if isinstance(kernel, Int8Kernel) else ops.matmul(values, kernel)


def split(kernel: Any, count: int) -> list[Any]:
    """Blocks of equally many columns of a kernel, which is an array or an `Int8Kernel`."""
    if not isinstance(kernel, Int8Kernel):
        return list(ops.split(kernel, count, axis=-1))
    width = kernel.scale.shape[0] // count
    return [kernel.columns(n * width, (n + 1) * width) for n in range(count)]


def columns_of(kernel: Any, first: int, end: int) -> Any:
    """The columns from `first` to before `end` of a kernel, which is an array or an `Int8Kernel`."""
    return kernel.columns(first, end) if isinstance(kernel, Int8Kernel) else kernel[..., first:end]


def effective_kernel(name: str) -> Any:
    """A property: the weight of this name, or what LoRA and quantisation make of it; None where the cell has none."""

    def read(cell: Any) -> Any:
        return cell.effective(name)

    def assign(cell: Any, value: Any) -> None:
        if cell.lora_enabled or cell.quantization_mode:
            received = cell.quantization_mode or "LoRA"
            raise AttributeError(f"{type(cell).__name__}: expected a {name} that is a weight. Received: {received}")
        setattr(cell, f"_{name}", value)

    return property(read, assign)


class Quantized(LowRank):
    """What a cell has of `quantize`, and what it stores; beside `keras.layers.Layer` among a class's bases."""

    quantization_config: Any = None

    def quantize(self: Any, mode: Any = None, type_check: bool = True, config: Any = None) -> None:
        """Make integers of the kernels, once, after the cell is built; `model.quantize` calls it.

        A model that has computed goes on with the floats where this is called in the place of `model.quantize`, until
        `model.compile` is called.

        Args:
            mode: "int8".
            type_check: taken for Keras, which has it; subclasses are quantised either way.
            config: a `keras.quantizers.Int8QuantizationConfig`; with `activation_quantizer=None` inputs and states stay.

        Raises:
            NotImplementedError: for another mode, and for kernels of convolutions; `model.quantize` makes a warning of it.
            ValueError: for a weight quantizer with other scales than one a column, and as `keras.layers.Dense`.
        """
        self._check_mode(mode)
        if received := self.other_kernels():
            raise NotImplementedError(
                f"{type(self).__name__}: quantize expected kernels that are matrices. Received: {received}"
            )
        quantizer = self._weight_quantizer(config)
        kernels = {name: ops.cast(getattr(self, f"_{name}"), self.wide_dtype) for name in self.own_kernels()}
        new = {name: quantizer(kernel, to_numpy=True) for name, kernel in kernels.items()}
        for name, (integers, scale) in new.items():
            if tuple(scale.shape) != (1, integers.shape[1]):
                expected = f"one scale a column, (1, {integers.shape[1]}), for {name}"
                raise ValueError(
                    f"{type(self).__name__}: expected {expected}. Received: scales of shape {tuple(scale.shape)}"
                )
        policy = self._dtype_policy
        policy = policy[self.path] if isinstance(policy, keras.dtype_policies.DTypePolicyMap) else policy
        plain = policy.quantization_mode is None
        quantised = keras.dtype_policies.QuantizedDTypePolicy(MODE, policy.name) if plain else None  # refuses float16
        self.quantization_config = config
        for name, (integers, scale) in new.items():
            delattr(self, f"_{name}")
            self.add_int8(name, integers.shape)
            getattr(self, f"_{name}").assign(integers)
            getattr(self, f"{name}_scale").assign(ops.squeeze(scale, 0))
        self._is_quantized = True
        if quantised is not None:
            self.dtype_policy = quantised

    def _weight_quantizer(self, config: Any = None) -> Any:
        config = config or self.quantization_config
        return getattr(config, "weight_quantizer", None) or keras.quantizers.AbsMaxQuantizer(axis=0)

    def _check_mode(self: Any, mode: Any) -> None:
        if mode != MODE:
            raise NotImplementedError(f"{type(self).__name__}: expected `mode` to be '{MODE}'. Received: mode={mode!r}")

    def add_int8(self: Any, name: str, shape: Any) -> None:
        """The weights of a kernel of integers; `build` calls it for a cell that is loaded."""
        self._check_mode(self.quantization_mode or MODE)
        if len(shape) != 2:
            received = f"a {name} of shape {tuple(shape)}"
            raise NotImplementedError(
                f"{type(self).__name__}: {MODE} expected kernels that are matrices. Received: {received}"
            )
        kernel = self.add_weight(name=name, shape=tuple(shape), initializer="zeros", dtype=MODE, trainable=False)
        setattr(self, f"_{name}", kernel)
        scale = self.add_weight(
            name=f"{name}_scale",
            shape=(shape[1],),
            initializer="ones",
            trainable=False,
            dtype=self.wide_dtype,
            autocast=False,  # a scale in bfloat16 has three digits
        )
        setattr(self, f"{name}_scale", scale)
        self._is_quantized = True

    def operand(self: Any, name: str) -> Any:
        """A kernel as `matmul` and `split` take it: W', or where it is quantised an `Int8Kernel`."""
        whole = self.quantization_mode is None or getattr(self, f"_{name}") is None
        return self.effective(name) if whole else self._int8_kernel(name)

    def _int8_kernel(self: Any, name: str) -> Int8Kernel:
        scale, config = ops.convert_to_tensor(getattr(self, f"{name}_scale")), self.quantization_config
        quantizer = keras.quantizers.AbsMaxQuantizer() if config is None else config.activation_quantizer
        integers = ops.convert_to_tensor(getattr(self, f"_{name}"))
        return Int8Kernel(integers, scale, quantizer, self.low_rank(name), self.compute_dtype)

    def effective(self: Any, name: str, dtype: str | None = None) -> Any:
        """A kernel as it counts: the weight itself, or what LoRA and quantisation make of it, in the compute dtype."""
        kernel, low_rank = getattr(self, f"_{name}"), self.low_rank(name)
        if kernel is not None and self.quantization_mode is not None:
            return ops.cast(self._int8_kernel(name).floats(), dtype or self.compute_dtype)
        if kernel is None or low_rank is None:
            return kernel
        return ops.cast(kernel + ops.cast(ops.matmul(*low_rank), kernel.dtype), dtype or self.compute_dtype)

    def _stored(self: Any) -> list[Any]:
        """The weights in a file: kernels, bias and what a subclass adds, then scales; LoRA's are in the kernels."""
        weights = [*self._trainable_variables, *self._non_trainable_variables]
        own = [getattr(self, name, None) for name in ("_kernel", "_recurrent_kernel", "bias")]
        scales = [getattr(self, f"{name}_scale") for name in self.own_kernels() if self.quantization_mode]
        lora = [getattr(self, f"lora_{name}_{x}") for name in self.own_kernels() if self.lora_enabled for x in "ab"]
        known = {id(weight) for weight in (*own, *scales, *lora)}
        others = [weight for weight in weights if id(weight) not in known]
        return [weight for weight in (*own, *others, *scales) if weight is not None]

    def save_own_variables(self: Any, store: Any) -> None:
        """Store the weights; LoRA's matrices inside the kernels, rounded to integers again where the cell is quantised."""
        if not (self.lora_enabled or self.quantization_mode):
            super().save_own_variables(store)  # type: ignore[misc]
            return
        values: dict[int, Any] = {}
        for name in self.own_kernels() if self.lora_enabled else ():
            quantised = self.quantization_mode is not None
            dtype = self.wide_dtype if quantised else self.variable_dtype
            kernel, merged = getattr(self, f"_{name}"), self.effective(name, dtype)
            if quantised:
                merged, scale = self._weight_quantizer()(merged, to_numpy=True)
                values[id(getattr(self, f"{name}_scale"))] = ops.squeeze(scale, 0)
            values[id(kernel)] = merged
        for place, weight in enumerate(self._stored() if self.built else ()):
            store[str(place)] = values.get(id(weight), weight)

    def load_own_variables(self: Any, store: Any) -> None:
        """Assign the stored weights.

        Raises:
            ValueError: for weights of another number or shape, as of a cell that is not quantised.
        """
        if not self.built or not (self.lora_enabled or self.quantization_mode):
            super().load_own_variables(store)  # type: ignore[misc]
            return
        weights = self._stored()
        shapes = [tuple(weight.shape) for weight in weights]
        received = [tuple(store[str(place)].shape) for place in range(len(store.keys()))]
        if shapes != received:
            raise ValueError(f"{type(self).__name__}: expected stored weights of shapes {shapes}. Received: {received}")
        for place, weight in enumerate(weights):
            weight.assign(store[str(place)])
        self.merge_low_rank()

    def get_config(self: Any) -> dict[str, Any]:
        """The configuration, with what LoRA and quantisation need to be built again."""
        config = super().get_config()  # type: ignore[misc]
        return {**config, **adaptation(self)}

    @classmethod
    def from_config(cls: Any, config: dict[str, Any]) -> Any:
        """The cell of this configuration."""
        config = dict(config)
        adapted = {name: config.pop(name) for name in ADAPTATION if name in config}
        cell = super().from_config(config)  # type: ignore[misc]
        adapt(cell, adapted)
        return cell

    def _int8_call(self: Any, *args: Any, **options: Any) -> Any:
        """What Keras calls in the place of `call` under a quantised policy."""
        return self.call(*args, **options)


ADAPTATION = ("quantization_config", "lora_rank", "lora_alpha")


def adaptation(layer: Any) -> dict[str, Any]:
    """Of a cell or a Dense layer, what quantisation and LoRA add to its configuration; empty without them."""
    config: dict[str, Any] = {}
    if layer.quantization_mode is not None:
        config["quantization_config"] = keras.saving.serialize_keras_object(layer.quantization_config)
    if layer.lora_rank:  # also of one that is not built yet
        config |= {"lora_rank": layer.lora_rank, "lora_alpha": layer.lora_alpha}
    return config


def adapt(layer: Any, adapted: dict[str, Any]) -> None:
    """Give a cell or a Dense layer that is not built yet what `adaptation` read of another."""
    for name, value in adapted.items():
        setattr(layer, name, keras.saving.deserialize_keras_object(value) if isinstance(value, dict) else value)
