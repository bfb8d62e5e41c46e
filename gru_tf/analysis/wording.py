"""Numbers and lists in words: counts, intervals, p-values, names in a sentence."""

import math
import re
from collections.abc import Sequence

from gru_tf.analysis.statistics.intervals import Interval

SMALL = 0.01  # below this, a power of ten is written instead of zeros
TINY = 1e-4  # the same of a difference
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def count(number: int | None) -> str:
    """A number with its thousands set off."""
    return "–" if number is None else f"{number:,}"


def listed(names: Sequence[str], word: str = "and") -> str:
    """Names in a sentence: "rnn, lstm and gru"."""
    return f" {word} ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def interval(value: Interval, small: float = SMALL) -> str:
    """Mean and bounds with as many digits as the interval's width supports, e.g. "3.7 [1.1, 6.3]·10⁻⁵".

    What is infinite is a run that diverged, as a median and its interval may have it: "0.95 [diverged, 0.97]".

    Args:
        value: what is shown.
        small: a mean below this, with bounds that are, is shown with a power of ten.
    """
    if math.isinf(value.mean) and not math.isnan(value.low):
        bounds = (f"{bound:.3g}" if math.isfinite(bound) else "diverged" for bound in value)
        return "{} [{}, {}]".format(*bounds)
    half = _half_width(value)
    size = max(abs(value.mean), 0.0 if math.isnan(half) else half)
    power = math.floor(math.log10(size)) if 0 < size < small else 0
    mean, low, high = (bound / 10.0**power for bound in value)
    suffix = "·10" + str(power).translate(SUPERSCRIPTS) if power else ""
    if math.isnan(low):  # also where a value is not finite
        return f"{mean:.3g}{suffix} " + ("[one seed]" if math.isfinite(mean) else "[no interval]")
    half /= 10.0**power
    digits = 3 if half == 0 else min(6, max(0, 1 - math.floor(math.log10(half))))
    bounds = (f"{bound:z.{digits}f}" if math.isfinite(bound) else "diverged" for bound in (low, high))  # z: no "-0.0"
    return f"{mean:z.{digits}f} [{', '.join(bounds)}]{suffix}"


def _half_width(value: Interval) -> float:
    """Of an interval of which one bound is infinite, how far the other one is from the mean."""
    finite = [bound for bound in value[1:] if math.isfinite(bound)]
    if len(finite) == 2 or math.isnan(value.low):
        return (value.high - value.low) / 2
    return abs(value.mean - finite[0]) if finite else 0.0


def difference(value: Interval) -> str:
    """A difference with its bounds, as `interval` has them; zeros are written out longer, for differences are small."""
    return interval(value, TINY)


def p_value(p: float) -> str:
    """A p-value in words, e.g. "p = 0.021"."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def sentence(text: str) -> str:
    """Text that begins with a capital letter."""
    return f"{text[:1].upper()}{text[1:]}"


def cell_name(label: str) -> str:
    """What a cell is called in a sentence: "GRU(reset_after=False)"; tables and files have its name in code, "gru"."""
    return re.sub(r"^(rnn|lstm|gru|mgu)(?![a-z_])", lambda name: name[0].upper(), label)


def cell_names(labels: Sequence[str]) -> str:
    """Cells in a sentence: "RNN, LSTM and GRU"."""
    return listed([cell_name(label) for label in labels])
