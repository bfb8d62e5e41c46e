"""How the data of a comparison are split, whether each seed draws its own test part, and how that is put in words."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gru_tf.foundation.errors import UserError, several
from gru_tf.foundation.option_spelling import spelled
from gru_tf.suite.comparison.defaults import FIRST, Protocol
from gru_tf.suite.comparison.guess import Guess, groups
from gru_tf.suite.comparison.guess.columns import Inference
from gru_tf.tasks import create
from gru_tf.tasks.own._labelled_task import LabelledData
from gru_tf.tasks.own._task import OwnData
from gru_tf.tasks.own.forecast import OwnForecast


def expect_whole(task: OwnData, chosen: Mapping[str, Any]) -> None:
    """Refuse to split windows that overlap at random, unless the user chose just that.

    Raises:
        UserError: with what would keep near copies out of training and test.
    """
    if not isinstance(task, LabelledData) or task.split_by != "random" or "split" in chosen or task.test_path:
        return
    shared = task.encodings()["overlap"]
    if not shared:
        return
    split, group = spelled("split"), spelled("group")
    candidates = groups.offered(task.path, task.model_dump())
    offered = f" (candidates: {several(candidates)})" if candidates else ""
    raise UserError(
        f"{task.path}: {shared}: split at random, near copies of what is tested would train. Specify whose they are"
        f" ({group}){offered}, or {split} time (the last ones test) or {split} group (overlapping ones stay together)"
    )


def with_split(guessed: Guess, protocol: Protocol, chosen: str | None) -> tuple[Guess, tuple[Inference, ...]]:
    """The task with its option `draws`, and lines that say how the data are split and the test parts are drawn.

    By default each seed draws its own where there are at least five, each with a search of its own, no test data, and
    splits to draw from. The splits of the first five are made, so that what cannot be drawn shows before anything starts.

    Args:
        guessed: the task and its options.
        protocol: of the comparison.
        chosen: "drawn" or "fixed" where the user chose.

    Raises:
        UserError: where the user chose what is impossible.
    """
    if chosen == "drawn" and "test_path" in guessed.options:
        drawn_part = "what each seed draws to test on is a part of the data"
        raise UserError(f"{spelled('draws')}: received drawn and {spelled('test')}, expected one of them: {drawn_part}")
    task = create(guessed.task, guessed.options)
    assert isinstance(task, OwnData)  # noqa: S101, no other is guessed
    stated = Inference(f"split {task.split_in_words()}", ("split",))
    drawn, line = _drawn(guessed, protocol, chosen)
    return drawn, (stated, *line)


def _drawn(guessed: Guess, protocol: Protocol, chosen: str | None) -> tuple[Guess, tuple[Inference, ...]]:
    if "backtest" in guessed.options:
        return _backtested(guessed, chosen)
    if chosen == "fixed" or (chosen is None and not (protocol.draws and "test_path" not in guessed.options)):
        return guessed, ()
    drawn = replace(guessed, options={**guessed.options, "draws": chosen or "drawn"})
    task = create(drawn.task, drawn.options)
    assert isinstance(task, OwnData)  # noqa: S101, no other is guessed
    try:
        origins = _origins(task)
        if 0 < origins < FIRST and chosen is None:
            return guessed, (Inference(f"one split for all seeds: training leaves {origins} to draw from", ("draws",)),)
        for seed in range(FIRST):
            _ = task.at(seed).signature
    except UserError as error:
        if chosen is not None:
            raise
        return guessed, (Inference(f"one split for all seeds: another is not possible ({error})", ("draws",)),)
    words = f"{protocol.replicates} draws of {origins:,} {task.drawn_in_words()}" if origins else task.drawn_in_words()
    return drawn, (Inference(f"test parts drawn by seed: {words}", ("draws",)),)


def _backtested(guessed: Guess, chosen: str | None) -> tuple[Guess, tuple[Inference, ...]]:
    if chosen == "fixed" or "test_path" in guessed.options:
        other = f"{spelled('draws')} fixed" if chosen == "fixed" else spelled("test")
        raise UserError(f"{spelled('backtest')}: received with {other}, expected one of them: each cut-off has a test part")
    drawn = replace(guessed, options={**guessed.options, "draws": "drawn"})
    task = create(drawn.task, drawn.options)
    assert isinstance(task, OwnForecast)  # noqa: S101, whose option it is
    for seed in range(task.backtest):
        _ = task.at(seed).signature
    words = f"backtest: {task.backtest} cut-offs, one a seed, {task.drawn_in_words()}"
    return drawn, (Inference(words, ("backtest",)),)


def _origins(task: OwnData) -> int:
    """How many there are to draw from; 0 of data that are split otherwise."""
    return len(task.origins()) if isinstance(task, OwnForecast) else 0
