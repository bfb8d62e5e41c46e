"""The kernel path of every cell and layer option, here and on a GPU, and the condition that prevents cuDNN."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.specs import Choice, ModelSpec
from gru_tf.foundation.errors import UserError
from gru_tf.recurrent import kernel_path
from gru_tf.recurrent.cells import CELLS, CellSpec
from gru_tf.recurrent.kernel_path import Path
from gru_tf.training.network.model import kernel

# name → options of the layer, and arguments of its call
OPTIONS: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    ("default options", {}, {}),
    ("in a Bidirectional", {"bidirectional": True}, {}),
    ("dropout=0.1", {"dropout": 0.1}, {}),
    ("recurrent_dropout=0.1", {"recurrent_dropout": 0.1}, {}),
    ("activation='relu'", {"activation": "relu"}, {}),
    ("recurrent_activation='hard_sigmoid'", {"recurrent_activation": "hard_sigmoid"}, {}),
    ("use_bias=False", {"use_bias": False}, {}),
    ("unroll=True", {"unroll": True}, {}),
    ("use_cudnn=False", {"use_cudnn": False}, {}),
    ("a mask, right-padded", {}, {"mask": "right-padded"}),
    ("a mask, left-padded", {}, {"mask": "left-padded"}),
    ("a mask with an empty row", {}, {"mask": "empty row"}),
    ("XLA requested, jit_compile=True", {}, {"jit": True}),
)


@dataclass(frozen=True)
class PathRow:
    """The kernel path of one cell or option.

    Args:
        name: of the cell with its options, or of the layer's option.
        here: on this machine; gpu: on a GPU.
    """

    name: str
    here: Path
    gpu: Path


def of_cells(gpu: bool) -> Iterator[PathRow]:
    """Every cell in `gru-tf run` as shipped, alone and with each of its options; then all of them step by step.

    Args:
        gpu: whether this machine has one.
    """
    for name in CELLS.names():
        spec = CELLS.find(name)
        for options in _choices(spec):
            yield _row(spec, options, "stock", gpu)
    custom = _row(CELLS.find("gru"), {}, "custom", gpu)
    yield PathRow("any cell with implementation: custom", custom.here, custom.gpu)


def _choices(spec: CellSpec) -> Iterator[dict[str, Any]]:
    yield {}
    for option in spec.options:
        for value in spec.examples(option)[1:]:
            yield {option: value}


def _row(spec: CellSpec, options: dict[str, Any], implementation: Any, gpu: bool) -> PathRow:
    model = ModelSpec(units=spec.fewest_units(options), implementation=implementation)
    label = Choice(name=spec.name, options=options).label
    local, on_gpu = (kernel(model, spec, options, "auto", with_gpu)[0] for with_gpu in (gpu, True))
    return PathRow(label, local, on_gpu)


def of_options(layer: Any, gpu: bool) -> Iterator[PathRow]:
    """The effect of each option on a layer in a user's own Keras program, in `model.fit`.

    Args:
        layer: the layer's class, e.g. `gru_tf.GRU` or `keras.layers.LSTM`.
        gpu: whether this machine has one.
    """
    from keras.layers import Bidirectional

    for name, options, call in OPTIONS:
        arguments = {k: v for k, v in options.items() if k != "bidirectional"}
        instance = layer(1, **arguments)
        instance = Bidirectional(instance) if "bidirectional" in options else instance
        yield PathRow(
            name, kernel_path.find_path(instance, gpu=gpu, **call), kernel_path.find_path(instance, gpu=True, **call)
        )


def of_experiment(experiment: Experiment, gpu: bool) -> Iterator[PathRow]:
    """What trains each cell of an experiment.

    Raises:
        UserError: where this machine cannot run one of them as asked.
    """
    for cell in experiment.cells:
        spec, jit = CELLS.find(cell.name), experiment.training.jit
        local = kernel(experiment.model, spec, cell.options, jit, gpu)[0]
        yield PathRow(cell.label, local, _elsewhere(experiment, spec, cell.options))


def _elsewhere(experiment: Experiment, spec: CellSpec, options: dict[str, Any]) -> Path:
    """The path on a GPU, which another machine may have: a refusal is reported, not raised."""
    try:
        return kernel(experiment.model, spec, options, experiment.training.jit, True)[0]
    except UserError as error:
        return Path("refused", str(error))
