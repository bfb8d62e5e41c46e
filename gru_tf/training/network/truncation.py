"""Truncated back-propagation through time inside of a sequence: no gradient crosses every k-th boundary between steps.

    (h_1 … h_k, s_k)         = layer(x_1 … x_k,      0)
    (h_{k+1} … h_2k, s_2k)   = layer(x_{k+1} … x_2k, stop_gradient(s_k))      and so on to the end

for each recurrent layer of a stack, at the same steps. Outputs are those of an uncut pass, and so is the loss; the gradient
of the loss at a step goes back to the last boundary before it and no further. One update is made for the whole sequence.
Each layer runs part by part, in whatever computes it: a fused kernel, a loop, a scan.

Reference: R. J. Williams, J. Peng, An efficient gradient-based algorithm for on-line training of recurrent network
trajectories, Neural Computation 2(4), 1990; of whose two lengths both are k here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gru_tf.experiment.specs import ModelSpec, TrainingSpec
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Signature

MASKED = ("dropout", "recurrent_dropout", "weight_dropout", "zoneout")  # of a cell: drawn anew at each call of a layer


def check(training: TrainingSpec, model: ModelSpec, options: Mapping[str, Any], signature: Signature) -> None:
    """Raise UserError where cutting means nothing, or would draw other numbers than an uncut pass.

    Args:
        training: with `truncate`, or without: then nothing is wrong.
        model: the network.
        options: of the cell.
        signature: of the task.
    """
    if training.truncate is None:
        return
    received = f"training.truncate: received {training.truncate}, expected null"
    if signature.carried:
        raise UserError(f"{received}: this task's states go on from batch to batch, cut after its option 'timesteps'")
    if signature.decoded:
        raise UserError(f"{received}: this task's answer is written by a decoder, whose error begins at the input's end")
    if not signature.per_step:
        raise UserError(f"{received}: this task has one target a sequence, whose gradient would see the last steps alone")
    if model.bidirectional:
        raise UserError(f"{received} beside model.bidirectional: a backward layer has its boundaries elsewhere")
    for name in MASKED:
        if options.get(name):
            raise UserError(f"{received} beside the cell's {name}, whose mask is one of a sequence. Use model.dropout")


def check_layers(training: TrainingSpec, layers: Sequence[tuple[int, bool]]) -> None:
    """Raise UserError for layers of both directions in a file to start from; `layers` as of a `ResolvedNetwork`."""
    if training.truncate is not None and any(both for _, both in layers):
        raise UserError(
            f"training.truncate: received {training.truncate}, expected null beside model.from, whose file has layers of"
            " both directions: a backward layer has its boundaries elsewhere"
        )


def forward(model: Any, inputs: Any, steps: int) -> Any:
    """The outputs of a functional model in training, as `model(inputs, training=True)`, with gradients cut.

    Args:
        model: whose recurrent layers give all steps' outputs.
        inputs: as of the model, with a known number of steps.
        steps: k.

    Raises:
        ValueError: for a model without a recurrent layer, whose gradient would not be cut.
    """
    import keras  # where a recipe is checked, nothing is trained

    cut: list[Any] = []

    def called(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if "training" in getattr(layer, "_call_context_args", {}):
            kwargs["training"] = True
        if not isinstance(layer, keras.layers.RNN):
            return layer(*args, **kwargs)
        cut.append(layer)
        return _in_parts(layer, steps, *args, **kwargs)

    outputs = model._run_through_graph(inputs, call_fn=called)  # as `Functional.call`; no public way leads between layers
    if not cut:
        raise ValueError("forward: expected a `model` with recurrent layers. Received: a model without one")
    return outputs[0] if isinstance(outputs, list) and len(outputs) == 1 else outputs


def _in_parts(layer: Any, steps: int, x: Any, **call: Any) -> Any:
    """(batch, T, H) of a layer, part by part; its states go on without their gradients."""
    from keras import ops

    outputs, states = [], None
    given, layer.return_state = layer.return_state, True
    try:
        for begin in range(0, int(x.shape[1]), steps):
            h, *states = layer(x[:, begin : begin + steps], initial_state=states, **call)
            states = [ops.stop_gradient(state) for state in states]
            outputs.append(h)
    finally:
        layer.return_state = given
    return ops.concatenate(outputs, axis=1)
