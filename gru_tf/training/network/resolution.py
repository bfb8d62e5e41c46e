"""The network that a model's specification gives for one task and cell: resolved once, then passed on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.specs import ModelSpec, TrainingSpec
from gru_tf.foundation.errors import UserError
from gru_tf.interchange.network import Network
from gru_tf.recurrent.cells import CELLS, CellSpec
from gru_tf.tasks import Signature
from gru_tf.training.network import (
    between_layers,
    budget,
    dropouts,
    initial_distributions,
    linear_path,
    pretrained,
    quantile_head,
    tied_head,
    window_scaling,
)
from gru_tf.training.network.budget import Size


@dataclass(frozen=True, eq=False)
class ResolvedNetwork:
    """A network that can be built, with its size.

    Args:
        model: the specification.
        signature: of the task.
        cell: what recurs.
        options: the cell's own.
        start: the trained stack that is the recurrent part; None for new layers.
        size: of the whole network; with `start`, its units are those of the last layer.
    """

    model: ModelSpec
    signature: Signature
    cell: CellSpec
    options: Mapping[str, Any]
    start: Network | None
    size: Size

    @property
    def units(self) -> int:
        """H of each layer, or of the last layer of `start`."""
        return self.size.units

    @property
    def features(self) -> int:
        """What the first recurrent layer reads at each step."""
        return self.signature.features if self.start is None else self.start.features

    @property
    def layers(self) -> list[tuple[int, bool]]:
        """(units, whether in both directions) of each recurrent layer, from the first to the last."""
        if self.start is None:
            return [(self.units, self.model.bidirectional)] * self.model.layers
        return [(layer.forward.units, layer.backward is not None) for layer in self.start.layers]

    @property
    def levels(self) -> tuple[float, ...]:
        """Of which each output has the quantiles, the median first; () where it is one value."""
        return quantile_head.levels(self.model)

    @property
    def widened(self) -> Signature:
        """The task's signature with as many outputs as the network gives: at all levels."""
        return quantile_head.widened(self.model, self.signature)

    @property
    def masked(self) -> bool:
        """Whether it must know which steps are real: padding behind a step never reaches it, unless backwards."""
        return self.signature.varying and (any(both for _, both in self.layers) or not self.signature.per_step)

    def with_model(self, model: ModelSpec) -> "ResolvedNetwork":
        """The same for a specification that differs in rates of dropout and initial values, on which no size depends."""
        return replace(self, model=model)


def resolve(model: ModelSpec, signature: Signature, cell: CellSpec, options: Mapping[str, Any]) -> ResolvedNetwork:
    """The network of a specification; the file of `model.start` is read here and nowhere else.

    Raises:
        UserError: for an option that the cell does not have, a part of the network that the task or the cell rules out,
            a budget that cannot be met, outputs of another width than the units where attention compares them, a backward
            direction where a step's target is the step that follows, and a file to start from that cannot be read or does
            not fit.
    """
    cell.check(options)
    window_scaling.check(model, signature)
    linear_path.check(model, signature)
    quantile_head.check(model, signature)
    _check_attention(model, signature)
    dropouts.check(model, signature)
    between_layers.check(model, signature)
    tied_head.check(model, signature)
    initial_distributions.check(model, cell.name, options)
    if model.start is not None:
        start = pretrained.read(model)
        pretrained.check(start, model.start, signature, cell, options)
        size = pretrained.size(start, model, signature, cell, options)
        return ResolvedNetwork(model, signature, cell, options, start, size)
    if model.bidirectional and signature.causal:
        raise UserError("model.bidirectional: received True: this task predicts the next step, which a backward layer sees")
    size = budget.solve(cell, options, signature, model)
    width = cell.state_sizes(size.units, options)[0]
    tied_head.check_width(model, signature, cell.name, (2 if model.bidirectional else 1) * width, size.units)
    if signature.decoded and width != size.units:
        raise UserError(
            f"{cell.name}: expected outputs of as many numbers as units, which attention compares, on a task whose answer is"
            f" written token by token. Received: {width} of {size.units} units"
        )
    return ResolvedNetwork(model, signature, cell, options, None, size)


def check_diagnosed(network: ResolvedNetwork) -> None:
    """Refuse diagnostics of a network that reads more than an array of numbers; raises UserError."""
    signature = network.signature
    if signature.tokens or signature.carried or network.masked:
        what = "tokens" if signature.tokens else "sequences of several lengths"
        raise UserError(f"diagnostics: expected them to be left out: a task of {what} cannot be looked into yet")


def _check_attention(model: ModelSpec, signature: Signature) -> None:
    if model.attention != "general" and not signature.decoded:
        raise UserError(
            f"model.attention: received {model.attention}, expected it to be left out: on this task no sequence is written"
        )
    if model.attention == "additive" and model.dropout > 0 and model.layers > 1:
        raise UserError(
            f"model.dropout: received {model.dropout:g}, expected 0 with several layers and 'attention: additive', whose"
            " decoder goes through all layers step by step"
        )


def check_forced(training: TrainingSpec, signature: Signature) -> None:
    """Refuse teacher forcing below 1 on a task whose answer is not written; raises UserError."""
    if training.writes and not signature.decoded:
        name = "teacher_forcing" if training.teacher_forcing < 1 else "teacher_forcing_decay"
        raise UserError(
            f"training.{name}: received {getattr(training, name)}, expected it to be left out: on this task no sequence is"
            " written"
        )


def resolve_run(run: Run, signature: Signature) -> ResolvedNetwork:
    """The network of a run on a task of this signature; raises as `resolve` and `check_forced` do."""
    check_forced(run.training, signature)
    return resolve(run.model, signature, CELLS.find(run.cell.name), run.cell.options)
