"""Copies of one cell for the layers of a stack: alike in all but their units, and in what they draw."""

from typing import Any

BETWEEN = 10_007  # from the seed of one copy to the next: layers that draw several numbers shall not meet another's


def copied(cell: Any, units: int, place: int) -> Any:
    """The cell again, with these units; seeds of dropout and of initial values are those of its place.

    From one seed every layer would drop the same units, and begin with the same weights.

    Args:
        cell: a Keras cell whose configuration has `units`.
        units: of the copy.
        place: 0 for the first, which draws as the cell itself would.
    """
    config = {name: value for name, value in cell.get_config().items() if name != "name"}
    return type(cell).from_config({**moved(config, place), "units": units})


def moved(config: Any, place: int) -> Any:
    """A configuration with every seed in it moved on to those of a place."""
    if not isinstance(config, dict):
        return config
    return {
        name: value + place * BETWEEN if _is_seed(name, value) else moved(value, place) for name, value in config.items()
    }


def _is_seed(name: str, value: Any) -> bool:
    return name == "seed" and isinstance(value, int)
