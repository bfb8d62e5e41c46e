"""Defaults of a comparison on a user's data, by the size of the data: budget, seeds, search, epochs, batch size.

Chosen for one thing: an answer in minutes on data that fit a laptop, with the training long enough that patience ends it.
Each of the numbers is listed with the option that overrides it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gru_tf.suite.comparison.options import CELLS
from gru_tf.suite.comparison.scaling import BY_WINDOW
from gru_tf.tasks import Signature

BUDGETS = ((1_000, 5_000), (20_000, 20_000), (math.inf, 50_000))  # examples up to → parameters without embedding
LEAST_UNITS = 16  # that an LSTM gets of the budget, however many parameters the outputs take
BATCHES = ((20_000, 32), (math.inf, 128))  # examples up to → sequences per step
STEPS = 3_000  # of training, about
EPOCHS = (10, 300)  # at least, at most: of few examples, where an epoch has few steps, patience ends a run long before
IMPATIENCE = 4  # a share of the epochs without gain ends a run
FIRST = 5  # replicates of the first look, and of a fixed number from which each draws its own split
REPLICATES = {"at_most": 34, "minutes": 10.0}  # until it is decided, and for no longer than that
FEWER_SEEDS = 3
MUCH = 2_000_000  # steps of all training sequences together from which few seeds, behind one search, are the default
TRIALS = ((20_000, 12), (math.inf, 8))  # examples up to → settings that are tried
DROPOUT, LAYERS = [0.0, 0.1], [1, 2]
WEIGHT_DECAY = {"low": 1e-5, "high": 1e-1, "sampling": "log"}
LEARNING_RATE = {"low": 3e-4, "high": 5e-2, "sampling": "log"}
UNTUNED = 5e-3  # learning rate where nothing is tuned: near the middle of these
LINEAR_SHARE = 4  # a forecast's linear path has at most one in so many of the parameters


@dataclass(frozen=True)
class Protocol:
    """The parts of an experiment beside its task.

    Args:
        content: cells, seeds, model, training and search, as in a file.
        defaults: (words, options that override them).
    """

    content: dict[str, Any]
    defaults: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def replicates(self) -> str:
        """How many seeds there are, in words: "5", or "5 to 34"."""
        seeds = self.content.get("seeds")
        return str(seeds) if seeds is not None else f"{FIRST} to {REPLICATES['at_most']}"

    @property
    def draws(self) -> bool:
        """Whether each seed draws its own split by default: with enough of them, and where each has a search of its own."""
        enough = self.content.get("seeds", FIRST) >= FIRST
        return enough and not self.content.get("search", {}).get("shared", False)


def protocol(signature: Signature, examples: int, chosen: Mapping[str, Any]) -> Protocol:
    """The protocol for so many training examples of these shapes.

    Args:
        signature: of the task.
        examples: sequences to train on.
        chosen: what the user chose of cells, seeds or minutes, parameters or units, trials, epochs, batch_size, draws,
            scaling, backtest.
    """
    cells = list(chosen.get("cells") or CELLS)
    batch = chosen.get("batch_size", next(size for most, size in BATCHES if examples <= most))
    much = examples * signature.timesteps >= MUCH
    seeds = chosen.get("seeds", chosen.get("backtest", FEWER_SEEDS if much and "minutes" not in chosen else None))
    minutes = chosen.get("minutes", REPLICATES["minutes"])
    draws = chosen.get("draws") == "drawn" or "backtest" in chosen
    shared = much and seeds is not None and not draws  # what one seed validates on, another would test on
    epochs = chosen["epochs"] if "epochs" in chosen else _epochs(examples, batch)
    patience = max(5, math.ceil(epochs / IMPATIENCE))
    size = _size(signature, examples, chosen)
    steps = _linear_path(signature, size)
    trials = chosen.get("trials", next(count for most, count in TRIALS if examples <= most))
    scaling = {"scaling": BY_WINDOW[chosen["scaling"]]} if chosen.get("scaling") in BY_WINDOW else {}
    content: dict[str, Any] = {
        "cells": cells,
        **({"replicates": REPLICATES | {"minutes": minutes}} if seeds is None else {"seeds": seeds}),
        "model": size | scaling | ({"linear_path": steps} if steps and not trials else {}),
        "training": {"epochs": epochs, "batch_size": batch, "patience": patience, "learning_rate": UNTUNED},
    }
    if trials:
        space = {"learning_rate": dict(LEARNING_RATE), "weight_decay": dict(WEIGHT_DECAY), "dropout": DROPOUT}
        space |= ({"layers": LAYERS} if "parameters" in size else {}) | ({"linear_path": [0, steps]} if steps else {})
        content["search"] = {"trials": trials, "space": space, "shared": shared}
    defaults: tuple[tuple[str, tuple[str, ...]], ...] = (
        (f"{', '.join(cells)}, each with {_words(size)}{'' if trials else _path(', and ', steps)}", ("cells", "parameters")),
        *_repeated(_search(trials, steps, "parameters" in size), trials, seeds, minutes, shared),
        (f"up to {epochs} epochs of {examples:,} examples, patience {patience}", ("epochs",)),
        (f"batch size {batch}", ("batch_size",)),
    )
    return Protocol(content, defaults)


def _repeated(
    search: str, trials: int, seeds: int | None, minutes: float, shared: bool
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The search, how often all of it is done, and whether each time with a search of its own."""
    if seeds is None:
        times = f"repeated {FIRST} to {REPLICATES['at_most']} times, until it is decided or {minutes:g} minutes are over"
        return (search, ("trials",)), (times, ("seeds", "minutes"))
    times = f"then {seeds} seeds" if shared or not trials else f"once for each of {seeds} seeds"
    return ((f"{search}, {'then one seed' if seeds == 1 else times}", ("trials", "seeds")),)


