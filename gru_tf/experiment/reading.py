"""What diagnostics record of a network: readings of its recurrent layers, as data."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Quartiles(BaseModel):
    """A quantity over sequences, by lag 0, 1, …: its quartiles."""

    model_config = ConfigDict(frozen=True)

    low: list[float]
    median: list[float]
    high: list[float]


class Shares(BaseModel):
    """Of one gate, for each unit: the share of activations that are saturated low (below 0.1) and high (above 0.9)."""

    model_config = ConfigDict(frozen=True)

    low: list[float]
    high: list[float]


class LayerReading(BaseModel):
    """Diagnostics of one recurrent layer in one direction; what was not requested is empty.

    Args:
        layer: 1 for the first; direction: "forward" or "backward".
        saturation: gate → shares; candidates are left out.
        memory: effective memory length of each unit, in steps; empty for a cell without an update or forget gate.
        gradients: ‖∂L/∂state‖ by lag: of the whole state as "state", and of each part by name where it has several.
        gates: gate → (steps, units) of one validation example, after training only.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")  # a unit that forgets nothing has infinite memory

    layer: int
    direction: Literal["forward", "backward"]
    saturation: dict[str, Shares] = {}
    memory: list[float] = []
    gradients: dict[str, Quartiles] = {}
    gates: dict[str, list[list[float]]] = {}


class Diagnostics(BaseModel):
    """Diagnostics that a final run recorded of its network, on examples of the validation split.

    Args:
        before: of the initial weights; after: of the best epoch's, empty where the run diverged. One reading for each
            recurrent layer and direction, in the order in which they run.
        examples: sequences that the readings are over, the first ones of the split.
        inputs: (steps, features) of the example whose gates are kept.
        seconds: wall time of the diagnostics.
    """

    model_config = ConfigDict(frozen=True)

    before: tuple[LayerReading, ...]
    after: tuple[LayerReading, ...]
    examples: int
    inputs: list[list[float]]
    seconds: float
