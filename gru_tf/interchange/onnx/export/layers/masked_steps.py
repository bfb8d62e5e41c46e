"""Real steps of a mask of any form put in front, so that a recurrent node reads them alone, and its outputs put back.

A Keras layer skips masked steps: the state stays, and its output there is the one before. Before the first real step that
is zero in Keras' own layers, on TensorFlow, and the initial state in this project's.
ONNX' nodes only know how many steps of each sequence are real, from the first on. With c(t) the number of real steps before
step t, the output after step t is that of real step c(t) + [t is real], counted from 1, for a layer that reads forwards, and
that of real step c(t) + 1 for one that reads backwards.
"""

from dataclasses import dataclass

from gru_tf.interchange.onnx.export.exported_tensor import ExportedTensor
from gru_tf.interchange.onnx.export.layers.reshaping import FAR, length, sliced
from gru_tf.interchange.onnx.export.model_graph import ModelGraph
from gru_tf.interchange.onnx.export.recording import LastSteps, LayerCall


@dataclass(frozen=True)
class MaskedSteps:
    """What a mask says of the steps of a batch.

    Args:
        graph: the graph.
        real: (batch, T) whether a step is real.
        numbers: the same as whole numbers.
        count: (batch, 1) how many are.
    """

    graph: ModelGraph
    real: str
    numbers: str
    count: str

    @classmethod
    def from_mask(cls, graph: ModelGraph, mask: ExportedTensor) -> "MaskedSteps":
        """Of a layer's mask."""
        real = graph.tensor(mask, "bool")
        numbers = graph.op("Cast", real, to=7)
        return cls(graph, real, numbers, graph.op("ReduceSum", numbers, graph.numbers(1), keepdims=1))

    def front(self, x: str) -> str:
        """(batch, T, I) with the real steps in front, in their order."""
        graph, steps = self.graph, length(self.graph, self.real, 1)
        scalars = [graph.op("Squeeze", each, graph.numbers(0)) for each in (graph.numbers(0), steps, graph.numbers(1))]
        place = graph.op("Range", *scalars)
        key = graph.op("Sub", graph.op("Mul", self.numbers, steps), place)  # all different: of real ones above 0
        _, order = graph.ops("TopK", 2, key, steps, axis=1, largest=1, sorted=1)
        return graph.op("GatherND", x, graph.op("Unsqueeze", order, graph.numbers(2)), batch_dims=1)

    def lengths(self) -> str:
        """(batch,) steps for the node to read, at least one: what it makes of a masked one is not used."""
        least = self.graph.op("Max", self.graph.op("Squeeze", self.count, self.graph.numbers(1)), self.graph.numbers(1))
        return self.graph.op("Cast", least, to=6)

    def back(self, y: str, backwards: bool, zeros: bool, before: str = "") -> str:
        """Outputs of the node (batch, T, H) at the steps where they belong.

        Args:
            y: with the real steps in front.
            backwards: whether the layer read from the last step on.
            zeros: whether masked steps are zeros.
            before: (batch, H), what stands before the first real step; empty for zeros.
        """
        graph = self.graph
        earlier = graph.op(
            "CumSum", self.numbers, graph.op("Squeeze", graph.numbers(1), graph.numbers(0)), exclusive=int(backwards)
        )
        place = earlier if backwards else graph.op("Sub", earlier, graph.numbers(1))
        there = graph.op("Less", place, self.count) if backwards else graph.op("GreaterOrEqual", place, graph.numbers(0))
        last = graph.op("Sub", length(graph, self.real, 1), graph.numbers(1))
        place = graph.op("Min", place, last) if backwards else graph.op("Max", place, graph.numbers(0))
        there = graph.op("And", there, self.real) if zeros else there
        y = graph.op("GatherND", y, graph.op("Unsqueeze", place, graph.numbers(2)), batch_dims=1)
        return self.kept(there, y, 2, graph.op("Unsqueeze", before, graph.numbers(1)) if before and not zeros else "")

    def state(self, after: str, before: str) -> str:
        """The final state (batch, H): the initial one of a sequence without a real step."""
        return self.graph.op("Where", self.graph.op("Greater", self.count, self.graph.numbers(0)), after, before)

    def kept(self, there: str, y: str, axis: int, otherwise: str = "") -> str:
        """y, or where there is nothing `otherwise`, or zeros."""
        there = self.graph.op("Unsqueeze", there, self.graph.numbers(axis))
        return self.graph.op("Where", there, y, otherwise or self.graph.constant(0.0))

    def last(self, y: str, backwards: bool, zeros: bool, before: str = "") -> str:
        """The output (batch, H) after the last step that is read, of the final state y; `before` as in `back`."""
        graph = self.graph
        there = graph.op("Greater", graph.op("Squeeze", self.count, graph.numbers(1)), graph.numbers(0))
        if zeros:
            at_end = graph.op("Gather", self.real, graph.numbers(0 if backwards else -1), axis=1)
            there = graph.op("And", there, graph.op("Squeeze", at_end, graph.numbers(1)))
        return self.kept(there, y, 1, "" if zeros else before)


def _last_steps(graph: ModelGraph, call: LayerCall) -> str:
    """Of (batch, T, W) the last real step, and in two directions the first one of the backward half."""
    x, half = call.arguments["sequence"], call.operation.half
    real = graph.as_float(ExportedTensor(graph.tensor(call.arguments["mask"], "bool"), x.shape[:2], "bool"))
    rows = []
    for last in (1, 0)[: 1 if half is None else 2]:
        place = graph.op("ArgMax", real, axis=1, keepdims=1, select_last_index=last)
        rows.append(graph.op("GatherND", x, place, batch_dims=1))
    if half is None:
        return rows[0]
    return graph.op("Concat", sliced(graph, rows[0], 1, 0, half), sliced(graph, rows[1], 1, half, FAR), axis=1)


WRITERS = {LastSteps: _last_steps}
