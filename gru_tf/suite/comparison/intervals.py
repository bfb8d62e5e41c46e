"""How the networks of a comparison get their prediction intervals: all of one width, or with ends that they learn."""

from gru_tf.foundation.errors import UserError, did_you_mean
from gru_tf.foundation.option_spelling import spelled
from gru_tf.suite.comparison.guess import Guess
from gru_tf.suite.comparison.guess.columns import Inference

CONFORMAL, QUANTILE = INTERVALS = ("conformal", "quantile")
WORDS = (
    "networks learn quantiles: the median, which is the forecast, and the ends of intervals of 80 and 95 %, corrected on the"
    " validation part"
)


def with_intervals(guessed: Guess, chosen: str | None) -> tuple[Inference, ...]:
    """What is listed of the intervals that the user named: nothing of those by default.

    Raises:
        UserError: where there are no such intervals, or the data have classes.
    """
    if chosen is None:
        return ()
    if chosen not in INTERVALS:
        near = did_you_mean(str(chosen), INTERVALS)
        raise UserError(f"{spelled('intervals')}: received '{chosen}', expected one of {', '.join(INTERVALS)}.{near}")
    if guessed.task != "forecast" and guessed.options["kind"] == "class":
        expected = "expected it to be left out: classes have probabilities, not intervals"
        raise UserError(f"{spelled('intervals')}: received '{chosen}', {expected}")
    if chosen == QUANTILE and guessed.options.get("per_step"):
        expected = "expected conformal: networks learn quantiles of one target a sequence, not of one at every step"
        raise UserError(f"{spelled('intervals')}: received '{chosen}', {expected}")
    return (Inference(WORDS, ("intervals",)),) if chosen == QUANTILE else ()
