"""What a checkpoint of TensorFlow 1 without its graph does not record, in phrases: no comparison detects it."""

from collections.abc import Iterator, Sequence

from gru_tf.foundation.errors import several
from gru_tf.interchange import option_names
from gru_tf.interchange.network import Recurrent
from gru_tf.interchange.parts import Activation
from gru_tf.interchange.tensorflow.tf1_around_stack import Tf1AroundStack
from gru_tf.interchange.tensorflow.tf1_checkpoint import Given, Tf1Checkpoint


def phrases(checkpoint: Tf1Checkpoint, layers: Sequence[Recurrent], given: Given, around: Tf1AroundStack) -> Iterator[str]:
    """What a checkpoint without its graph does not record, so that no comparison detects it."""
    yield "other operations, such as activations, which a checkpoint without its graph (.meta) does not record"
    if any(layer.forward.features == layer.width for layer in layers):
        yield "residual connections"
    if given.forget_bias is None and any(cell.forget_bias for layer in checkpoint.stack.layers for cell in layer):
        other = option_names.called("forget_bias")
        yield f"what is added to the forget gates' biases, which is taken for 1 ({other} for another value)"
    if given.activation is None and any(layer.forward.cell == "rnn" for layer in layers):
        override = option_names.called("activation", "relu")
        yield f"the cells' activation, which is taken for tanh ({override} for another)"
    yield from _of_the_program(checkpoint, layers, given, around)
    if around.left:
        yield f"what was left out: {several(sorted(around.left))}"


def _of_the_program(
    checkpoint: Tf1Checkpoint, layers: Sequence[Recurrent], given: Given, around: Tf1AroundStack
) -> Iterator[str]:
    """What only the program states about states, steps, directions and kernels."""
    if given.every_step is None:
        other = option_names.called("every_step", False)
        yield f"whether every step or only the last is the output, which is taken for every step ({other} for the last)"
    if layers[-1].forward.cell == "lstm":
        yield "whether the output is h or the cells' state c, which is taken for h"
    if any(len(cells) > 1 for cells in checkpoint.stack.layers):
        yield "the order in which outputs of the two directions are joined, which is taken for forward, backward"
    if not given.masked:
        yield "lengths of sequences, which are taken for all steps"
    yield "initial states, which are taken for zeros"
    linear = [each[0] for each in (*around.before, *around.linear) if not isinstance(each, Activation)]
    if square := [name for name in linear if len(set(checkpoint.others[name])) == 1]:
        yield f"whether {several(square)} is transposed, which is taken for (I, O)"
