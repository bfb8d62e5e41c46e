"""Times as files have them: every form as pandas reads it, zones and clock changes, times in several columns, and back."""

import datetime
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import files, timestamps
from gru_tf.data.own.timestamps import Timestamps

DAYS = pandas.date_range("2017-01-27", periods=40, freq="D")
MOMENTS = pandas.date_range("2017-01-27 09:30", periods=40, freq="31h")
FORMS = {  # as files write them: what strftime makes of days or moments
    "%d.%b.%y": DAYS,
    "%d-%b-%Y": DAYS,
    "%d %b %Y": DAYS,
    "%d %B %Y": DAYS,
    "%b %d, %Y": DAYS,
    "%B %d, %Y": DAYS,
    "%a %d %b %Y": DAYS,
    "%d/%m/%Y": DAYS,
    "%m/%d/%Y": DAYS,
    "%d.%m.%y": DAYS,
    "%Y/%m/%d": DAYS,
    "%d.%m.%Y %H:%M": MOMENTS,
    "%m/%d/%Y %I:%M %p": MOMENTS,
    "%d-%b-%Y %H:%M:%S": MOMENTS,
    "%Y-%m-%dT%H:%M:%S": MOMENTS,
    "%Y%m%d": DAYS,
}
PERIODS = {  # a form → the periods that it names
    "{0.year}Q{0.quarter}": pandas.period_range("2019Q3", periods=9, freq="Q"),
    "{0.year}-Q{0.quarter}": pandas.period_range("2019Q3", periods=9, freq="Q"),
    "Q{0.quarter} {0.year}": pandas.period_range("2019Q3", periods=9, freq="Q"),
    "{0.year}M{0.month:02}": pandas.period_range("2019-11", periods=9, freq="M"),
    "{0.year}M{0.month}": pandas.period_range("2019-09", periods=9, freq="M"),
}


def read(values: Any, *names: str, **options: Any) -> Timestamps:
    frame = pandas.DataFrame(values if isinstance(values, dict) else {"t": values})
    return timestamps.read(frame, names or ("t",), "the data", **options)


def plain(times: Any) -> list[Any]:
    return np.asarray(times.to_numpy(), "datetime64[ns]").tolist()


# -------------------------------------------------------------------------------------------------------------- forms


@pytest.mark.parametrize("form", FORMS)
def test_a_date_is_read_and_written_as_it_was(form: str) -> None:
    texts = FORMS[form].strftime(form)
    result = read(texts)
    assert result.values.tolist() == plain(FORMS[form])
    again = result.form.write(result.values)["t"].tolist()
    assert again == (FORMS[form].tolist() if form in ("%Y-%m-%dT%H:%M:%S", "%Y%m%d", "%Y/%m/%d") else texts.tolist())


@pytest.mark.parametrize("form", PERIODS)
def test_quarters_and_months_are_their_first_days_and_are_written_again(form: str) -> None:
    periods = PERIODS[form]
    written = [form.format(period) for period in periods]
    result = read(written)
    assert result.values.tolist() == plain(periods.to_timestamp())
    assert result.form.write(result.values) == {"t": written}


def test_weeks_are_their_mondays() -> None:
    weeks = pandas.date_range("2019-12-02", periods=9, freq="W-MON")
    written = [f"{week.isocalendar().year}-W{week.isocalendar().week:02}" for week in weeks]
    assert written[4] == "2020-W01"  # that of 2019-12-30
    result = read(written)
    assert result.values.tolist() == plain(weeks)
    assert result.form.write(result.values) == {"t": written}


def test_day_and_month_are_asked_for_where_dates_do_not_show_them() -> None:
    written = ["01/02/2020", "02/03/2020"]
    with pytest.raises(
        DatasetError, match=r"not as day/month/year or month/day/year. Received: '01/02/2020'; set dates to day-first"
    ):
        read(written)
    for order, day_first in (("day-first", True), ("month-first", False)):
        expected = pandas.to_datetime(written, dayfirst=day_first)
        assert read(written, order=order).values.tolist() == plain(expected)
    with pytest.raises(DatasetError, match="expected a time such as 2016-07-01"):
        read(["01/13/2020", "01/14/2020"], order="day-first")


def test_new_rows_are_read_as_those_of_training() -> None:
    known = read(["01/31/2020", "02/01/2020"]).form
    assert read(["03/04/2020"], known=known).values.astype(str).tolist() == ["2020-03-04T00:00:00.000000000"]


