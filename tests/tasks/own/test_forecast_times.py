"""Times of forecasts: what follows the last row, in the file's own zone and columns; gaps; inputs of the calendar."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from gru_tf.data.datasets import DatasetError
from gru_tf.tasks.own.forecast import OwnForecast

AHEAD = 5


def task_on(folder: Path, frame: Any, **options: Any) -> OwnForecast:
    frame.to_csv(folder / "x.csv", index=False)
    return OwnForecast(**{"path": str(folder / "x.csv"), "target": ("v",), "window": 4, "time": "t", **options})


def series(times: Any, **columns: Any) -> Any:
    """Rows of these times, with values that change."""
    return pandas.DataFrame({"t": times, **columns, "v": np.random.default_rng(0).normal(size=len(times)).round(3)})


def predicted(own: OwnForecast, frame: Any) -> Any:
    outputs = np.zeros((len(own.prepare(frame).inputs), own.signature.outputs), np.float32)
    return own.answer(outputs, frame)


HOURS = pandas.date_range("2020-01-01", periods=4000, freq="h")
OFFICE = HOURS[(HOURS.hour >= 9) & (HOURS.hour <= 17) & (HOURS.day_of_week < 5)]
BERLIN = pandas.date_range("2019-01-01", periods=200, freq="D", tz="Europe/Berlin")
CASES = {
    "month ends": pandas.date_range("2010-01-31", periods=120, freq="ME"),
    "quarter ends": pandas.date_range("1990-03-31", periods=100, freq="QE"),
    "business days": pandas.date_range("2020-01-01", periods=198, freq="B"),  # ends on a Friday
    "office hours": OFFICE[: 9 * 50],  # ends on a Friday at 17
    "months of 31 days": pandas.date_range("2010-01-01", periods=100, freq="MS"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_times_that_follow_are_those_of_the_calendar(case: str, tmp_path: Path) -> None:
    times = CASES[case]
    frame = series(times[:-AHEAD])
    own = task_on(tmp_path, frame, horizon=AHEAD)
    assert predicted(own, frame)["t"].tolist() == times[-AHEAD:].tolist()
    assert own.notes() == ()


def test_month_ends_and_fridays_as_they_were_reported(tmp_path: Path) -> None:
    months = series(pandas.date_range(end="2019-12-31", periods=60, freq="ME"))
    assert str(predicted(task_on(tmp_path, months, horizon=2), months)["t"].iloc[1]) == "2020-02-29 00:00:00"
    days = series(pandas.date_range(end="2020-10-02", periods=100, freq="B"))
    assert str(predicted(task_on(tmp_path, days), days)["t"].iloc[0]) == "2020-10-05 00:00:00"


def test_days_of_a_zone_stay_days_over_a_clock_change(tmp_path: Path) -> None:
    times = BERLIN[:89]  # to 2019-03-30; clocks are set forward on the 31st
    frame = series(times)
    frame.to_parquet(tmp_path / "x.parquet")
    own = OwnForecast(path=str(tmp_path / "x.parquet"), target=("v",), window=4, time="t", horizon=AHEAD)
    answer = predicted(own, frame)
    assert answer["t"].tolist() == BERLIN[89 : 89 + AHEAD].tolist()
    assert str(answer["t"].dtype.tz) == "Europe/Berlin"


def test_offsets_of_a_csv_come_back_as_they_are_written(tmp_path: Path) -> None:
    times = pandas.date_range("2019-10-20", periods=200, freq="h", tz="Europe/Berlin")
    frame = series(times[:-AHEAD])
    own = task_on(tmp_path, frame, horizon=AHEAD, zone="Europe/Berlin")
    assert predicted(own, frame)["t"].astype(str).tolist() == times[-AHEAD:].astype(str).tolist()
    assert own.notes() == ()
    without = task_on(tmp_path, frame, horizon=AHEAD)
    assert predicted(without, frame)["t"].astype(str).tolist() == times[-AHEAD:].tz_convert("UTC").astype(str).tolist()
    assert without.notes()[0].startswith("Times have the offsets +02:00 and +01:00, as of a zone with daylight saving time")


def test_local_times_stay_local(tmp_path: Path) -> None:
    """Over the night on which an hour comes twice, which the file has by the order of its rows."""
    times = pandas.date_range("2019-10-20", periods=200, freq="h", tz="Europe/Berlin")
    frame = series(times.tz_localize(None))
    with pytest.raises(DatasetError, match="the hour that comes twice when clocks are set back"):
        task_on(tmp_path, frame).pinned()
    own = task_on(tmp_path, frame, zone="Europe/Berlin", horizon=AHEAD)
    following = pandas.date_range(times[-1], periods=AHEAD + 1, freq="h")[1:]
    assert predicted(own, frame)["t"].tolist() == following.tz_localize(None).tolist()
    assert own.notes() == ()


def test_a_spring_hour_is_said_to_be_one(tmp_path: Path) -> None:
    times = pandas.date_range("2019-03-28", periods=200, freq="h", tz="Europe/Berlin").tz_localize(None)
    naive = task_on(tmp_path, series(times))
    assert naive.notes()[0].startswith(
        "The hour before 2019-03-31 03:00 is missing, as when clocks are set forward (in Europe"
    )
    assert task_on(tmp_path, series(times), zone="Europe/Berlin").notes() == ()


def test_date_and_hour_are_predicted_in_their_columns(tmp_path: Path) -> None:
    hours = HOURS[: 24 * 20 + 23]
    frame = series(hours).drop(columns="t").assign(date=hours.strftime("%Y-%m-%d"), hour=hours.hour)
    own = task_on(tmp_path, frame, time=("date", "hour"), horizon=2)
    answer = predicted(own, frame)
    assert list(answer) == ["date", "hour", "ahead", "v"]
    assert answer["date"].astype(str).tolist() == ["2020-01-21", "2020-01-22"]
    assert answer["hour"].tolist() == [23, 0]


def test_quarters_are_predicted_by_name(tmp_path: Path) -> None:
    quarters = pandas.period_range("1990Q1", periods=102, freq="Q")
    frame = series(quarters.astype(str))
    own = task_on(tmp_path, frame[:100], horizon=2)
    assert predicted(own, frame[:100])["t"].tolist() == ["2015Q1", "2015Q2"]


# ---------------------------------------------------------------------------------------------------------------- gaps


def gappy(folder: Path, **options: Any) -> tuple[OwnForecast, Any]:
    """600 hours of which one in fifteen has no value, but for the last 30; and the rows that are left."""
    frame = series(HOURS[:600])
    missing = np.random.default_rng(1).random(600) < 1 / 15
    missing[-30:] = False
    frame.loc[missing, "v"] = np.nan
    left = frame.dropna()
    return task_on(folder, frame, missing="drop", window=4, horizon=3, **options), left


def distances(own: OwnForecast, left: Any) -> Any:
    """(windows, horizon) hours from the last input row to each target, by the times of the file."""
    starts = np.concatenate([np.asarray(own.arrays()[part]) for part in ("train", "validation", "test")])
    hours = ((left.t - HOURS[0]) // pandas.Timedelta("1h")).to_numpy()
    assert all((hours[starts - 1] - hours[starts - 4] >= 3).tolist())
    return np.stack([hours[starts + ahead] - hours[starts - 1] for ahead in range(3)], axis=1), hours[starts - 1] - hours[
        starts - 4
    ]


def test_windows_across_a_gap_are_left_out_and_counted(tmp_path: Path) -> None:
    stretched, left = gappy(tmp_path, gaps="stretch")
    ahead, within = distances(stretched, left)
    whole = (ahead == [1, 2, 3]).all(1) & (within == 3)
    assert 0.2 < 1 - whole.mean() < 0.5
    own, _ = gappy(tmp_path)
    ahead_left, within_left = distances(own, left)
    assert (ahead_left == [1, 2, 3]).all()
    assert (within_left == 3).all()
    assert len(ahead_left) == whole.sum()
    count = f"{len(whole) - whole.sum():,} of {len(whole):,} windows ({100 * (1 - whole.mean()):.0f} %)"
    assert own.notes()[1].endswith(f" gaps: {count} cross one and are left out.")
    share = f"{100 * (ahead != [1, 2, 3]).mean():.0f} % of the targets lie further ahead than that."
    assert stretched.notes()[1].endswith(f" gaps: window and horizon count rows, not time, so that {share}")


def test_dropped_rows_are_gaps_without_times_too(tmp_path: Path) -> None:
    frame = series(HOURS[:300]).drop(columns="t")
    frame.loc[[100, 200], "v"] = np.nan
    own = task_on(tmp_path, frame, time=None, missing="drop")
    assert own.notes()[1] == "Rows are dropped, with 2 gaps: 8 of 294 windows (3 %) cross one and are left out."


def test_a_gap_in_the_last_window_of_new_rows_is_refused(tmp_path: Path) -> None:
    own, left = gappy(tmp_path)
    assert len(predicted(own, left)) == 3
    with pytest.raises(
        DatasetError,
        match="expected the last 4 rows to follow each other, by 1 h, without a gap, as in training. Received: ",
    ) as caught:
        own.prepare(left.drop(index=left.index[-2]))
    assert f"times are missing after {left.t.iloc[-3]};" in str(caught.value)
    stretched, _ = gappy(tmp_path, gaps="stretch")
    assert len(predicted(stretched, left.drop(index=left.index[-2]))) == 3


def test_weekends_and_nights_are_no_gaps(tmp_path: Path) -> None:
    own = task_on(tmp_path, series(OFFICE))
    assert own.notes() == ()
    assert sum(len(own.arrays()[part]) for part in ("train", "validation", "test")) == len(OFFICE) - 4


def test_what_is_done_with_gaps_is_pinned_where_there_are_any(tmp_path: Path) -> None:
    """An experiment that was pinned before there was a choice means what it meant: windows that count rows."""
    own, _ = gappy(tmp_path)
    pinned = own.pinned()
    assert pinned == {"sha256": pinned["sha256"], "gaps": "leave_out"}
    of_before = own.model_copy(update={"sha256": pinned["sha256"]})
    stretched, _ = gappy(tmp_path, gaps="stretch")
    assert np.array_equal(of_before.arrays()["train"], stretched.arrays()["train"])
    assert not np.array_equal(own.arrays()["train"], stretched.arrays()["train"])
    whole = task_on(tmp_path, series(HOURS[:600]))
    assert set(whole.pinned()) == {"sha256"}


def test_irregular_times_are_said_to_be(tmp_path: Path) -> None:
    moments = pandas.DatetimeIndex(np.cumsum(np.random.default_rng(0).random(300) * 5e13).astype("datetime64[ns]"))
    notes = task_on(tmp_path, series(moments)).notes()
    assert notes == ("The times (t) have no regular step: window and horizon count rows, not time.",)


def test_a_gap_in_every_window_of_a_part_names_the_option(tmp_path: Path) -> None:
    """Each seventh hour is missing, another one each week, so that no rule has it."""
    rows = np.arange(400)
    frame = series(HOURS[:400])[rows % 7 != rows // 49 % 7]
    message = "expected 8 rows without a gap in time in the training part, a window and a horizon.* set gaps to stretch"
    with pytest.raises(DatasetError, match=message):
        task_on(tmp_path, frame, window=7).pinned()


# -------------------------------------------------------------------------------------------------------------- series


def test_a_short_series_is_named(tmp_path: Path) -> None:
    parts = [
        series(pandas.date_range(end="2021-12-31", periods=rows), shop=name)
        for name, rows in (("a", 200), ("tiny", 3), ("b", 220))
    ]
    own = task_on(tmp_path, pandas.concat(parts), group="shop")
    assert own.notes() == ("1 of 3 series has no window: 'tiny'.",)


def test_a_series_with_another_step_is_named_and_continued_by_its_own(tmp_path: Path) -> None:
    days = [series(pandas.date_range("2021-01-01", periods=200), shop=name) for name in "ab"]
    weeks = series(pandas.date_range("2021-01-03", periods=28, freq="W"), shop="c")
    frame = pandas.concat([*days, weeks])
    own = task_on(tmp_path, frame, group="shop", gaps="stretch")
    assert "1 of 3 series steps otherwise than by 1 d: 'c'." in own.notes()
    answer = predicted(own, frame)
    assert answer["t"].astype(str).tolist() == ["2021-07-20", "2021-07-20", "2021-07-18"]


# ------------------------------------------------------------------------------------------------------------ calendar


def test_inputs_of_the_calendar_are_those_of_pandas(tmp_path: Path) -> None:
    times = pandas.date_range("2019-03-20", periods=600, freq="h", tz="Europe/Berlin")
    frame = series(times)
    own = task_on(tmp_path, frame, zone="Europe/Berlin", covariates=("hour", "weekday", "month"), relative=False)
    names = own.encodings()["inputs"]
    assert names == [
        *("v", "sin hour", "cos hour"),
        *(f"weekday={day}" for day in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")),
        *("sin month", "cos month"),
    ]
    rows = np.asarray(own.arrays()["rows"])[:-1]  # each holds the calendar of the row that is forecast, one later
    times, last = times[1:], own.prepare(frame).inputs[0]
    hours = 2 * np.pi * times.hour.to_numpy() / 24
    np.testing.assert_allclose(rows[:, 1:3], np.stack([np.sin(hours), np.cos(hours)], 1), atol=1e-6)
    assert np.array_equal(rows[:, 3:10], np.eye(7)[times.day_of_week])
    months = 2 * np.pi * (times.month - 1 + (times.day - 1) / times.days_in_month).to_numpy() / 12
    np.testing.assert_allclose(rows[:, 10:], np.stack([np.sin(months), np.cos(months)], 1), atol=1e-6)
    np.testing.assert_array_equal(last[:-1], rows[-3:])
    after = times[-1] + pandas.Timedelta(hours=1)
    assert last[-1, 1:3] == pytest.approx(
        [np.sin(2 * np.pi * after.hour / 24), np.cos(2 * np.pi * after.hour / 24)], abs=1e-6
    )
    assert np.array_equal(last[-1, 3:10], np.eye(7)[after.day_of_week])


def test_a_column_of_the_name_is_that_column(tmp_path: Path) -> None:
    frame = series(HOURS[:200]).assign(hour=np.arange(200) % 5 * 1.0)
    own = task_on(tmp_path, frame, covariates=("hour",))
    assert own.encodings()["inputs"] == ["v", "hour"]
    with pytest.raises(DatasetError, match="no column is called 'hour'"):
        task_on(tmp_path, series(HOURS[:200]), covariates=("hour",), time=None).pinned()
    numbers = series(np.arange(200.0))
    with pytest.raises(DatasetError, match="expected dates to make the covariate 'hour' of. Received: times as numbers"):
        task_on(tmp_path, numbers, covariates=("hour",)).pinned()


def test_options_of_times_are_checked() -> None:
    for options, message in (
        ({"zone": "Europe/Berln", "time": "t"}, "received 'Europe/Berln', expected a zone .* Did you mean 'Europe/Berlin'"),
        ({"zone": "Europe/Berlin", "time": None}, "received zone without time, expected both"),
        ({"time": ("t", "v")}, "received 'v' as target and time"),
    ):
        with pytest.raises(ValueError, match=message):
            OwnForecast(**{"path": "x.csv", "target": ("v",), "window": 4, **options})
