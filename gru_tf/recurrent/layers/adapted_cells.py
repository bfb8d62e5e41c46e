"""Quantisation and LoRA of this project's layers, which hand both on to the cells and dense layers in them.

Their configuration has, under "adapted", what each part is quantised by and its LoRA, as the parts themselves are made from
the layer's arguments. `model.quantize` finds the cells by itself.
"""

from collections.abc import Mapping
from typing import Any

import keras

from gru_tf.recurrent.cells._arguments import whole
from gru_tf.recurrent.cells._lora import check_lora
from gru_tf.recurrent.cells._quantized import adapt, adaptation


class AdaptedCells:
    """What a layer with cells has of `quantize` and `enable_lora`; before `keras.layers.Layer` among a class's bases."""

    def parts(self: Any) -> dict[str, Any]:
        """The cells and dense layers in the layer by name; its cell or cells unless the subclass says otherwise."""
        cells = getattr(self.cell, "cells", None)
        return {"cell": self.cell} if cells is None else {f"cells.{n}": cell for n, cell in enumerate(cells)}

    def quantize(self: Any, mode: Any = None, type_check: bool = True, config: Any = None) -> None:
        """Quantise the kernels of all cells, and of dense layers between them; see `gru_tf.recurrent.cells._quantized`.

        Args:
            mode: "int8".
            type_check: as in Keras.
            config: a `keras.quantizers.Int8QuantizationConfig`.

        Raises:
            NotImplementedError: for another mode, or a cell that has none; nothing is then quantised.
            ValueError: where a part is quantised already.
        """
        parts = self._able("quantize", NotImplementedError)
        if mode != "int8":
            raise NotImplementedError(f"{type(self).__name__}: expected `mode` to be 'int8'. Received: mode={mode!r}")
        if any(part.quantization_mode for part in parts):
            raise ValueError(f"{type(self).__name__}: expected cells that are not quantised yet. Received: mode={mode!r}")
        for part in parts:
            part.quantize(mode, type_check=type_check, config=config)
        own = self._dtype_policy
        if own.quantization_mode and not isinstance(own, keras.dtype_policies.DTypePolicyMap):  # Keras' setter called this
            self._dtype_policy = keras.dtype_policies.get(own.get_config()["source_name"])

    def enable_lora(
        self: Any,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
    ) -> None:
        """Enable LoRA in all cells, and in dense layers between them; see `gru_tf.recurrent.cells._lora`.

        Args:
            rank: r.
            lora_alpha: α; None for r.
            a_initializer: of A.
            b_initializer: of B.

        Raises:
            ValueError: for what a cell's own method refuses, and for a cell without it; LoRA is then enabled in none.
        """
        parts, rank = self._able("enable_lora", ValueError), whole(rank)
        for part in parts:
            check_lora(part, rank, lora_alpha, a_initializer, b_initializer)
        for part in parts:
            part.enable_lora(rank, lora_alpha=lora_alpha, a_initializer=a_initializer, b_initializer=b_initializer)

    @property
    def quantization_mode(self) -> str | None:
        """The mode of the parts, None unless all are quantised."""
        modes = {getattr(part, "quantization_mode", None) for part in self.parts().values()}
        return modes.pop() if len(modes) == 1 else None

    @property
    def lora_enabled(self) -> bool:
        """Whether all parts have LoRA."""
        return all(getattr(part, "lora_enabled", False) for part in self.parts().values())

    @property
    def lora_rank(self) -> int | None:
        """The rank in the first part; None without LoRA."""
        return next((getattr(part, "lora_rank", None) for part in self.parts().values()), None)

    @property
    def lora_alpha(self) -> float | None:
        """The α in the first part; None without LoRA."""
        return next((getattr(part, "lora_alpha", None) for part in self.parts().values()), None)

    def get_config(self: Any) -> dict[str, Any]:
        """The configuration, with what its parts need to be built again."""
        config = super().get_config()  # type: ignore[misc]
        if "cell" in config:  # whole, with all that belongs to it
            return config  # type: ignore[no-any-return]
        waiting = {} if self.built else getattr(self, "_adapted", {})  # of parts that `build` makes
        adapted = {**waiting, **configuration_of(self.parts())}
        return {**config, **({"adapted": adapted} if adapted else {})}

    @classmethod
    def from_config(cls: Any, config: dict[str, Any], **options: Any) -> Any:
        """The layer of this configuration."""
        config = dict(config)
        adapted = config.pop("adapted", {})
        layer = super().from_config(config, **options)  # type: ignore[misc]
        if adapted:
            layer._adapted = adapted
        for name, part in layer.parts().items():
            layer._restore(name, part)
        return layer

    def _restore(self: Any, name: str, part: Any) -> None:
        """Give a part that is not built yet what the configuration has for it."""
        restore(part, getattr(self, "_adapted", {}).get(name, {}))

    def _able(self: Any, method: str, error: type[Exception]) -> list[Any]:
        """The parts, if all have LoRA and quantisation."""
        parts = list(self.parts().values())
        for part in parts:
            if not hasattr(part, "enable_lora"):
                raise error(f"{type(self).__name__}: {method} expected cells of gru_tf. Received: {type(part).__name__}")
        return parts

    def _int8_call(self: Any, *args: Any, **options: Any) -> Any:
        """What Keras calls in the place of `call` where `quantization_mode` is int8."""
        return self.call(*args, **options)


def configuration_of(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Of cells and dense layers by name, what those need that are quantised or have LoRA to be built again."""
    adapted = {name: _of(part) for name, part in parts.items() if hasattr(part, "lora_enabled")}
    return {name: changed for name, changed in adapted.items() if changed}


def restore(part: Any, config: Mapping[str, Any]) -> None:
    """Give a part that is not built yet what `configuration_of` has for it."""
    if "dtype" in config:
        part.dtype_policy = keras.dtype_policies.get(config["dtype"])
    adapt(part, {key: value for key, value in config.items() if key != "dtype"})


def build(part: Any, shape: Any) -> None:
    """Build a cell or a dense layer, whose α Keras' own `build` would set to r."""
    alpha = getattr(part, "lora_alpha", None)
    part.build(shape)
    if getattr(part, "lora_enabled", False) and alpha is not None:
        part.lora_alpha = alpha


def _of(part: Any) -> dict[str, Any]:
    config = adaptation(part)
    if part.quantization_mode is not None and not isinstance(part._dtype_policy, keras.dtype_policies.DTypePolicyMap):
        config["dtype"] = keras.dtype_policies.serialize(part.dtype_policy)
    return config
