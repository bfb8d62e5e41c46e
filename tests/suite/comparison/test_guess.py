"""What is inferred from small files where that is plain, and the error where it is ambiguous."""

import re
from pathlib import Path

import numpy as np
import pandas
import pytest

from gru_tf.foundation.errors import UserError
from gru_tf.suite.comparison.defaults import protocol
from gru_tf.suite.comparison.guess import guess
from gru_tf.suite.comparison.guess.forecast import LONGEST, WINDOWS
from gru_tf.suite.comparison.guess.season import count, steps_of
from gru_tf.tasks import Signature


@pytest.fixture
def csv(tmp_path):
    """A function that writes columns as a CSV and returns its path."""

    def write(columns, name="mine.csv"):
        frame = pandas.DataFrame(columns)
        write_it = {"csv": frame.to_csv, "parquet": frame.to_parquet}[name.rpartition(".")[2]]
        write_it(tmp_path / name, index=False)
        return str(tmp_path / name)

    return write


def times(rows, frequency, start="2020-01-01"):
    return pandas.date_range(start, periods=rows, freq=frequency)


def options(inferences):
    return {option for _, names in inferences for option in names}


STEPS = {  # frequency → what a step is called, its season, the window that follows
    "MS": ("month", 12, 24),
    "ME": ("month", 12, 24),
    "QS": ("quarter", 4, 8),
    "W": ("week", 52, 104),
    "D": ("day", 7, 14),
    "B": ("business day", 5, 10),
    "h": ("hour", 24, 48),
    "30min": ("half an hour", 48, 96),
    "15min": ("quarter of an hour", 96, 192),
    "10min": ("10 minutes", 144, 144),
    "min": ("minute", 60, 120),
    "s": ("second", 60, 120),
    "YS": ("year", 0, 24),
}


@pytest.mark.parametrize("frequency", STEPS)
def test_season_and_window_follow_from_the_step(csv, frequency):
    unit, season, window = STEPS[frequency]
    path = csv(
        {
            "when": times(300 if frequency == "YS" else 1200, frequency, "1900-01-01"),
            "load": np.arange(1200.0)[: 300 if frequency == "YS" else 1200],
        }
    )
    guessed = guess(path, None, {})
    assert (guessed.kind, guessed.task) == ("forecast", "forecast")
    assert {
        name: guessed.options[name] for name in ("time", "target", "season", "window", "horizon", "stride", "relative")
    } == {
        "time": "when",
        "target": ("load",),
        "season": season,
        "window": window,
        "horizon": 1,
        "stride": 1,
        "relative": True,
    }
    assert guessed.summary.startswith(f"a forecast of load, {count(1, unit)} ahead from windows of {count(window, unit)}")
    assert options(guessed.inferences) == {"kind", "time", "target", "window", "horizon", "season", "relative"}


def test_what_the_user_chose_is_not_inferred(csv):
    path = csv({"when": times(200, "D"), "a": np.arange(200.0), "b": np.arange(200.0), "c": "x"})
    given = {"target": ("b",), "time": "when", "window": 5, "horizon": 3, "season": 0, "stride": 2, "relative": False}
    guessed = guess(path, None, {**given, "covariates": ("a", "c"), "missing": "drop"})
    assert guessed.inferences == ()
    assert guessed.options == {"path": path, **given, "covariates": ("a", "c"), "missing": "drop"}


def test_columns_that_are_no_inputs_are_named(csv):
    guessed = guess(csv({"when": times(99, "D"), "a": 1.0, "b": 2.0, "c": "x"}), None, {"target": ("a",)})
    assert ("not used as inputs: b, c", ("covariates",)) in guessed.inferences


def test_a_short_series_gets_a_short_window_and_no_season(csv):
    guessed = guess(csv({"when": times(30, "MS"), "a": np.arange(30.0)}), None, {})
    assert (guessed.options["season"], guessed.options["window"]) == (0, 6)  # a third of 65 % of 30
    assert ("no season: fewer than 4 seasons of 12 months", ("season",)) in guessed.inferences


