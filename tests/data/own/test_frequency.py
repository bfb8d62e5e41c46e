"""The regular step of times, against pandas: every frequency, in zones over days of clock change, with gaps, by series."""

from typing import Any

import numpy as np
import pandas
import pytest

from gru_tf.data.own import frequency, local_time
from gru_tf.data.own.frequency import Frequency, estimate, other_steps

KNOWN, ROWS = 60, 120
FREQUENCIES = {  # pandas' name → its words; those that pandas has as a class only have none
    "s": "1 s",
    "15min": "15 min",
    "30min": "30 min",
    "h": "1 h",
    "2h": "2 h",
    "6h": "6 h",
    "D": "1 d",
    "2D": "2 d",
    "B": "business day",
    "W-WED": "week (Wed)",
    "2W-SUN": "2 weeks (Sun)",
    "SMS": "half a month (days 1 and 15)",
    "SME": "half a month (days 15 and last)",
    "MS": "month start",
    "ME": "month end",
    "2MS": "2 months start",
    "BMS": "month start (business day)",
    "BME": "month end (business day)",
    "WOM-3FRI": "month (third Fri)",
    "LWOM-FRI": "month (last Fri)",
    "QS-JAN": "quarter start",
    "QE-DEC": "quarter end",
    "BQE-DEC": "quarter end (business day)",
    "YS-JAN": "year start",
    "YE-DEC": "year end",
    "YE-JUN": "year end",
    "bh": "1 h (Mon to Fri, 09:00 to 16:00)",
}
PASSING = ("s", "15min", "30min", "h", "2h", "6h")
ZONES = [
    None,
    *(
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "America/Sao_Paulo",
        "Africa/Casablanca",
    ),
]
STARTS = ("2018-10-01 09:00", "2019-03-05 02:00", "2018-10-02 00:00")  # clocks change in the 120 steps from each, somewhere


def times_of_pandas(frequency: str, start: str, zone: str | None) -> Any:
    """120 times by pandas: hours and less pass, days and more are local; what clocks skip is the first time after it."""
    if frequency in PASSING:
        return pandas.date_range(start, periods=ROWS, freq=frequency, tz=zone)
    local = pandas.date_range(start, periods=ROWS, freq=frequency)
    if zone == "Australia/Lord_Howe":  # whose clocks skip half an hour from 02:00, where pandas 3.1 shifts to 03:00
        skipped = local.tz_localize(zone, nonexistent="NaT", ambiguous=np.ones(ROWS, bool)).isna()
        local = local.where(~skipped, local.normalize() + pandas.Timedelta("02:30:00"))
    return local.tz_localize(zone, nonexistent="shift_forward", ambiguous=np.ones(ROWS, bool))


def in_utc(times: Any) -> Any:
    plain = times if times.tz is None else times.tz_convert("UTC").tz_localize(None)
    return plain.to_numpy("datetime64[ns]")


def one_series(times: Any, zone: str | None = None) -> Frequency | None:
    values = in_utc(times) if isinstance(times, pandas.DatetimeIndex) else times
    return estimate(values, np.zeros(len(values), int), zone)


@pytest.mark.parametrize("zone", ZONES, ids=str)
@pytest.mark.parametrize("frequency", FREQUENCIES)
def test_every_frequency_continues_as_pandas_does(frequency: str, zone: str | None) -> None:
    for start in STARTS:
        times = in_utc(times_of_pandas(frequency, start, zone))
        step = estimate(times[:KNOWN], np.zeros(KNOWN, int), zone)
        assert step is not None
        assert (step.words, step.gaps) == (FREQUENCIES[frequency], 0)
        assert step.after(times[KNOWN - 1], ROWS - KNOWN).tolist() == times[KNOWN:].tolist()


def test_clocks_change_in_what_is_continued() -> None:
    """So that the test above is able to fail: in each zone with daylight saving time the offset is another at some place."""
    for zone in ZONES[1:]:
        offsets = {
            time.utcoffset() for start in STARTS for time in times_of_pandas("D", start, zone)[KNOWN - 1 :].to_pydatetime()
        }
        assert len(offsets) == (1 if zone == "Asia/Kathmandu" else 2)