def test_years_are_whole_numbers() -> None:
    result = read([1999, 2000])
    assert result.form.write(result.values + 2)["t"].tolist() == [2001, 2002]
    assert str(result.form.write(result.values + 2)["t"].dtype) == "int64"
    assert result.form.write(result.values + 0.5)["t"].tolist() == [1999.5, 2000.5]


# -------------------------------------------------------------------------------------------------------------- zones

BERLIN = pandas.date_range("2019-10-26 12:00", periods=48, freq="h", tz="Europe/Berlin")


def test_the_hour_that_comes_twice_is_named_and_a_zone_resolves_it() -> None:
    naive = BERLIN.tz_localize(None)
    message = (
        "the data: row 16, column 't': expected each time once. Received: '2019-10-27 02:00:00', as in row 15, the hour that"
        " comes twice when clocks are set back (in Europe/Berlin, for one); set zone to that of the times"
    )
    with pytest.raises(DatasetError) as caught:
        read(naive)
    assert str(caught.value) == message
    for times in (BERLIN, BERLIN[::-1]):  # newest first, too
        result = read(times.tz_localize(None), zone="Europe/Berlin")
        assert result.values.tolist() == plain(times.tz_convert("UTC").tz_localize(None))
        assert result.form.write(result.values)["t"].tolist() == times.tz_localize(None).tolist()


def test_in_groups_the_hour_comes_twice_in_each() -> None:
    frame = pandas.DataFrame({"t": [*BERLIN.tz_localize(None)] * 2, "g": np.repeat(["a", "b"], 48)})
    result = timestamps.read(frame, ("t",), "the data", "g", zone="Europe/Berlin")
    assert result.values.tolist() == 2 * plain(BERLIN.tz_convert("UTC").tz_localize(None))


def test_two_rows_of_a_day_are_no_clock_change() -> None:
    with pytest.raises(DatasetError, match="as in row 1; for several series, set group"):
        read(["2019-10-27", "2019-10-27"])
    with pytest.raises(DatasetError, match="as in row 1; for several series, set group"):
        read(["2019-10-26 02:00", "2019-10-26 02:00"])


def test_a_time_that_the_clocks_skip_is_refused() -> None:
    with pytest.raises(DatasetError, match="row 2, column 't': expected a time that the clocks of Europe/Berlin show"):
        read(["2019-03-31 01:30", "2019-03-31 02:30"], zone="Europe/Berlin")
    assert len(read(["2018-11-03", "2018-11-04"], zone="America/Sao_Paulo").values) == 2  # the day that lacks its midnight


CSV_ZONES = {  # times, an option → the zone in which they are written again
    "one offset": (pandas.date_range("2020-01-01", periods=9, freq="h", tz="Europe/Berlin"), None, "+01:00"),
    "UTC": (pandas.date_range("2020-01-01", periods=9, freq="h", tz="UTC"), None, "UTC"),
    "two offsets": (BERLIN, None, "UTC"),
    "two offsets and their zone": (BERLIN, "Europe/Berlin", "Europe/Berlin"),
}


@pytest.mark.parametrize("case", CSV_ZONES)
def test_a_csv_keeps_its_zone(case: str, tmp_path: Path) -> None:
    times, zone, expected = CSV_ZONES[case]
    pandas.DataFrame({"t": times, "v": 1.0}).to_csv(tmp_path / "x.csv", index=False)
    path = str(tmp_path / "x.csv")
    result = timestamps.read(files.read_table(path), ("t",), path, zone=zone)
    assert result.values.tolist() == plain(times.tz_convert("UTC").tz_localize(None))
    assert result.form.zone == expected
    again = result.form.write(result.values)["t"]
    assert again.tolist() == times.tolist()
    if case != "two offsets":
        assert again.astype(str).tolist() == times.astype(str).tolist()
    assert (len(result.form.offsets) > 1) == case.startswith("two")


def test_a_parquet_file_keeps_its_zone(tmp_path: Path) -> None:
    pandas.DataFrame({"t": BERLIN}).to_parquet(tmp_path / "x.parquet")
    result = timestamps.read(files.read_table(tmp_path / "x.parquet"), ("t",), str(tmp_path / "x.parquet"))
    assert result.form.zone == "Europe/Berlin"
    assert result.form.write(result.values)["t"].tolist() == BERLIN.tolist()


def test_new_rows_have_a_zone_where_training_has_one() -> None:
    naive, aware = read(["2020-01-01 00:00"]).form, read(["2020-01-01T00:00Z"]).form
    with pytest.raises(DatasetError, match=r"row 1, column 't': expected a time with a zone, as in training \(UTC\)"):
        read(["2020-01-02 00:00"], known=aware)
    with pytest.raises(DatasetError, match="row 1, column 't': expected a time without a zone, as in training"):
        read(["2020-01-02T00:00Z"], known=naive)