def test_without_times_the_rows_are_in_the_order_of_the_file(csv):
    guessed = guess(csv({"a": np.arange(99.0)}), None, {"target": ("a",)})
    assert "time" not in guessed.options
    assert ("no column of times: rows in file order", ("time",)) in guessed.inferences
    assert (guessed.options["window"], guessed.options["season"]) == (21, 0)


def test_times_that_come_again_tell_the_series(csv):
    days = [*times(60, "D"), *times(90, "D")]
    path = csv({"shop": ["n"] * 60 + ["s"] * 90, "day": days, "sold": np.arange(150.0), "open": [True, False] * 75})
    guessed = guess(path, None, {})
    assert (guessed.options["group"], guessed.options["target"]) == ("shop", ("sold",))
    assert guessed.summary.endswith("(150 rows in 2 series)")
    steps = steps_of(path, "day", "shop", "sold")
    assert (steps.unit, steps.rows, steps.series, steps.typical, steps.repeated) == ("day", 150, 2, 75, False)
    assert steps_of(path, "day", None, "sold").repeated


def test_the_typical_series_decides_window_and_season(csv):
    lengths = {"a": 300, "tiny": 9, "b": 310, "c": 320}
    parts = [pandas.DataFrame({"shop": s, "day": times(n, "D"), "sold": np.arange(n) % 9}) for s, n in lengths.items()]
    guessed = guess(csv(pandas.concat(parts)), None, {})
    assert (guessed.options["group"], guessed.options["season"], guessed.options["window"]) == ("shop", 7, 14)
    assert steps_of(guessed.options["path"], "day", "shop", "sold").typical == 305


def test_the_step_of_the_times_is_stated(csv):
    hours = times(4000, "h")
    office = hours[(hours.hour >= 9) & (hours.hour <= 17) & (hours.day_of_week < 5)]
    for moments, words, season in (
        (times(300, "ME"), "month end", 12),
        (times(300, "2h"), "2 h", 0),
        (office, "1 h (Mon to Fri, 09:00 to 17:00)", 9),
    ):
        guessed = guess(csv({"when": moments, "a": np.arange(float(len(moments)))}), None, {})
        assert (f"times step by {words}", ("time",)) in guessed.inferences
        assert guessed.options["season"] == season
    plain = guess(csv({"when": times(300, "B"), "a": np.arange(300.0)}), None, {}).inferences
    assert ("horizon: 1 business day ahead", ("horizon",)) in plain
    assert not any("step by" in text for text, _ in plain)


JOINED = {
    "a date and an hour": (lambda at: {"date": at.strftime("%Y-%m-%d"), "hour": at.hour}, "h", 24),
    "a date and an hr": (lambda at: {"dteday": at.strftime("%Y-%m-%d"), "hr": at.hour}, "h", 24),
    "months first": (lambda at: {"date": at.strftime("%m/%d/%Y"), "hour": at.hour}, "h", 24),
    "a date and a time": (lambda at: {"Date": at.strftime("%d/%m/%Y"), "Time": at.strftime("%H:%M:%S")}, "h", 24),
    "parts": (lambda at: {"year": at.year, "month": at.month, "day": at.day, "hour": at.hour}, "h", 24),
    "year and month": (lambda at: {"year": at.year, "month": at.month}, "MS", 12),
    "year and quarter": (lambda at: {"Year": at.year, "Quarter": at.quarter}, "QS", 4),
}


@pytest.mark.parametrize("case", JOINED)
def test_times_in_several_columns_are_joined(csv, case):
    make, frequency, season = JOINED[case]
    columns = make(times(400, frequency))
    guessed = guess(csv({**columns, "load": np.arange(400.0)}), None, {})
    assert (guessed.kind, guessed.options["time"], guessed.options["season"]) == ("forecast", tuple(columns), season)
    assert "group" not in guessed.options
    *others, last = (f"'{name}'" for name in columns)
    assert (f"times: columns {', '.join(others)} and {last}, joined", ("time",)) in guessed.inferences
    chosen = guess(guessed.options["path"], None, {"time": tuple(columns), "target": ("load",)})
    assert chosen.options["time"] == tuple(columns)