@pytest.mark.parametrize("frequency", [name for name in FREQUENCIES if name not in ("bh", "SMS", "SME", "D")])
def test_the_name_is_that_of_pandas(frequency: str) -> None:
    """For a frequency that `infer_freq` knows, and no season of the year but the calendar's."""
    times = times_of_pandas(frequency, STARTS[0], None)
    step = one_series(times)
    assert step is not None
    assert pandas.tseries.frequencies.to_offset(step.rule.offset) == pandas.tseries.frequencies.to_offset(
        pandas.tseries.frequencies.to_offset(frequency)
    )


@pytest.mark.parametrize("share", [0.1, 0.3])
@pytest.mark.parametrize("frequency", ["15min", "h", "D", "B", "W-WED", "MS", "ME", "BME", "QE-DEC"])
def test_a_gap_leaves_the_step_as_it_is(frequency: str, share: float) -> None:
    whole = pandas.date_range("2001-01-01", periods=400 if frequency != "QE-DEC" else 100, freq=frequency)
    kept = np.random.default_rng(0).random(len(whole)) > share
    kept[[0, -1]] = True
    step = one_series(whole[kept])
    assert step is not None
    assert (step.words, step.gaps) == (FREQUENCIES[frequency], int((np.diff(np.flatnonzero(kept)) > 1).sum()))
    breaks = step.breaks(in_utc(whole[kept]), np.zeros(kept.sum(), int))
    assert np.array_equal(np.flatnonzero(breaks), np.flatnonzero(np.diff(np.flatnonzero(kept), prepend=-1) > 1))


HOURS = pandas.date_range("2018-01-01", "2018-05-31 23:00", freq="h")
DAYS = pandas.date_range("2018-01-01", "2018-12-31")
WEEKLY = {  # times, the words of their step
    "office hours": (
        HOURS[(HOURS.hour >= 9) & (HOURS.hour <= 17) & (HOURS.day_of_week < 5)],
        "1 h (Mon to Fri, 09:00 to 17:00)",
    ),
    "office hours every day": (HOURS[(HOURS.hour >= 9) & (HOURS.hour <= 17)], "1 h (09:00 to 17:00)"),
    "round the clock, no weekends": (HOURS[HOURS.day_of_week < 5], "1 h (Mon to Fri)"),
    "three times a day": (HOURS[HOURS.hour.isin([8, 12, 17])], "1 h (08:00, 12:00, 17:00)"),
    "shorter on Saturdays": (
        HOURS[
            (HOURS.hour > 8) & (HOURS.hour < 18) & (HOURS.day_of_week < 5) | (HOURS.day_of_week == 5) & (HOURS.hour == 10)
        ],
        "1 h (at 46 times of the week)",
    ),
    "no Sundays": (DAYS[DAYS.day_of_week < 6], "1 d (Mon to Sat)"),
    "Sunday to Thursday": (DAYS[~DAYS.day_of_week.isin([4, 5])], "1 d (Sun to Thu)"),
    "three days a week": (DAYS[DAYS.day_of_week.isin([0, 2, 4])], "1 d (Mon, Wed, Fri)"),
}


@pytest.mark.parametrize("case", WEEKLY)
def test_days_and_hours_of_the_week_are_continued(case: str) -> None:
    times, words = WEEKLY[case]
    known = len(times) - 60
    step = one_series(times[:known])
    assert step is not None
    assert (step.words, step.gaps) == (words, 0)
    assert step.after(in_utc(times)[known - 1], 60).tolist() == in_utc(times)[known:].tolist()


def test_after_17_o_clock_on_a_friday_comes_9_o_clock_on_a_monday() -> None:
    step = one_series(WEEKLY["office hours"][0])
    assert step is not None
    assert str(step.after(np.datetime64("2018-06-01T17:00", "ns"), 1)[0])[:16] == "2018-06-04T09:00"


def test_days_of_the_month_that_short_months_lack_are_their_last() -> None:
    days = pandas.DatetimeIndex(["2018-01-30", "2018-02-28", "2018-03-30", "2018-04-30", "2018-05-30", "2018-06-30"])
    step = one_series(days)
    assert step is not None
    assert step.words == "month (day 30)"
    expected = [pandas.Timestamp("2018-01-30") + pandas.DateOffset(months=ahead) for ahead in range(12, 15)]
    assert pandas.DatetimeIndex(step.after(np.datetime64("2018-12-30", "ns"), 3)).tolist() == expected