# ---------------------------------------------------------------------------------------------------- several columns

HOURS = pandas.date_range("2019-12-30 22:00", periods=60, freq="h")
QUARTERS = pandas.date_range("2018-01-01", periods=9, freq="QS")
MONTHS = pandas.date_range("2018-01-01", periods=30, freq="MS")
COLUMNS: dict[str, tuple[Any, dict[str, Any]]] = {  # the times, the columns that hold them
    "date and hour": (HOURS, {"date": HOURS.strftime("%Y-%m-%d"), "hour": HOURS.hour}),
    "date and hr, other names": (HOURS, {"dteday": HOURS.normalize(), "hr": HOURS.hour}),
    "German dates and times": (HOURS, {"date": HOURS.strftime("%d.%m.%Y"), "time": HOURS.strftime("%H:%M")}),
    "times with points": (HOURS, {"date": HOURS.strftime("%d/%m/%Y"), "time": HOURS.strftime("%H.%M.%S")}),
    "hours from 1 to 24": (
        HOURS,
        {
            "date": (HOURS - pandas.Timedelta("1min")).normalize(),
            "hour": [hour or 24 for hour in HOURS.hour],
        },
    ),
    "parts": (HOURS, {"year": HOURS.year, "month": HOURS.month, "day": HOURS.day, "hour": HOURS.hour}),
    "year and month": (MONTHS, {"year": MONTHS.year, "month": MONTHS.month}),
    "year and quarter": (QUARTERS, {"year": QUARTERS.year, "quarter": QUARTERS.quarter}),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_times_in_columns_are_joined_and_split(case: str) -> None:
    times, columns = COLUMNS[case]
    result = read(columns, *columns)
    assert result.values.tolist() == plain(times)
    again = result.form.write(result.values)
    assert list(again) == list(columns)
    for name, values in columns.items():
        expected = [clock(value) if name == "time" else value for value in values]
        if case in ("date and hour", "hours from 1 to 24") and name == "date":
            expected = [pandas.Timestamp(value) for value in expected]  # ISO 8601 is a date, not text
        assert [pandas.Timestamp(value) if isinstance(value, np.datetime64) else value for value in again[name]] == expected


def clock(text: str) -> datetime.time:
    return datetime.time(*map(int, re.split("[:.]", text)))


def test_columns_that_make_no_time_are_refused() -> None:
    date = ["2020-01-01", "2020-01-02"]
    wrong = {"date": date, "weight": [1.5, 2.5]}
    with pytest.raises(DatasetError, match="columns 'date' and 'weight': expected the parts of a time"):
        read(wrong, *wrong)
    with pytest.raises(DatasetError, match="row 2, column 'hour': expected an hour from 0 to 24"):
        read({"date": date, "hour": [1, 25]}, "date", "hour")
    with pytest.raises(DatasetError, match="row 2, column 'day': expected a day that the month has"):
        read({"year": [2020, 2020], "month": [1, 2], "day": [30, 30]}, "year", "month", "day")
    for dates in ([12345678, 87654321], ["2020-01-01T00:00Z", "2020-01-02T00:00Z"]):
        with pytest.raises(DatasetError, match="row 1, column 'date': expected a date, without a zone"):
            read({"date": dates, "hour": [1, 2]}, "date", "hour")
    again = {"date": date[:1] * 2, "hour": [3, 3]}
    message = "row 2, column 'hour': expected each time once. Received: '2020-01-01', '3', as in row 1"
    with pytest.raises(DatasetError, match=re.escape(message)):
        read(again, *again)


def test_clock_changes_in_two_columns() -> None:
    naive = BERLIN.tz_localize(None)
    columns = {"date": naive.strftime("%Y-%m-%d"), "hour": naive.hour}
    with pytest.raises(DatasetError, match="the hour that comes twice when clocks are set back"):
        read(columns, *columns)
    result = read(columns, *columns, zone="Europe/Berlin")
    assert result.values.tolist() == plain(BERLIN.tz_convert("UTC").tz_localize(None))
    assert result.form.write(result.values)["hour"].tolist() == naive.hour.tolist()


def test_a_zone_by_a_name_is_refused_in_a_line():
    frame = pandas.DataFrame({"when": [f"Sun Jan {day:02} 13:00:00 UTC 2017" for day in range(1, 9)]})
    with pytest.raises(DatasetError, match="column 'when'"):
        timestamps.times(frame, "when", "odd.csv")
