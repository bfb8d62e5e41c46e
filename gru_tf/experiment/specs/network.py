"""The network around a cell: its size or budget, its depth, and a trained stack to start from."""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_serializer, model_validator

from gru_tf.experiment.specs.choice import PINNED
from gru_tf.experiment.specs.spec import Positive, Spec

LATER = (  # as those of `TrainingSpec`: left out of a dump at their defaults
    "scaling",
    "linear_path",
    "quantiles",
    "attention",
    "counted",
    "initial",
    "initial_scale",
    "keep_biases",
    "input_dropout",
    "embedding_dropout",
    "variational",
    "tied",
    "residual",
    "layer_norm",
)
SCALED = ("uniform", "normal")  # initial values of which `initial_scale` says how large they are
NEW_LAYERS = ("initial", "tied", "residual", "layer_norm")  # fields that a file's recurrent layers leave no room for
STARTING = ("start", "from", "frozen", "sha256")  # fields of a `ModelSpec` about a file to start from
Rate = Annotated[float, Field(ge=0, lt=1)]
Initial = Literal[
    "keras",
    "uniform",
    "normal",
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "lecun_uniform",
    "lecun_normal",
]


class ModelSpec(Spec):
    """The network around a cell.

    Args:
        units: size of each layer's state; or
        parameters: budget of weights, head included, from which the units follow.
        counted: which weights it is of: those of the "whole" network, or of the "recurrent" layers alone, as in papers that
            count these (Chung and others 2014).
        budget: "size" (the same units or parameters), or "seconds": also the same training time, `training.seconds`.
        layers: depth of the stack.
        bidirectional: whether a second stack reads the sequence backwards.
        dropout: share of each recurrent layer's output that is dropped in training, in [0, 1).
        implementation: "stock" (as shipped: Keras' own layer, cuDNN on a GPU, or a parallel scan; this project's cell
            where there is neither) or "custom" (this project's cell, step by step: the same implementation for all).
        scaling: of each window of a forecast by itself, in the network, undone at its output: the "difference" from the last
            value, "standard" (mean and deviation), "robust" (median and interquartile range) or "none"; see
            `gru_tf.training.network.window_scaling`.
        linear_path: so many last steps are also mapped to the output linearly, beside the recurrence; 0 for none. See
            `gru_tf.training.network.linear_path`.
        quantiles: whether it learns, in place of the mean, quantiles of each value: the median, which is then its forecast,
            and the ends of intervals of 80 and 95 %; see `gru_tf.training.network.quantile_head`.
        attention: how the decoder of a task whose answer is written sees what was read: "general" attention (Luong and
            others 2015), "additive" attention before each step (Bahdanau and others 2015), the last state beside the input
            of each step, "context" (Cho and others 2014), or that state at the beginning alone, "none" (Sutskever and others
            2014); see `gru_tf.training.network.encoder_decoder`.
        initial: how weights begin: "keras" (each layer's own way, as in Keras); all of them drawn from one distribution,
            "uniform" within ± `initial_scale` or "normal" of that deviation, biases too; or matrices alone by one of Keras'
            initializers, "glorot", "he" or "lecun" with "_uniform" or "_normal"; see
            `gru_tf.training.network.initial_distributions`.
        initial_scale: of "uniform" and "normal".
        keep_biases: whether these two leave biases as Keras has them: at zero, and an LSTM's forget gate at 1.
        input_dropout: share of what the first recurrent layer reads that is dropped in training, in [0, 1): of embedded
            tokens, or of the numbers of each step.
        embedding_dropout: share of the words that a sequence does without in training, in [0, 1): wherever such a word
            stands in it, its embedding is zero (Gal and Ghahramani 2016, arXiv 1512.05287, sec. 4.2); an encoder-decoder has
            none.
        variational: whether `dropout` and `input_dropout` drop the same numbers at all steps of a sequence (the same paper,
            eq. 7); with the cell's `recurrent_dropout` it is their whole scheme.
        tied: whether the embedding's matrix is also that of the output, which then has no bias (Press and Wolf 2017, arXiv
            1608.05859); the embedding must be as wide as the last recurrent layer's output.
        residual: whether each recurrent layer's input is added to its output, through a learned matrix where their widths
            differ; as in `gru_tf.stacked`.
        layer_norm: whether each recurrent layer's output is normalised (Ba and others 2016, arXiv 1607.06450), likewise.
        start: in YAML `from`: file of a trained stack, any that `gru_tf.import_model` reads, that is the recurrent part
            instead; units, layers and directions follow from it, see `gru_tf.training.network.pretrained`.
        frozen: whether that part keeps its weights while the rest learns.
        sha256: first 16 digits of the file's checksum; filled in when an experiment is loaded.
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    units: Positive | None = None
    parameters: Positive | None = None
    counted: Literal["whole", "recurrent"] = "whole"
    budget: Literal["size", "seconds"] = "size"
    layers: Positive = 1
    bidirectional: bool = False
    dropout: Rate = 0.0
    implementation: Literal["stock", "custom"] = "stock"
    scaling: Literal["none", "difference", "standard", "robust"] = "none"
    linear_path: Annotated[int, Field(ge=0)] = 0
    quantiles: bool = False
    attention: Literal["general", "additive", "context", "none"] = "general"
    initial: Initial = "keras"
    initial_scale: Annotated[float, Field(gt=0)] | None = None
    keep_biases: bool = False
    input_dropout: Rate = 0.0
    embedding_dropout: Rate = 0.0
    variational: bool = False
    tied: bool = False
    residual: bool = False
    layer_norm: bool = False
    start: Annotated[str, Field(min_length=1)] | None = Field(default=None, alias="from")
    frozen: bool = False
    sha256: str = ""

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        if self.start is not None:
            return self._sized_by_its_file()
        if self.frozen or self.sha256:
            raise ValueError(
                f"expected 'from' (a file) together with '{'frozen' if self.frozen else PINNED}'. Received: none"
            )
        if (self.units is None) == (self.parameters is None):
            both = "neither" if self.units is None else "both"
            raise ValueError(f"expected one of 'units' and 'parameters'. Received: {both}")
        if self.counted != "whole" and self.parameters is None:
            raise ValueError(f"expected 'parameters' together with 'counted'. Received: {self.counted} with units alone")
        return self

    @model_validator(mode="after")
    def _initial_values(self) -> Self:
        scaled = self.initial in SCALED
        if scaled and self.initial_scale is None:
            raise ValueError(f"expected 'initial_scale' together with 'initial: {self.initial}'. Received: none")
        others = {"initial_scale": self.initial_scale is not None, "keep_biases": self.keep_biases}
        for name, given in others.items():
            if given and not scaled:
                value = getattr(self, name)
                raise ValueError(
                    f"expected '{name}' together with 'initial: uniform' or 'initial: normal' alone. Received: {value}"
                )
        return self

    def _sized_by_its_file(self) -> Self:
        for name in NEW_LAYERS:
            if (value := getattr(self, name)) != type(self).model_fields[name].default:
                raise ValueError(
                    f"expected no '{name}' together with 'from', whose file has the recurrent layers. Received: {value}"
                )
        sizes = {"units": self.units, "parameters": self.parameters, "layers": self.layers > 1}
        sizes["counted"] = self.counted != "whole"
        for name, value in {**sizes, "bidirectional": self.bidirectional}.items():
            if value:
                raise ValueError(
                    f"expected no '{name}' together with 'from': the file defines it. Received: {getattr(self, name)}"
                )
        return self

    @model_serializer(mode="wrap")
    def _as_in_yaml(self, inner: Any) -> dict[str, Any]:
        """Without the fields about a file where there is none, so that runs keep their earlier fingerprints."""
        fields: dict[str, Any] = inner(self)
        for name in LATER:
            if name in fields and fields[name] == type(self).model_fields[name].default:
                del fields[name]
        start = {"from" if name in ("start", "from") else name: fields.pop(name) for name in STARTING if name in fields}
        return fields if self.start is None else {**fields, **start}

    def check_variational(self, searched: Collection[str]) -> None:
        """Raise ValueError for `variational` where there is no dropout whose masks it could keep, nor any in a search."""
        dropped = any(getattr(self, name) or name in searched for name in ("dropout", "input_dropout"))
        if (self.variational or "variational" in searched) and not dropped:
            raise ValueError(
                "expected 'model.variational' together with 'model.dropout' or 'model.input_dropout', whose masks it keeps"
                " over a sequence. Received: neither"
            )

    @property
    def included(self) -> str:
        """Which weights the budget counts, as a table has it behind the number; "" where there is none."""
        if self.parameters is None:
            return ""
        return ", head included" if self.counted == "whole" else " of the recurrent layers"

    @property
    def size(self) -> str:
        """The size in words, e.g. "12,000 parameters"."""
        if self.start is not None:
            return f"the size of {Path(self.start).name}, {'frozen' if self.frozen else 'fine-tuned'}"
        if self.parameters:
            return f"{self.parameters:,} parameters"
        return f"{self.units} unit{'s' * (self.units != 1)}"
