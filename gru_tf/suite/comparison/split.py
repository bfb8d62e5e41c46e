"""Whether each seed of a comparison draws its own split of the data, and how that is put in words."""

from dataclasses import replace

from gru_tf.foundation.errors import UserError
from gru_tf.foundation.option_spelling import spelled
from gru_tf.suite.comparison.defaults import FIRST, Protocol
from gru_tf.suite.comparison.guess import Guess
from gru_tf.suite.comparison.guess.columns import Inference
from gru_tf.tasks import create
from gru_tf.tasks.own._task import OwnData
from gru_tf.tasks.own.forecast import OwnForecast


def with_split(guessed: Guess, protocol: Protocol, chosen: str | None) -> tuple[Guess, tuple[Inference, ...]]:
    """The task with its option `split`, and a line that says how the test parts are drawn.

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
        raise UserError(f"{spelled('split')}: received drawn and {spelled('test')}, expected one of them: {drawn_part}")
    if chosen == "fixed" or (chosen is None and not (protocol.draws and "test_path" not in guessed.options)):
        return guessed, ()
    drawn = replace(guessed, options={**guessed.options, "split": chosen or "drawn"})
    task = create(drawn.task, drawn.options)
    assert isinstance(task, OwnData)  # noqa: S101, no other is guessed
    try:
        origins = _origins(task)
        if 0 < origins < FIRST and chosen is None:
            return guessed, (Inference(f"one split for all seeds: training leaves {origins} to draw from", ("split",)),)
        for seed in range(FIRST):
            _ = task.at(seed).signature
    except UserError as error:
        if chosen is not None:
            raise
        return guessed, (Inference(f"one split for all seeds: another is not possible ({error})", ("split",)),)
    words = f"{protocol.replicates} draws of {origins} {task.drawn_in_words()}" if origins else task.drawn_in_words()
    return drawn, (Inference(f"test parts drawn by seed: {words}", ("split",)),)


def _origins(task: OwnData) -> int:
    """How many there are to draw from; 0 of data that are split otherwise."""
    return len(task.origins()) if isinstance(task, OwnForecast) else 0
