"""What can be timed: a case, how long to time it, and the case when it is ready."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from pydantic import model_validator

from gru_tf.experiment.specs import Choice, ModelSpec, Positive, Spec
from gru_tf.recurrent.cells import CELLS
from gru_tf.tasks import Signature
from gru_tf.training.network import budget

What = Literal["train", "infer", "stream"]
KernelPath = Literal["fused", "keras", "keras xla", "scan", "scan xla", "custom", "custom xla", "cudnn", "pytorch"]
Layer = Literal["fused", "keras", "scan", "custom"]
PATHS: tuple[KernelPath, ...] = get_args(KernelPath)
WHATS: tuple[What, ...] = get_args(What)
OUTPUTS = 10


class Case(Spec):
    """One thing to time: a network of one recurrent layer and a dense head of ten classes.

    Args:
        cell: what recurs.
        path: "fused" (this project's layer by its CPU kernel); "keras" (Keras' own layer, without cuDNN), "scan" (a
            parallel scan) or "custom" (`keras.layers.RNN` over this project's cell), each also with XLA; "cudnn" (this
            project's layer on a GPU); "pytorch" (its layer).
        what: "train" (loss, gradients, global clipping, Adam), "infer" (outputs of a batch of whole sequences) or
            "stream" (one step of one sequence, state in, state out).
        units: H.
        features: I.
        batch: sequences a step; 1 where streaming.
        timesteps: T; 1 where streaming.
        deterministic: whether to require TensorFlow's deterministic kernels.
        fresh: whether it is timed in a process of its own; determinism cannot be switched off again in a process.
    """

    cell: Choice
    path: KernelPath
    what: What
    units: Positive
    features: Positive = 32
    batch: Positive = 32
    timesteps: Positive = 100
    deterministic: bool = False
    fresh: bool = False

    @model_validator(mode="before")
    @classmethod
    def _of_today(cls, given: Any) -> Any:
        """Stores of earlier versions call Keras' own layer and a parallel scan "stock"."""
        path = given.get("path") if isinstance(given, Mapping) else None
        if not isinstance(path, str) or not path.startswith("stock"):
            return given
        today = "scan" if has(Choice.model_validate(given["cell"]), "scan") else "keras"
        return {**given, "path": path.replace("stock", today)}

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.what == "stream" and (self.batch, self.timesteps) != (1, 1):
            received = f"batch {self.batch}, timesteps {self.timesteps}"
            raise ValueError(f"expected batch 1 and timesteps 1 for what: stream. Received: {received}")
        if self.deterministic and not self.fresh:
            raise ValueError("expected fresh: true with deterministic: true. Received: false")
        return self

    @property
    def key(self) -> str:
        """The same for equal cases, in every process."""
        return self.model_dump_json()

    @property
    def label(self) -> str:
        """For people, e.g. "gru · stock xla · train · 64 units · 32 × 100 × 32"."""
        shape = f"{self.batch} × {self.timesteps} × {self.features}"
        return f"{self.cell.label} · {self.path} · {self.what} · {self.units} units · {shape}" + (
            " · deterministic" * self.deterministic
        )

    @property
    def jit(self) -> bool:
        """Whether XLA compiles it."""
        return self.path.endswith("xla")

    @property
    def implementation(self) -> Literal["stock", "custom"]:
        """Whose layer it is, in a `ModelSpec`'s words."""
        return "custom" if self.path.startswith("custom") else "stock"

    @property
    def ordinary(self) -> bool:
        """Whether a stock layer is to be Keras' own."""
        return self.path.startswith("keras")

    @property
    def signature(self) -> Signature:
        """Its shapes, as those of a task."""
        return Signature(self.timesteps, self.features, OUTPUTS, "class")

    @property
    def size(self) -> budget.Size:
        """Its exact parameter counts in Keras; PyTorch's LSTM and RNN hold a second bias."""
        return budget.solve(CELLS.find(self.cell.name), self.cell.options, self.signature, ModelSpec(units=self.units))


def has(cell: Choice, layer: Layer) -> bool:
    """Whether a cell with these options has such a layer, on a machine that has its kernels; imports no framework.

    Args:
        cell: with its options.
        layer: what runs it over time: a path, but for XLA.

    Raises:
        UserError: for an option that the cell does not have.
    """
    spec = CELLS.find(cell.name)
    spec.check(cell.options)
    fast = spec.has_fused(cell.options)
    by_kernel = fast and spec.ordinary is not None
    not_in_keras = any(
        cell.options.get(name) for name in ("longest", "weight_dropout", "zoneout", "peepholes", "projection")
    )
    in_keras = spec.ordinary is not None and cell.options.get("convention", "keep") == "keep" and not not_in_keras
    return {"fused": by_kernel, "keras": in_keras, "scan": fast and not by_kernel, "custom": True}[layer]


@dataclass(frozen=True)
class Effort:
    """How long a case is timed.

    Args:
        rounds: turns of each case, so that other work on the machine disturbs all cases alike.
        groups: groups of repeats a round; median and quartiles are over the groups of all rounds.
        group_seconds: shortest time of a group, far above the timer's resolution.
    """

    rounds: int = 3
    groups: int = 4
    group_seconds: float = 0.03


@dataclass(frozen=True)
class PreparedCase:
    """A case ready to be timed.

    Args:
        repeat: runs it a number of times and returns when the last run is complete.
        compile_seconds: time of preparing it: tracing, compiling, and running it once.
        kernel_path: what executes the recurrence, as seen in the graph.
        parameters: count of all its weights.
    """

    repeat: Callable[[int], Any]
    compile_seconds: float
    kernel_path: str
    parameters: int