def _epochs(examples: int, batch: int) -> int:
    least, most = EPOCHS
    return min(most, max(least, math.ceil(STEPS / math.ceil(examples / max(1, batch)))))


def _words(size: Mapping[str, int]) -> str:
    words = " and ".join(f"{value:,} {name}" for name, value in size.items())
    return words + (", head included" if "parameters" in size else "")


def _search(trials: int, steps: int, layers: bool) -> str:
    if not trials:
        return f"no search: learning rate {UNTUNED:g}"
    low, high = LEARNING_RATE["low"], LEARNING_RATE["high"]
    axes = f"learning rate ({low:g} to {high:g}), weight decay, dropout{', one or two layers' if layers else ''}"
    return f"{trials} random trials of {axes}{_path(', with and without ', steps)}"


def _path(before: str, steps: int) -> str:
    return f"{before}a linear path from the last {f'{steps} values' if steps > 1 else 'value'}" if steps else ""


def _linear_path(signature: Signature, size: Mapping[str, int]) -> int:
    """Steps of a forecast's linear path: the whole window, or as much of it as the budget has room for; 0 of another task.

    Searched, for neither is always better: on validation the path was better for each cell and learning rate on the airline
    passengers, and for a GRU on ETTh1; on the daily temperatures searches mostly chose networks without it. Scaling by
    window made no further difference beside it, so that it is not searched.
    """
    if not signature.continued:
        return 0
    horizon = signature.outputs // len(signature.continued)
    room = size.get("parameters", LINEAR_SHARE * horizon * signature.timesteps) // (LINEAR_SHARE * horizon)
    return min(signature.timesteps, room)


def _size(signature: Signature, examples: int, chosen: Mapping[str, Any]) -> dict[str, int]:
    size = {name: chosen[name] for name in ("units", "parameters") if name in chosen}
    if size:
        return size
    embedding = signature.tokens * signature.features
    budget = next(parameters for most, parameters in BUDGETS if examples <= most)
    least = 4 * LEAST_UNITS * (signature.features + LEAST_UNITS + 1) + (LEAST_UNITS + 1) * signature.outputs
    return {"parameters": embedding + max(budget, _rounded(least))}


def _rounded(number: int) -> int:
    """Up, to two digits."""
    unit = int(10 ** max(0, len(str(number)) - 2))
    return -(-number // unit) * unit
