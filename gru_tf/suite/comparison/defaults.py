"""Defaults of a comparison on a user's data, by the size of the data: budget, seeds, search, epochs, batch size.

Chosen for one thing: an answer in minutes on data that fit a laptop, with the training long enough that patience ends it.
Each of the numbers is listed with the option that overrides it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gru_tf.suite.comparison import search_space
from gru_tf.suite.comparison.intervals import QUANTILE
from gru_tf.suite.comparison.options import CELLS
from gru_tf.suite.comparison.scaling import BY_WINDOW
from gru_tf.tasks import Signature
from gru_tf.tasks.prediction_intervals import with_quantiles

BUDGETS = ((1_000, 5_000), (20_000, 20_000), (math.inf, 50_000))  # examples up to → parameters without embedding
LEAST_UNITS = 16  # that an LSTM gets of the budget, however many parameters the outputs take
STEPS = 3_000  # of training, about
EPOCHS = (10, 300)  # at least, at most: of few examples, where an epoch has few steps, patience ends a run long before
IMPATIENCE = 4  # a share of the epochs without gain ends a run
FIRST = 5  # replicates of the first look, and of a fixed number from which each draws its own split
REPLICATES = {"at_most": 34, "minutes": 10.0}  # until it is decided, and for no longer than that, decided or not
MUCH = 2_000_000  # steps of all training sequences together from which a number of seeds stands behind one search
UNTUNED = 5e-3  # learning rate where nothing is tuned: near the middle of these


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
        """How many seeds there are, in words: "5", or "up to 34"."""
        seeds = self.content.get("seeds")
        return str(seeds) if seeds is not None else f"up to {REPLICATES['at_most']}"

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
            scaling, backtest, intervals.
    """
    quantiles = {"quantiles": True} if chosen.get("intervals") == QUANTILE else {}
    signature = with_quantiles(signature) if quantiles else signature  # what the head and the linear path must give
    cells = list(chosen.get("cells") or CELLS)
    batches = search_space.batches(examples, chosen)
    much = examples * signature.timesteps >= MUCH
    seeds = chosen.get("seeds", chosen.get("backtest"))
    minutes = chosen.get("minutes", REPLICATES["minutes"])
    draws = chosen.get("draws") == "drawn" or "backtest" in chosen
    shared = much and seeds is not None and not draws  # what one seed validates on, another would test on
    epochs = chosen["epochs"] if "epochs" in chosen else _epochs(examples, batches)
    patience = max(5, math.ceil(epochs / IMPATIENCE))
    size = _size(signature, examples, chosen)
    trials = search_space.trials(examples, chosen)
    steps = search_space.linear_path(signature, size)
    scaling = {"scaling": BY_WINDOW[chosen["scaling"]]} if chosen.get("scaling") in BY_WINDOW else {}
    content: dict[str, Any] = {
        "cells": cells,
        **({"replicates": REPLICATES | {"minutes": minutes}} if seeds is None else {"seeds": seeds}),
        "model": size | scaling | quantiles | ({"linear_path": steps} if steps and not trials else {}),
        "training": {"epochs": epochs, "batch_size": batches[0], "patience": patience, "learning_rate": UNTUNED},
    }
    search = f"no search: learning rate {UNTUNED:g}"
    if trials:
        axes = search_space.space(signature, examples, size, chosen)
        content["search"] = {"trials": trials, "space": axes, "shared": shared}
        search = search_space.words(trials, axes)
    path = f", and {search_space.path_words(steps)}" if steps and not trials else ""
    defaults: tuple[tuple[str, tuple[str, ...]], ...] = (
        (f"{', '.join(cells)}, each with {_words(size)}{path}", ("cells", "parameters")),
        *_repeated(search, trials, seeds, minutes, shared),
        (f"up to {epochs} epochs of {examples:,} examples, patience {patience}", ("epochs",)),
        (f"batch size {' or '.join(map(str, sorted(batches)))}", ("batch_size",)),
    )
    return Protocol(content, defaults)


def _repeated(
    search: str, trials: int, seeds: int | None, minutes: float, shared: bool
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The search, how often all of it is done, and whether each time with a search of its own."""
    if seeds is None:
        over = f"{minutes:g} {'minute is' if minutes == 1 else 'minutes are'} over"
        times = f"repeated up to {REPLICATES['at_most']} times, until it is decided or {over}"
        return (search, ("trials",)), (times, ("seeds", "minutes"))
    times = f"then {seeds} seeds" if shared or not trials else f"once for each of {seeds} seeds"
    return ((f"{search}, {'then one seed' if seeds == 1 else times}", ("trials", "seeds")),)


def _epochs(examples: int, batches: Sequence[int]) -> int:
    """As many as give about `STEPS` at the geometric mean of the batch sizes."""
    (least, most), batch = EPOCHS, max(1.0, float(math.prod(batches) ** (1 / len(batches))))
    return min(most, max(least, math.ceil(STEPS / math.ceil(examples / batch))))


def _words(size: Mapping[str, int]) -> str:
    words = " and ".join(f"{value:,} {name}" for name, value in size.items())
    return words + (", head included" if "parameters" in size else "")


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
