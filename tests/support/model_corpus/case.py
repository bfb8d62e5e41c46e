"""A file of the corpus: how it is made, how it is imported, and what must come out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

RELATIVE = 1e-5  # of the largest number


@dataclass(frozen=True)
class Made:
    """A written file.

    Args:
        path: of the file or folder.
        inputs: of the model, in the order of the imported model's inputs; none where it must be refused.
        output: what the writing program gives for them.
    """

    path: Path
    inputs: tuple[Any, ...] = ()
    output: Any = None


@dataclass(frozen=True)
class Case:
    """A file.

    Args:
        name: unique, in a few words.
        form: the kind that it is counted under in `docs/models.md`, e.g. "ONNX: around the recurrence".
        writer: the program that writes it, e.g. "torch.onnx.export", "by hand, as tf2onnx writes".
        make: writes it into a folder.
        options: of `gru_tf.import_model`.
        refusal: words that its refusal has; none where it is read.
        torch: whether PyTorch writes it.
    """

    name: str
    form: str
    writer: str
    make: Callable[[Path], Made]
    options: Mapping[str, Any] = field(default_factory=dict)
    refusal: tuple[str, ...] = ()
    torch: bool = False

    def check(self, model: Any, made: Made) -> None:
        """Compare a model's output with the writing program's; raises AssertionError where they differ."""
        inputs = list(made.inputs)
        output = np.asarray(model(inputs[0] if len(inputs) == 1 else inputs, training=False))
        assert output.shape == np.shape(made.output), f"{output.shape} for {np.shape(made.output)}"
        np.testing.assert_allclose(output, made.output, rtol=0, atol=RELATIVE * np.abs(made.output).max())
