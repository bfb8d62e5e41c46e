"""The interval of a published number: how it is printed, and the uncertainty that the paper gives it."""

import math

from gru_tf.analysis.statistics import Interval
from gru_tf.experiment.specs import Published

NORMAL = 1.959963984540054  # standard errors of half a 95 % interval, where the number of runs is not known
WORDS = {
    "deviation": "standard deviation of its runs",
    "interval": "95 % interval of its mean",
    "error": "standard error of its mean",
}


def of_others(number: Published) -> Interval:
    """All that the number may be: half a unit of its last printed place to either side, and its 95 % interval.

    0.0029 is anything from 0.00285 to 0.00295. A standard error is taken t times, t being Student's of one less than its
    runs, or 1.96 times where the paper does not say how many there are; a standard deviation is that of the runs, whose
    mean has the √runs-th part of it as its standard error; an interval is taken as it is.
    """
    half = 0.5 * 10.0**-number.places + _half(number)
    return Interval(number.value, number.value - half, number.value + half)


def described(number: Published) -> str:
    """What the interval is made of: "as printed", or "with its ± 0.02 (standard error of its mean)"."""
    if number.uncertainty is None or number.uncertainty_of is None:
        return "as printed"
    return f"with its ± {number.uncertainty:g} ({WORDS[number.uncertainty_of]})"


def _half(number: Published) -> float:
    if number.uncertainty is None:
        return 0.0
    if number.uncertainty_of == "interval":
        return number.uncertainty
    error = number.uncertainty
    if number.uncertainty_of == "deviation":
        error /= math.sqrt(number.runs or 1)
    return error * (_students(number.runs) if number.runs and number.runs > 1 else NORMAL)


def _students(runs: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(runs - 1, 0.975))
