"""Equal budgets: how many units each cell gets, and the exact number of parameters that this makes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gru_tf.experiment.specs import ModelSpec
from gru_tf.foundation.errors import UserError
from gru_tf.foundation.option_spelling import flag, in_command
from gru_tf.recurrent.cells import CellSpec
from gru_tf.tasks import Signature
from gru_tf.training.network import between_layers, linear_path, quantile_head

TOLERANCE = 0.1  # share of the budget by which a network may miss it


@dataclass(frozen=True)
class Size:
    """A network's size.

    Args:
        units: H of each recurrent layer and direction.
        parameters: all weights, head included.
        recurrent_parameters: those of the recurrent layers alone.
    """

    units: int
    parameters: int
    recurrent_parameters: int

    def counted(self, model: ModelSpec) -> int:
        """Those of which `model.parameters` is the budget."""
        return self.parameters if model.counted == "whole" else self.recurrent_parameters


def size(cell: CellSpec, options: Mapping[str, Any], signature: Signature, model: ModelSpec, units: int) -> Size:
    """Exact size at `units`: the embedding of tokens, each layer in each direction, and a dense head with a bias.

    To these come a linear path and what stands between layers; of a tied network the head goes.
    Where targets are decoded, all parts of `encoder_decoder.build`; with quantiles the head has all levels.
    """
    signature = quantile_head.widened(model, signature)
    directions = 2 if model.bidirectional else 1
    widths = cell.state_sizes(units, options)
    width = widths[0]
    features = [signature.features] + [directions * width] * (model.layers - 1)
    recurrent = directions * sum(cell.count(i, units, options) for i in features)
    embedding, head = signature.tokens * signature.features, (directions * width + 1) * signature.outputs
    head = 0 if model.tied else head
    head += linear_path.parameters(model, signature) + between_layers.parameters(
        model, signature.features, directions * width
    )
    if signature.decoded:
        wider = {"additive": directions * width, "context": width}.get(model.attention, 0)  # what stands beside y
        written = [signature.features + wider] + [width] * (model.layers - 1)
        recurrent += sum(cell.count(i, units, options) for i in written)
        bridges = model.layers * sum((2 * w + 1) * w for w in widths) if model.bidirectional else 0
        attention = {
            "general": directions * units**2 + (directions + 1) * units**2,
            "additive": directions * units**2 + units**2 + units,
        }.get(model.attention, 0)
        embedding += signature.outputs * signature.features
        head = (units + (signature.features + wider if wider else 0) + 1) * signature.outputs + attention + bridges
    return Size(units, embedding + recurrent + head, recurrent)


def solve(cell: CellSpec, options: Mapping[str, Any], signature: Signature, model: ModelSpec) -> Size:
    """The size that the model's budget gives to this cell: its `units`, or the units nearest to its `parameters`.

    Raises:
        UserError: where the nearest network is further than a tenth from the budget, which is equal in name only, and for
            units that are fewer than the cell can have, or cannot be parted among its heads.
    """
    step = cell.step_of_units(options)
    least = cell.fewest_units(options)
    if model.parameters is None:
        assert model.units is not None  # noqa: S101, held by ModelSpec
        where = flag("units") if in_command() else "model.units"
        if model.units % step:
            chosen = ", ".join(f"{name}={value}" for name, value in options.items())
            raise UserError(f"{where}: received {model.units}, expected a multiple of {step} for {cell.name} with {chosen}")
        if model.units < least:
            raise UserError(f"{where}: received {model.units}, expected at least {least} for {cell.name}")
        return size(cell, options, signature, model, model.units)
    budget = model.parameters

    def below(units: int) -> bool:
        """Whether it and a step less are: as many units as features may need a matrix less than one unit fewer."""
        two = {units, max(least, units - step)}
        return all(size(cell, options, signature, model, n).counted(model) < budget for n in two)

    low, high = least, 2 * least
    while below(high):
        low, high = high, 2 * high
    while high - low > step:
        middle = (low + high) // (2 * step) * step
        low, high = (middle, high) if below(middle) else (low, middle)
    around = sorted({max(least, n // step * step) for n in (low - step, low, high, signature.features)})
    sizes = [size(cell, options, signature, model, units) for units in around]
    best = min(sizes, key=lambda s: abs(s.counted(model) - budget))
    if abs(best.counted(model) - budget) > TOLERANCE * budget:
        two = sorted(sorted(s.counted(model) for s in sizes), key=lambda parameters: abs(parameters - budget))[:2]
        near = " and ".join(f"{parameters:,}" for parameters in sorted(two))
        where = flag("parameters") if in_command() else "model.parameters"
        of = "" if model.counted == "whole" else " in recurrent layers"
        raise UserError(
            f"{where}: received {model.parameters:,}, expected a larger budget or one near a size of this cell:"
            f" the {cell.name} networks nearest to it have {near} parameters{of}"
        )
    return best
