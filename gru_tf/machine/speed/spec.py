"""What one call of `gru-tf speed` measures, as data: tables at equal units and parameters, growth, determinism."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, field_validator

from gru_tf.experiment.specs import Choice, ModelSpec, Positive, Spec
from gru_tf.foundation.errors import UserError
from gru_tf.machine.speed import pytorch_case
from gru_tf.machine.speed.cases import Case, KernelPath, Layer, What, has
from gru_tf.recurrent.cells import CELLS
from gru_tf.training.network.budget import solve

Axis = Literal["timesteps", "batch", "units"]
AXES: tuple[Axis, ...] = ("timesteps", "batch", "units")
SYMBOLS = {"timesteps": "T", "batch": "B", "units": "H"}
FACTORS, QUICK_FACTORS = (0.25, 0.5, 1.0, 2.0), (0.25, 0.5, 1.0)
CUDNN = ("gru", "lstm")


class SpeedSpec(Spec):
    """What is measured.

    Args:
        cells: to measure.
        units: H, of every cell in the first table, and the middle of the growth with units.
        parameters: budget of the second table, head included; None for that of the largest cell at `units`.
        batch, timesteps, features: B, T and I.
        threads: of TensorFlow and PyTorch.
        fused: whether this machine computes by the fused CPU kernels; `running.run` says it.
        quick: a first impression: fewer paths and points, growth of inference instead of training.
        determinism: whether to measure the cost of deterministic kernels, in two separate processes.
    """

    cells: Annotated[tuple[Choice, ...], Field(min_length=1)] = (
        Choice(name="rnn"),
        Choice(name="lstm"),
        Choice(name="gru"),
    )
    units: Positive = 64
    parameters: Positive | None = None
    batch: Positive = 32
    timesteps: Positive = 100
    features: Positive = 32
    threads: Positive = 1
    fused: bool = False
    quick: bool = False
    determinism: bool = False

    @field_validator("cells")
    @classmethod
    def _known(cls, cells: tuple[Choice, ...]) -> tuple[Choice, ...]:
        labels = [cell.label for cell in cells]
        for cell, label in zip(cells, labels, strict=True):
            CELLS.check(cell.name)
            if labels.count(label) > 1:
                raise ValueError(f"expected each cell once. Received: '{label}' {labels.count(label)} times")
        return cells

    @property
    def shared_path(self) -> KernelPath:
        """The fastest path that every cell has, so that a comparison is one of cells and not of implementations."""
        if self.fused and self._all("fused"):
            return "fused"
        return "keras xla" if self._all("keras") else "scan xla" if self._all("scan") else "custom xla"

    def _all(self, layer: Layer) -> bool:
        return all(has(cell, layer) for cell in self.cells)

    @property
    def growth_what(self) -> What:
        """What is timed for the fit of growth."""
        return "infer" if self.quick else "train"

    def case(self, cell: Choice, path: KernelPath, what: What, units: int | None = None) -> Case:
        """One case at this specification's sizes."""
        batch, timesteps = (1, 1) if what == "stream" else (self.batch, self.timesteps)
        h = self.units if units is None else units
        return Case(cell=cell, path=path, what=what, units=h, features=self.features, batch=batch, timesteps=timesteps)

    def paths(self, cell: Choice, what: What, gpu: bool) -> Iterator[KernelPath]:
        """The ways in which a cell can run here: the fused kernel, Keras' layer or a scan, its own cell, cuDNN, PyTorch."""
        if self.fused and has(cell, "fused"):
            yield "fused"
        if has(cell, "keras"):
            yield from ("keras", "keras xla")
        if has(cell, "scan"):
            yield from ("scan", "scan xla")
        if not self.quick or not (has(cell, "keras") or has(cell, "scan")):
            yield from ("custom", "custom xla")
        by_cudnn = cell.name in CUDNN and cell.options.get("reset_after", True) and has(cell, "fused")
        if gpu and what != "stream" and by_cudnn:
            yield "cudnn"
        if pytorch_case.installed() and pytorch_case.exists(cell):
            yield "pytorch"

    @property
    def budget(self) -> int:
        """The parameter budget of every cell in the second table."""
        sizes = [self.case(cell, self.shared_path, "train").size.parameters for cell in self.cells]
        return self.parameters or max(sizes)

    def equal_parameters(self) -> list[Case]:
        """Training (where not quick) and inference of each cell at the units that the budget gives it.

        Without an explicit budget, a cell that cannot meet the largest cell's is left out.

        Raises:
            UserError: where an explicit budget cannot be met.
        """
        whats: tuple[What, ...] = ("infer",) if self.quick else ("train", "infer")
        model = ModelSpec(parameters=self.budget)
        cases = []
        for what in whats:
            for cell in self.cells:
                signature = self.case(cell, self.shared_path, what).signature
                try:
                    units = solve(CELLS.find(cell.name), cell.options, signature, model).units
                except UserError:
                    if self.parameters is not None:
                        raise
                    continue
                cases.append(self.case(cell, self.shared_path, what, units))
        return cases

    def growth(self, axis: Axis, cell: Choice) -> list[Case]:
        """A cell at the sizes of one axis, smallest first, all others at their middle; sizes below 1 are left out."""
        base, factors = getattr(self, axis), QUICK_FACTORS if self.quick else FACTORS
        middle = self.case(cell, self.shared_path, self.growth_what)
        sizes = dict.fromkeys(round(base * factor) for factor in factors)
        return [middle.but(**{axis: size}) for size in sizes if size >= 1]

    def determinism_cases(self) -> list[tuple[Case, Case]]:
        """(without, with) deterministic kernels, each for a process of its own."""
        paths: tuple[KernelPath, ...] = (self.shared_path,)
        if not self.quick and self._all("keras"):
            paths = ("keras", *paths)
        plain = [self.case(cell, path, "train").but(fresh=True) for cell in self.cells for path in paths]
        return [(case, case.but(deterministic=True)) for case in plain] if self.determinism else []

    def cases(self, gpu: bool) -> list[Case]:
        """Everything to time in this process, each once."""
        whats: tuple[What, ...] = ("train", "infer", "stream")
        cases = [self.case(c, path, what) for what in whats for c in self.cells for path in self.paths(c, what, gpu)]
        cases += self.equal_parameters()
        cases += [case for axis in AXES for cell in self.cells for case in self.growth(axis, cell)]
        return list({case.key: case for case in cases}.values())