def test_an_hour_that_is_no_part_of_the_time_is_not_joined(csv):
    """One row a day, with the hour of its peak."""
    days = times(100, "D")
    path = csv({"date": days, "hour": np.arange(100) % 24, "load": np.arange(100.0)})
    guessed = guess(path, None, {"time": ("date",), "target": ("load",)})
    assert (guessed.options["time"], guessed.options["season"]) == ("date", 7)
    with pytest.raises(UserError, match="specify the column of times"):
        guess(path, None, {"target": ("load",)})


def test_a_column_h_of_heights_is_no_hour(csv):
    """Though dates come again: each shop has them."""
    days = [*times(60, "D")] * 2
    path = csv({"date": days, "h": np.arange(120) / 7, "shop": ["a"] * 60 + ["b"] * 60, "sold": np.arange(120.0)})
    guessed = guess(path, None, {"target": ("sold",)})
    assert (guessed.options["time"], guessed.options["group"]) == ("date", "shop")


def test_a_column_with_a_comma_in_its_name_is_one(csv):
    path = csv({"time (UTC, h)": times(100, "h"), "load": np.arange(100.0)})
    assert guess(path, None, {"time": ("time (UTC", "h)")}).options["time"] == "time (UTC, h)"


def test_an_hour_that_comes_twice_is_no_series(csv):
    moments = pandas.date_range("2019-10-01", periods=1000, freq="h", tz="Europe/Berlin").tz_localize(None)
    path = csv({"when": moments, "site": np.arange(1000) % 500, "load": np.arange(1000.0)})
    with pytest.raises(UserError, match="the hour that comes twice when clocks are set back"):
        guess(path, None, {"target": ("load",)})
    guessed = guess(path, None, {"target": ("load",), "zone": "Europe/Berlin"})
    assert (guessed.options["season"], guessed.options["zone"], "group" in guessed.options) == (24, "Europe/Berlin", False)


