"""What a user should know of the times of their series: gaps, another step of some series, a zone that is not named."""

from collections.abc import Iterator, Mapping

import numpy as np

from gru_tf.data.own import local_time
from gru_tf.data.own.calendar_rules import Elapsed
from gru_tf.data.own.frequency import Frequency, other_steps
from gru_tf.foundation.option_spelling import spelled
from gru_tf.tasks import Array
from gru_tf.tasks.own._options import ForecastOptions
from gru_tf.tasks.own._table_rows import Rows
from gru_tf.tasks.own._window_starts import named

HOUR = 3600 * 10**9


def notes_on_times(rows: Rows, step: Frequency | None, names: Mapping[int, str]) -> Iterator[str]:
    """Offsets of a zone that is not named, a gap that is none, and series with another step than the others."""
    if rows.form is None:
        return
    if len(rows.form.offsets) > 1 and rows.form.zone == "UTC":
        offsets = " and ".join(rows.form.offsets[:2])
        yield (
            f"Times have the offsets {offsets}, as of a zone with daylight saving time: steps are counted in UTC, and"
            f" predicted times are in it. Set {spelled('zone')} to count in that of the times."
        )
    if step is None:
        return
    if rows.form.zone is None and (change := _clock_change(rows, step)):
        yield (
            f"The hour before {change[0]} is missing, as when clocks are set forward (in {change[1]}, for one): set"
            f" {spelled('zone')} to that of the times, and it is no gap."
        )
    if len(names) > 1 and len(others := other_steps(step, rows.times, rows.series)):
        steps = "steps" if len(others) == 1 else "step"
        yield f"{len(others):,} of {len(names):,} series {steps} otherwise than by {step.words}: {named(others, names)}."


def notes_on_gaps(
    options: ForecastOptions, step: Frequency | None, breaks: Array, starts: list[Array], with_gaps: list[Array]
) -> Iterator[str]:
    """How many times are missing, and what that means for the windows.

    Args:
        options: of the task.
        step: of the times, or of the rows where there are none.
        breaks: (rows,) whether a step is missing before a row.
        starts: of the windows of each part that are used.
        with_gaps: the same with those in which times are missing.
    """
    if options.time is not None and step is None:
        yield f"The times ({', '.join(options.times)}) have no regular step: window and horizon count rows, not time."
    if step is None or not breaks.any():
        return
    gaps = int(breaks.sum())
    of = f"Times step by {step.words}" if options.time is not None else "Rows are dropped"
    where = f"{of}, with {gaps:,} {'gap' if gaps == 1 else 'gaps'}"
    if options.leaves_gaps_out:
        left, count = (sum(map(len, parts)) for parts in (starts, with_gaps))
        yield f"{where}: {count - left:,} of {count:,} windows ({_share(count - left, count)}) cross one and are left out."
        return
    before, ahead = np.cumsum(breaks), np.concatenate(with_gaps)
    late = sum(int((before[ahead + step_ahead] != before[ahead - 1]).sum()) for step_ahead in range(options.horizon))
    share = _share(late, len(ahead) * options.horizon)
    yield f"{where}: window and horizon count rows, not time, so that {share} of the targets lie further ahead than that."


def _share(part: int, whole: int) -> str:
    share = 100 * part / max(1, whole)
    return f"{share:.0f} %" if share >= 1 or not part else f"{share:.1g} %"


def _clock_change(rows: Rows, step: Frequency) -> tuple[str, str] | None:
    """A time before which an hour is missing that some clocks skip, and a zone of such; None where there is none."""
    if not isinstance(step.rule, Elapsed) or rows.times.dtype.kind != "M" or step.rule.step > HOUR:
        return None
    for place in np.flatnonzero(step.breaks(rows.times, rows.series)):
        before, after = rows.times[place - 1], rows.times[place]
        missing = int((after - before).astype(np.int64)) - int(step.rule.step)
        if missing in (HOUR, HOUR // 2) and (zone := local_time.set_forward(before, after)):
            return str(after.astype("datetime64[m]")).replace("T", " "), zone
    return None
