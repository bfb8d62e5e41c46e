"""The outputs of a model: the file's, with the batch first."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange.onnx.functional.sizes import product
from gru_tf.interchange.onnx.functional.steps import BuildStep
from gru_tf.interchange.onnx.functional.views import Layout, TensorView


@dataclass(frozen=True, eq=False)
class Output:
    """An output.

    Args:
        name: of the graph's output.
        step: what computes it.
        tensor: as the file has it.
        layout: as the model has it.
    """

    name: str
    step: BuildStep
    tensor: TensorView
    layout: Layout

    def note(self) -> str:
        """How its axes differ from the file's, "" if they do not."""
        if self.layout == self.tensor.axes:
            return ""
        before, after = (self.tensor.known.text(map(self.tensor.size, axes)) for axes in (self.tensor.axes, self.layout))
        return f"output '{self.name}' is {before} in the file and {after} in the model"

    def moved(self, array: Array, sizes: Mapping[str, int]) -> Array:
        """The file's output with the model's axes.

        Args:
            array: as the file has it.
            sizes: lengths of the inputs' axes.
        """
        known = self.tensor.known
        atoms = [atom for group in self.tensor.axes for atom in group]
        numbers = [known.settled(atom.size, sizes).number for atom in atoms]
        wanted = [atom for group in self.layout for atom in group]
        turned = array.reshape([-1 if number is None else number for number in numbers]).transpose(
            [atoms.index(a) for a in wanted]
        )
        shape = [known.settled(product(atom.size for atom in group), sizes).number for group in self.layout]
        return np.asarray(turned.reshape([-1 if number is None else number for number in shape]), order="C")


def output_of(name: str, tensor: TensorView) -> Output:
    """A tensor with the batch first and apart; as it is in the file where that has it so."""
    layout = tensor.axes
    if layout and any(tensor.is_batch(group) and (n or len(group) > 1) for n, group in enumerate(layout)):
        cells = [cell for group in layout for cell in (tensor.cells(group) if tensor.is_batch(group) and group else [group])]
        layout = tuple(sorted(cells, key=lambda cell: not tensor.is_batch(cell)))
    return Output(name, tensor.arranged(layout, f"output {name}"), tensor, layout)
