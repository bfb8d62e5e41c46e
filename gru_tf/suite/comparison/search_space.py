"""What the search of a comparison tries, by the size and the kind of the data, and how that is put in words.

Everything that users would else choose by hand: learning rate, weight decay, dropout, layers within the budget, batch size,
of a forecast also the scale of each window and a linear path. What the user named is not searched.
"""

import math
from collections.abc import Mapping
from typing import Any

from gru_tf.tasks import Signature

TRIALS = ((20_000, 12), (math.inf, 8))  # examples up to → settings that are tried
BATCHES = ((2_000, (32, 16)), (20_000, (32, 128)), (math.inf, (128, 512)))  # examples up to → sequences per step
DROPOUT, LAYERS = [0.0, 0.1], [1, 2]
WEIGHT_DECAY = {"low": 1e-5, "high": 1e-1, "sampling": "log"}
LEARNING_RATE = {"low": 3e-4, "high": 5e-2, "sampling": "log"}
SCALINGS = ["none", "standard", "robust"]  # of each window, beside that of the table or of each series
LINEAR_SHARE = 4  # a forecast's linear path has at most one in so many of the parameters


def batches(examples: int, chosen: Mapping[str, Any]) -> tuple[int, ...]:
    """The batch sizes that are tried: the chosen one, or two by the number of examples; without a search the first."""
    if "batch_size" in chosen:
        return (chosen["batch_size"],)
    sizes = next(sizes for most, sizes in BATCHES if examples <= most)
    return sizes if trials(examples, chosen) else sizes[:1]


def trials(examples: int, chosen: Mapping[str, Any]) -> int:
    """How many settings are tried."""
    count: int = chosen.get("trials", next(count for most, count in TRIALS if examples <= most))
    return count


def space(signature: Signature, examples: int, size: Mapping[str, int], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of model and training that are searched, as in an experiment file.

    Args:
        signature: of the task.
        examples: sequences to train on.
        size: units or parameters of each network.
        chosen: what the user chose.
    """
    axes: dict[str, Any] = {"learning_rate": dict(LEARNING_RATE), "weight_decay": dict(WEIGHT_DECAY), "dropout": DROPOUT}
    sizes, steps = batches(examples, chosen), linear_path(signature, size)
    axes |= {"batch_size": sorted(sizes)} if len(sizes) > 1 else {}
    axes |= {"layers": LAYERS} if "parameters" in size else {}
    axes |= {"linear_path": [0, steps]} if steps else {}
    return axes | ({"scaling": SCALINGS} if signature.continued and "scaling" not in chosen else {})


def words(count: int, axes: Mapping[str, Any]) -> str:
    """So many trials of these axes in a line."""
    low, high = LEARNING_RATE["low"], LEARNING_RATE["high"]
    parts = [f"learning rate ({low:g} to {high:g})", "weight decay", "dropout"]
    parts += ["one or two layers"] if "layers" in axes else []
    parts += [f"batch size {' or '.join(map(str, axes['batch_size']))}"] if "batch_size" in axes else []
    parts += ["windows scaled one by one or not"] if "scaling" in axes else []
    parts += [f"with and without {path_words(axes['linear_path'][-1])}"] if "linear_path" in axes else []
    return f"{count} random trials of {', '.join(parts)}"


def path_words(steps: int) -> str:
    """A linear path of so many steps in words."""
    return f"a linear path from the last {f'{steps} values' if steps > 1 else 'value'}"


def linear_path(signature: Signature, size: Mapping[str, int]) -> int:
    """Steps of a forecast's linear path: the whole window, or as much of it as the budget has room for; 0 of another task.

    Searched, for neither is always better: on validation the path was better for each cell and learning rate on the airline
    passengers, and for a GRU on ETTh1; on the daily temperatures searches mostly chose networks without it.
    """
    if not signature.continued:
        return 0
    horizon = signature.outputs // len(signature.continued)
    room = size.get("parameters", LINEAR_SHARE * horizon * signature.timesteps) // (LINEAR_SHARE * horizon)
    return min(signature.timesteps, room)