def test_hours_by_the_clock_of_a_zone_stay_so() -> None:
    """Every six hours of local time: the steps over a clock change are five or seven hours long."""
    zone = "Europe/Berlin"
    times = pandas.date_range("2018-01-01", "2018-12-31", freq="6h").tz_localize(zone)
    step = one_series(times[:600], zone)
    assert step is not None
    assert (step.words, step.gaps) == ("6 h (by the clock)", 0)
    assert step.after(in_utc(times)[599], len(times) - 600).tolist() == in_utc(times)[600:].tolist()


def test_a_day_whose_midnight_is_skipped_is_no_gap() -> None:
    """São Paulo, 2018-11-04, began at one o'clock; the day after begins at midnight."""
    zone = "America/Sao_Paulo"
    local = pandas.date_range("2018-10-01", periods=60)
    times = local.tz_localize(zone, nonexistent="shift_forward")
    assert times[34].hour == 1
    step = one_series(times[:35], zone)
    assert step is not None
    assert step.gaps == 0
    assert step.after(in_utc(times)[34], 25).tolist() == in_utc(times)[35:].tolist()


def test_the_spring_hour_is_no_gap_in_its_zone_and_one_without() -> None:
    times = pandas.date_range("2019-03-30", periods=72, freq="h", tz="Europe/Berlin")
    aware, naive = one_series(times, "Europe/Berlin"), one_series(times.tz_localize(None))
    assert aware is not None
    assert naive is not None
    assert (aware.words, aware.gaps, naive.words, naive.gaps) == ("1 h", 0, "1 h", 1)


def test_most_series_decide_and_others_are_named() -> None:
    """One long series by the minute does not outvote three that step by day."""
    days = [pandas.date_range("2020-01-01", periods=length) for length in (40, 50, 60)]
    minutes = pandas.date_range("2020-01-01", periods=5000, freq="min")
    times = np.concatenate([in_utc(part) for part in (*days, minutes)])
    series = np.repeat(np.arange(4), [40, 50, 60, 5000])
    step = estimate(times, series)
    assert step is not None
    assert step.words == "1 d"
    assert other_steps(step, times, series).tolist() == [3]


def test_numbers_step_by_fractions_too() -> None:
    step = one_series(np.arange(20) * 0.1)
    assert step is not None
    assert (step.words, step.gaps) == ("0.1", 0)
    np.testing.assert_allclose(step.after(1.9, 2), [2.0, 2.1])


def test_times_at_random_have_no_step() -> None:
    moments = np.cumsum(np.random.default_rng(0).random(500) * 5e13).astype("datetime64[ns]")
    assert one_series(moments) is None


def test_a_frequency_is_read_again_from_json() -> None:
    for times, _ in WEEKLY.values():
        step = one_series(times)
        assert step is not None
        assert Frequency.model_validate_json(step.model_dump_json()) == step


def test_local_times_and_back() -> None:
    times = pandas.date_range("2019-10-26", periods=72, freq="h", tz="Europe/Berlin")
    local = local_time.local(in_utc(times), "Europe/Berlin")
    assert local.tolist() == times.tz_localize(None).to_numpy("datetime64[ns]").tolist()
    twice = np.array([local[:index].tolist().count(value) for index, value in enumerate(local.tolist())])
    moments, skipped = local_time.localised(local, "Europe/Berlin", twice)
    assert moments.tolist() == in_utc(times).tolist()
    assert not skipped.any()


@pytest.mark.parametrize("unit", [1, 7, 10**9, 3600 * 10**9, 86_400 * 10**9])
def test_the_most_frequent_value_is_that_of_a_dictionary(unit):
    rng = np.random.default_rng(unit % 1000)
    for _ in range(300):
        values, weights = unit * rng.integers(-3, 4, 8), rng.integers(1, 4, 8).astype(float)
        votes = {}
        for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
            votes[value] = votes.get(value, 0.0) + weight
        assert frequency._mode(values, weights) == min(votes, key=lambda value: (-votes[value], value))
