"""From a resolved network to a Keras model; what computes its recurrence; and the loss that it should minimise."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import keras
from keras import ops

from gru_tf.experiment.specs import ModelSpec
from gru_tf.foundation.errors import UserError
from gru_tf.recurrent import kernel_path
from gru_tf.recurrent.cells import CellSpec
from gru_tf.recurrent.kernel_path import Path
from gru_tf.recurrent.layers import recurrent
from gru_tf.recurrent.layers.last_steps import last_steps
from gru_tf.tasks import Signature
from gru_tf.training.network import (
    between_layers,
    dropouts,
    encoder_decoder,
    linear_path,
    pretrained,
    quantile_head,
    tied_head,
    window_scaling,
)
from gru_tf.training.network.resolution import ResolvedNetwork


def build(
    network: ResolvedNetwork,
    dropout: Callable[..., Any] = keras.layers.Dropout,
    carried_rows: int | None = None,
    ordinary: bool = False,
    dense: Callable[..., Any] = keras.layers.Dense,
    word_dropout: Callable[..., Any] | None = None,
) -> Any:
    """A `keras.Model`, (batch, T, features) → (batch, outputs), or (batch, T, outputs) where every step has a target.

    Token numbers (batch, T) are embedded first; other numbers are multiplied by the signature's `scale`, which is part of
    the network: a saved one takes what the task gives, e.g. grey levels from 0 to 255. A `masked` network has a second
    input "mask" (batch, T), True at real steps. The head is dense and linear: outputs are logits of classes or of
    independent binaries, or values. What `linear_path` and `window_scaling` add is made of Keras' own operations,
    and reads windows of the task's length alone.
    With `model.quantiles` outputs are those of `quantile_head`, (batch, levels · outputs) in blocks, the medians first.
    Of what lies between its layers see `dropouts` and `between_layers`; with `model.tied` there is no head, and
    "embedding" gives the logits.
    With `network.start` the recurrent layers are the file's, and so is the embedding where both know as many tokens.
    Where targets are decoded it is `encoder_decoder.build`'s network, with a last input "written".

    Args:
        network: what `resolve` gave.
        dropout: makes the layer that follows each recurrent layer, or the input, where its rate is above 0; takes a rate,
            and `name` and `noise_shape` as `keras.layers.Dropout`.
        carried_rows: sequences a batch of a network that carries its states from one call to the next; None for one
            that begins each call with zeros.
        ordinary: whether recurrent layers are Keras' own where Keras has them, as in `gru_tf.recurrent.layers.recurrent`.
        dense: makes the head, and what else is dense.
        word_dropout: makes the layer that drops words, see `WordDropout`; None for a network that is not trained further.
    """
    model, signature, start = network.model, network.widened, network.start
    if signature.decoded:
        return encoder_decoder.build(network, dropout, ordinary, dense)
    whole = model.scaling != "none" or model.linear_path > 0  # networks of a whole window, of no other length
    steps, held = signature.timesteps if whole else None, dense is not keras.layers.Dense
    inputs, x, embedding = _inputs(signature, carried_rows, network.features, steps, (model.tied, held))
    call = {"mask": keras.Input((None,), dtype="bool", name="mask")} if network.masked else {}
    x, restored = window_scaling.scaled(x, model.scaling, signature)
    beside = linear_path.outputs(x, model.linear_path, signature, dense) if model.linear_path else None
    x = dropouts.of_words(x, inputs, signature.tokens, model, word_dropout)
    x = dropouts.of_input(x, model, dropout)
    layers, joins = [], between_layers.any_of(model)
    for depth, (units, both) in enumerate(network.layers):
        inner = depth < len(network.layers) - 1 or signature.per_step or joins
        over_time = {"return_sequences": inner, "stateful": carried_rows is not None, "ordinary": ordinary}
        layers.append(recurrent(network.cell, units, network.options, model.implementation, both, **over_time))
        y = dropouts.of_output(layers[-1](x, **call), model, dropout)
        x = between_layers.joined(x, y, depth, model, dense)
    if joins and not signature.per_step:
        x = last_steps(x, call.get("mask"), x.shape[-1] // 2 if model.bidirectional else None)
    head = embedding(x, reverse=True) if model.tied else dense(signature.outputs, name="head")(x)
    outputs = restored(head if beside is None else keras.layers.Add(name="sum")([head, beside]))
    if start is not None:
        pretrained.begin(layers, start, model.frozen, embedding if pretrained.takes_embedding(start, signature) else None)
    return keras.Model([inputs, *call.values()] if call else inputs, outputs, name=network.cell.name)


def _inputs(
    signature: Signature, rows: int | None, width: int, steps: int | None, tied: tuple[bool, bool]
) -> tuple[Any, Any, Any]:
    """The input, what the first recurrent layer reads of it, (batch, T, width), and the embedding if there is one.

    `tied` is whether that is the head too, and if so, whether by the kernels' product.
    """
    if not signature.tokens:
        inputs = keras.Input((steps, width), batch_size=rows, name="sequence")
        scaled = inputs if signature.scale == 1 else keras.layers.Rescaling(signature.scale, name="scale")(inputs)
        return inputs, scaled, None
    inputs = keras.Input((None,), batch_size=rows, dtype="int32", name="sequence")
    name = "embedding"
    if tied[0]:
        embedding = tied_head.embedding(signature.tokens, width, name, held=tied[1])
    else:
        embedding = keras.layers.Embedding(signature.tokens, width, name=name)
    return inputs, embedding(inputs), embedding


def kernel(
    model: ModelSpec, cell: CellSpec, options: Mapping[str, Any], jit: bool | Literal["auto"], gpu: bool
) -> tuple[Path, bool]:
    """What computes the recurrence while training, and whether XLA compiles the step.

    "auto" is XLA wherever there is neither cuDNN nor a fused CPU kernel, which it cannot compile: measured on CPUs it halves
    the time of an epoch of Keras' loop, and a fused kernel halves it again and compiles nothing.

    Args:
        model: whose `implementation` counts.
        cell: what recurs.
        options: of the cell.
        jit: `training.jit`.
        gpu: whether there is a GPU.

    Raises:
        UserError: for XLA where the layer takes cuDNN.
    """
    layer = recurrent(cell, cell.fewest_units(options), options, model.implementation)
    if jit == "auto":
        jit = kernel_path.find_path(layer, gpu=gpu, jit=False).name not in ("cudnn", "fused cpu")
    path = kernel_path.find_path(layer, gpu=gpu, jit=jit)
    if path.name == "fails":
        raise UserError(
            f"training.jit: received true, expected auto or false: on a GPU the stock {cell.name} layer takes cuDNN, and"
            f" {path.why_not_cudnn}; or use model.implementation: custom"
        )
    return path, jit


def loss(signature: Signature, targets: Any, outputs: Any, levels: tuple[float, ...] = ()) -> Any:
    """Loss of each target, (batch,) or (batch, T): cross-entropy in nats, squared error, or summed binary cross-entropy.

    A class of −1, a step without a target, is taken for class 0: its weight must be 0.

    Args:
        signature: of the task.
        targets: as `Examples` has them.
        outputs: of the network.
        levels: of which `outputs` are the quantiles, whose loss is `quantile_head.loss`; () where there are none.
    """
    if signature.target == "class":
        return keras.losses.sparse_categorical_crossentropy(ops.maximum(targets, 0), outputs, from_logits=True)
    targets = ops.cast(targets, outputs.dtype)
    if levels:
        return quantile_head.loss(levels, targets, outputs)
    if signature.target == "value":
        _expect_values(signature, outputs)
        return ops.mean(ops.square(outputs - targets), axis=-1)
    return ops.sum(ops.softplus(outputs) - targets * outputs, axis=-1)


def metric(name: str, signature: Signature, targets: Any, outputs: Any, levels: tuple[float, ...] = ()) -> Any:
    """What a metric is the mean of, of each target, (batch,) or (batch, T); `Metric.value` makes the metric of the mean.

    Of quantiles it is the medians' own.
    """
    if levels:
        outputs = quantile_head.medians(signature, outputs)
    if name == "accuracy":
        return ops.cast(ops.equal(ops.argmax(outputs, axis=-1), ops.cast(targets, "int64")), outputs.dtype)
    if name == "mae":
        _expect_values(signature, outputs)
        return ops.mean(ops.abs(outputs - ops.cast(targets, outputs.dtype)), axis=-1)
    return loss(signature, targets, outputs)


def _expect_values(signature: Signature, outputs: Any) -> None:
    """Raise ValueError for outputs that are not one for each target: of a single target they would be broadcast."""
    if outputs.shape[-1] != signature.outputs:
        raise ValueError(f"expected {signature.outputs} outputs. Received: the shape {tuple(outputs.shape)}")
