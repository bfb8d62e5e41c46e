"""What the inputs and the output of an ONNX file are."""

from dataclasses import dataclass

from gru_tf.interchange.network import Recurrent


@dataclass(frozen=True)
class GraphSignature:
    """The inputs, the output and the recurrent nodes of a graph.

    Args:
        sequence: the input with arrays or token numbers.
        batch_first: whether it is (batch, time, …), not (time, batch, …).
        lengths: the input with the lengths of sequences, None without one.
        output: the output that the network ends with.
        order: the output's axes of batch, time, direction and features, those of them that it has.
        directed: whether directions still have an axis in the output.
        axes: number of the output's axes; those not in `order` have length 1.
        layers: index of each recurrent node, and what it computes.
        plain: whether all activations are the default ones, and no input has lengths.
        timesteps: the one length that the file computes, None: any.
        batch: the one batch size that it computes, None: any.
    """

    sequence: str
    batch_first: bool
    lengths: str | None
    output: str
    order: tuple[int, ...]
    directed: bool
    axes: int
    layers: tuple[tuple[int, Recurrent], ...]
    plain: bool
    timesteps: int | None = None
    batch: int | None = None