def test_day_and_month_are_asked_for_and_taken(csv):
    days = pandas.DatetimeIndex([f"2020-{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 13)])
    path = csv({"Datum": days.strftime("%m/%d/%Y"), "load": np.arange(144.0)})
    with pytest.raises(UserError, match="set dates to day-first or month-first"):
        guess(path, None, {})
    guessed = guess(path, None, {"dates": "month-first", "gaps": "stretch"})
    assert {name: guessed.options[name] for name in ("time", "dates", "gaps")} == {
        "time": "Datum",
        "dates": "month-first",
        "gaps": "stretch",
    }
    for wrong, message in (
        ({"dates": "months-first"}, "dates: received 'months-first', expected day-first or month-first"),
        ({"zone": "Europe/Berln"}, "zone: received 'Europe/Berln', expected a zone .* Did you mean 'Europe/Berlin'"),
    ):
        with pytest.raises(UserError, match=message):
            guess(path, None, wrong)


def test_inputs_of_the_calendar_need_times(csv):
    path = csv({"when": times(200, "h"), "load": np.arange(200.0)})
    chosen = {"covariates": ("hour", "weekday")}
    assert guess(path, None, chosen).options["covariates"] == ("hour", "weekday")
    with pytest.raises(UserError, match="no column is called 'hour'"):
        guess(csv({"load": np.arange(200.0)}), None, {**chosen, "target": ("load",)})


def test_many_rows_are_thinned_out(csv):
    rows = 200_000
    path = csv({"when": times(rows, "min"), "a": np.zeros(rows)}, "mine.parquet")
    guessed = guess(path, None, {})
    windows = 0.65 * rows
    assert guessed.options["stride"] == 3 == -(-windows // WINDOWS)
    assert any("on 1 in 3 of" in text and names == ("stride",) for text, names in guessed.inferences)
    assert guessed.options["window"] <= LONGEST


def test_sequences(csv):
    path = csv(
        {"trip": [1, 1, 2, 2], "second": [0, 1, 0, 1], "speed": [1.0, 2.0, 3.0, 4.0], "by": ["foot", "foot", "car", "car"]}
    )
    guessed = guess(path, None, {"id": "trip"})
    assert (guessed.kind, guessed.task) == ("class", "sequences")
    assert guessed.options == {"path": path, "id": "trip", "label": "by", "kind": "class"}
    guessed = guess(path, None, {"label": "speed", "id": "trip", "order": "second", "features": ("by",), "kind": "value"})
    assert guessed.options == {
        "path": path,
        "label": "speed",
        "id": "trip",
        "order": "second",
        "features": ("by",),
        "kind": "value",
        "per_step": True,
    }
    windowed = guess(path, None, {"label": "speed", "id": "trip", "order": "second", "kind": "value", "per_step": False})
    assert (windowed.options["window"], windowed.options["stride"]) == (2, 1)
    words = "'speed' changes within sequences: a label at every step, predicted at every step"
    assert guessed.inferences == ((words, ("per_step",)),)
    assert windowed.inferences[-1] == ("each step has a label: predicted from the last 2 steps", ("window",))


def test_sequences_by_their_names(csv):
    path = csv({"trip_id": [1, 1, 2, 2], "step": [0, 1, 0, 1], "speed": [1.0, 2.0, 3.0, 4.0], "label": [1, 1, 0, 0]})
    guessed = guess(path, None, {"label": "label"})
    assert guessed.options == {"path": path, "label": "label", "id": "trip_id", "order": "step", "kind": "class"}
    assert options(guessed.inferences) == {"kind", "id", "order", "features"}


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "__index_level_0__"])
def test_row_numbers_without_a_name_are_no_inputs(csv, name):
    numbers = {name: np.arange(60)}
    path = csv({**numbers, "day": times(60, "D"), "sold": np.arange(60.0)})
    assert guess(path, None, {}).options["target"] == ("sold",)
    path = csv({**numbers, "id": np.arange(60) // 2, "x": np.ones(60), "label": ["a", "b"] * 30})
    assert guess(path, None, {}).options["features"] == ("x",)
    path = csv({**numbers, "id": np.arange(60) // 2, "label": ["a", "b"] * 30, name: np.ones(60)})
    assert "features" not in guess(path, None, {}).options  # not row numbers: an input like any other


@pytest.mark.parametrize(("code", "determines"), [("01", True), ("00", False), ("23", True)])
def test_an_input_that_determines_the_label_is_listed(csv, code, determines):
    of = np.arange(40) // 2 % 2  # class of each sequence of two rows
    given = np.array(list(code))[of]
    path = csv({"id": np.arange(40) // 2, "code": given, "label": np.array(["a", "b"])[of], "x": np.arange(40) / 7})
    inferences = guess(path, None, {}).inferences
    assert (("input 'code' determines 'label': leave it out?", ("features",)) in inferences) == determines
    assert not any("input 'x'" in text for text, _ in inferences)


def test_texts_with_a_kind_are_texts(csv):
    path = csv({"text": ["not at all good, no", "very good film to see"] * 5, "label": [1.5, 2.5] * 5})
    guessed = guess(path, None, {"kind": "value"})
    assert (guessed.task, guessed.options["kind"]) == ("texts", "value")


LABELS = {
    "text": (["a", "b"] * 20, "class"),
    "truth": ([True, False] * 20, "class"),
    "few whole numbers": ([0, 1, 2, 3] * 10, "class"),
    "few whole numbers as fractions": ([0.0, 1.0] * 20, "class"),
    "many whole numbers": (list(range(40)), "value"),
    "fractions": ([0.5, 1.5] * 20, "value"),
}


@pytest.mark.parametrize("what", LABELS)
def test_class_or_value(tmp_path, what):
    labels, kind = LABELS[what]
    np.savez(tmp_path / "mine.npz", X=np.zeros((40, 3, 2)), y=np.array(labels))
    guessed = guess(str(tmp_path / "mine.npz"), None, {})
    assert (guessed.kind, guessed.options["kind"]) == (kind, kind)
    assert options(guessed.inferences) == {"kind"}


def test_a_ts_file_has_classes(tmp_path):
    for name in ("a.ts", "b.ts"):
        (tmp_path / name).write_text(name)
    guessed = guess(str(tmp_path / "a.ts"), str(tmp_path / "b.ts"), {})
    assert guessed.options == {"path": str(tmp_path / "a.ts"), "test_path": str(tmp_path / "b.ts"), "kind": "class"}
    assert options(guessed.inferences) == {"kind"}


def test_texts(csv):
    path = csv(
        {
            "stars": [1.5, 2.5] * 5,
            "review": ["not at all good, no", "very good film to see"] * 5,
            "mood": ["sad", "glad"] * 5,
        }
    )
    guessed = guess(path, None, {"label": "mood"})
    assert (guessed.kind, guessed.task) == ("text", "texts")
    assert guessed.options == {"path": path, "text": "review", "label": "mood", "kind": "class"}
    guessed = guess(path, None, {"text": "review", "label": "stars"})
    assert guessed.options["kind"] == "value"
    assert guess(path, None, {"text": "review", "label": "mood", "kind": "value"}).options["kind"] == "value"


TABLE = {"when": times(50, "D"), "a": np.arange(50.0), "b": np.arange(50.0)}
ALSO = "or layout columns where each is a series"
ALSO = "or layout columns where each is a series"
MISTAKES = {
    "which target": (TABLE, {}, f"specify the column to predict (target), {ALSO}. Candidates: a, b"),
    "no such target": (TABLE, {"target": ("aa",)}, "no column is called 'aa'. Did you mean 'a'? Columns: when, a, b"),
    "no such time": (TABLE, {"target": ("a",), "time": "whem"}, "no column is called 'whem'. Did you mean 'when'?"),
    "which time": (
        {**TABLE, "then": times(50, "D")},
        {"target": ("a",)},
        "specify the column of times (time). Candidates: when, then",
    ),
    "what to learn": (
        {"a": [1.0, 2.0], "b": [1.0, 2.0]},
        {},
        "cannot infer what to predict. Specify target (for a forecast)",
    ),
    "which id": (
        {"a": [1.0], "label": ["x"]},
        {"label": "label"},
        "specify the column that identifies a sequence (id). Columns: a, label",
    ),
    "which label": (
        {"i": [1], "a": ["x"], "b": ["x"]},
        {"id": "i"},
        "specify the column of the labels (label). Candidates: a, b",
    ),
    "another kind's option": (
        TABLE,
        {"target": ("a",), "label": "b"},
        "label: this option is for sequences and texts, but the data are read as a forecast.",
    ),
    "another kind's option, kind given": (
        TABLE,
        {"kind": "class", "horizon": 3},
        "horizon: this option is for a forecast, but the data are read as sequences.",
    ),
    "numbers as text": (
        {"when": times(3, "D"), "a": ["1,5", "2,5", "3,5"], "b": [None] * 3},
        {},
        "No other column is numeric: a, such as '1,5', b, all empty",
    ),
    "times in words": (
        {"date": ["New Year 2020", "Easter 2020"], "a": [1.0, 2.0]},
        {},
        "row 1 (line 2), column 'date': expected",
    ),
    "many columns": ({f"c{n}": [1.0] for n in range(40)}, {}, "c10, c11 and 28 more"),
    "no kind": (TABLE, {"kind": "forcast"}, "class, value, text. Did you mean 'forecast'?"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_is_ambiguous_is_an_error_in_one_line(csv, mistake):
    columns, chosen, message = MISTAKES[mistake]
    with pytest.raises(UserError, match=re.escape(message)) as raised:
        guess(csv(columns), None, chosen)
    assert "\n" not in str(raised.value)


def test_files_that_are_not_there_or_of_another_form(tmp_path, csv):
    there = csv(TABLE)
    with pytest.raises(UserError, match="gone.csv: no such file"):
        guess(str(tmp_path / "gone.csv"), None, {})
    with pytest.raises(UserError, match="gone.csv: no such file"):
        guess(there, str(tmp_path / "gone.csv"), {})
    with pytest.raises(UserError, match=re.escape("mine.doc: expected a file of one of the forms .csv, .tsv")):
        guess("mine.doc", None, {})
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UserError, match="expected a file. Received: a folder"):
        guess(str(tmp_path / "folder.csv"), None, {})
    again = tmp_path / "again.csv"
    again.write_bytes(Path(there).read_bytes())
    for same in (there, str(again)):
        with pytest.raises(UserError, match="expected test data other than the training data"):
            guess(there, same, {})
    (tmp_path / "a.ts").write_text("")
    with pytest.raises(UserError, match="expected kind class or value for a file of sequences. Received: text"):
        guess(str(tmp_path / "a.ts"), None, {"kind": "text"})
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(UserError, match=r"empty.csv: .*empty"):
        guess(str(tmp_path / "empty.csv"), None, {})


VALUES = Signature(timesteps=24, features=1, outputs=1, target="value")
SERIES = Signature(timesteps=24, features=1, outputs=1, target="value", continued=(0,))
SIZES = {  # examples → parameters, sequences a step, epochs, whether they are too many for more than 3 seeds
    70: (5_000, (32, 16), 300, False),
    3_200: (20_000, (32, 128), 60, False),  # 3,000 steps / ⌈3,200 / √(32·128)⌉
    50_000: (50_000, (128, 512), 16, False),  # ⌈3,000 / ⌈50,000 / 256⌉⌉
    200_000: (50_000, (128, 512), 10, True),
}


@pytest.mark.parametrize("examples", SIZES)
def test_the_protocol_follows_from_the_size_of_the_data(examples):
    parameters, (batch, other), epochs, much = SIZES[examples]
    result = protocol(VALUES, examples, {}).content
    assert result == {
        "cells": ["rnn", "lstm", "gru"],
        "replicates": {"at_most": 34, "minutes": 10},
        "model": {"parameters": parameters},
        "training": {"epochs": epochs, "batch_size": batch, "patience": max(5, -(-epochs // 4)), "learning_rate": 5e-3},
        "search": {
            "trials": 12 if examples <= 20_000 else 8,
            "space": {
                "learning_rate": {"low": 3e-4, "high": 5e-2, "sampling": "log"},
                "weight_decay": {"low": 1e-5, "high": 1e-1, "sampling": "log"},
                "dropout": [0.0, 0.1],
                "batch_size": sorted([batch, other]),
                "layers": [1, 2],
            },
            "shared": False,
        },
    }
    assert protocol(VALUES, examples, {"seeds": 3}).content["search"]["shared"] == much, "one search takes hours"


def test_what_was_named_is_not_searched():
    named = protocol(SERIES, 70, {"batch_size": 8, "scaling": "table", "units": 4}).content
    assert set(named["search"]["space"]) == {"learning_rate", "weight_decay", "dropout", "linear_path"}
    assert named["training"]["batch_size"] == 8
    assert named["model"] == {"units": 4}
    by_window = protocol(SERIES, 70, {"scaling": "window-robust"}).content
    assert by_window["model"]["scaling"] == "robust"
    assert "scaling" not in by_window["search"]["space"]


def test_the_search_of_a_forecast_tries_a_linear_path_and_scales_of_windows():
    for examples in SIZES:
        values, series = (protocol(signature, examples, {}).content for signature in (VALUES, SERIES))
        values["search"]["space"] |= {"linear_path": [0, 24], "scaling": ["none", "standard", "robust"]}
        assert series == values
    texts = [text for text, _ in protocol(SERIES, 70, {}).defaults]
    assert texts[0] == "rnn, lstm, gru, each with 5,000 parameters, head included"
    rates = (
        "12 random trials of learning rate (0.0003 to 0.05), weight decay, dropout, one or two layers, batch size 16 or 32"
    )
    path = "with and without a linear path from the last 24 values"
    assert texts[1] == f"{rates}, windows scaled one by one or not, {path}"
    assert texts[2] == "repeated up to 34 times, until it is decided or 10 minutes are over"


def test_minutes_are_those_of_the_replicates():
    result = protocol(SERIES, 70, {"minutes": 2.5})
    assert result.content["replicates"] == {"at_most": 34, "minutes": 2.5}
    said = {options: text for text, options in result.defaults}
    assert said["seeds", "minutes"] == "repeated up to 34 times, until it is decided or 2.5 minutes are over"
    much = protocol(SERIES, 10_000_000, {"minutes": 2.5}).content
    assert "seeds" not in much
    assert not much["search"]["shared"], "each replicate has a search of its own"


def test_without_a_search_a_forecast_has_a_linear_path():
    result = protocol(SERIES, 70, {"trials": 0, "seeds": 1})
    assert result.content["model"] == {"parameters": 5_000, "linear_path": 24}
    texts = [text for text, _ in result.defaults]
    assert texts[0] == "rnn, lstm, gru, each with 5,000 parameters, head included, and a linear path from the last 24 values"
    assert texts[1].startswith("no search: learning rate 0.005, ")


def test_a_linear_path_leaves_the_recurrence_most_of_the_budget():
    long = Signature(timesteps=336, features=7, outputs=2 * 96, target="value", continued=(0, 1))
    content = protocol(long, 70, {}).content
    without, steps = content["search"]["space"]["linear_path"]
    assert (without, steps) == (0, content["model"]["parameters"] // (4 * 96))
    assert steps < 336
    assert protocol(long, 70, {"units": 8}).content["search"]["space"]["linear_path"] == [0, 336]
    assert protocol(SERIES, 70, {"parameters": 12}).content["search"]["space"]["linear_path"] == [0, 3]
    assert protocol(SERIES, 70, {"parameters": 3, "trials": 0}).content["model"] == {"parameters": 3}


def test_the_protocol_lists_what_the_user_chose():
    given = {"cells": ("gru",), "units": 7, "trials": 0, "seeds": 1, "epochs": 3, "batch_size": 8}
    result = protocol(VALUES, 70, given)
    assert result.content == {
        "cells": ["gru"],
        "seeds": 1,
        "model": {"units": 7},
        "training": {"epochs": 3, "batch_size": 8, "patience": 5, "learning_rate": 5e-3},
    }
    assert [text for text, _ in result.defaults] == [
        "gru, each with 7 units",
        "no search: learning rate 0.005, then one seed",
        "up to 3 epochs of 70 examples, patience 5",
        "batch size 8",
    ]
    forecast = protocol(SERIES, 70, given)
    assert forecast.content["model"] == {"units": 7, "linear_path": 24}
    assert [text for text, _ in forecast.defaults][:2] == [
        "gru, each with 7 units, and a linear path from the last 24 values",
        "no search: learning rate 0.005, then one seed",
    ]


def test_the_budget_holds_the_embedding_and_a_head_of_many_outputs():
    words = Signature(timesteps=50, features=64, outputs=2, target="class", tokens=1000)
    assert protocol(words, 70, {}).content["model"] == {
        "parameters": 64_000 + 5_300
    }  # 4·16·(64 + 17) + 17·2 = 5,218 → 5,300
    many = Signature(timesteps=50, features=1, outputs=1000, target="class")
    assert protocol(many, 70, {}).content["model"] == {"parameters": 19_000}  # 4·16·18 + 17·1000 = 18,152


def test_two_columns_of_texts_and_few_values_are_texts_with_a_label(tmp_path):
    file = tmp_path / "reviews.tsv"
    rows = [f"the film was very {word} number {n}\t{int(word == 'good')}\n" for n in range(20) for word in ("good", "dull")]
    file.write_text("".join(rows))
    guessed = guess(str(file), None, {})
    assert (guessed.task, guessed.options["text"], guessed.options["label"]) == ("texts", "column1", "column2")
    why = "texts with a label, because 'column1' holds words and 'column2', the only other column, few values"
    assert why in [inference.text for inference in guessed.inferences]


def test_a_column_beside_texts_is_no_label_by_itself_where_values_are_many_or_seldom(tmp_path):
    for name, value in {"numbers": lambda n: n, "once": lambda n: "first" if n == 0 else "later"}.items():
        file = tmp_path / f"{name}.tsv"
        file.write_text("".join(f"the film was number {n} of all\t{value(n)}\n" for n in range(40)))
        with pytest.raises(UserError, match="cannot infer what to predict"):
            guess(str(file), None, {})


def test_dates_and_a_few_texts_are_no_texts_with_a_label(tmp_path):
    days = [f"2024-01-{day:02}\tthe server said hello number {n} of all\n" for day in range(1, 13) for n in range(20)]
    (tmp_path / "log.tsv").write_text("".join(days))
    assert guess_or_refusal(tmp_path / "log.tsv") != "texts"
    stores = [f"the big store number {n % 4}\t{n % 3}\n" for n in range(60)]
    (tmp_path / "stores.tsv").write_text("".join(stores))
    assert guess_or_refusal(tmp_path / "stores.tsv") != "texts"


def guess_or_refusal(file):
    try:
        return guess(str(file), None, {}).task
    except UserError:
        return "refused"
