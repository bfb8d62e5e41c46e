"""Forecasts on a user's own table: windows by plain Python, nothing of the future in them, and what is refused."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import naive
import numpy as np
import own_files
import pandas
import pytest
import yaml
from places import ROOT
from pydantic import ValidationError

from gru_tf.commands import main
from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import files
from gru_tf.experiment.experiment import Run
from gru_tf.experiment.specs import Choice, ModelSpec, TrainingSpec
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Examples, Splits, _windows, create
from gru_tf.tasks.forecasting.airline import Airline
from gru_tf.tasks.forecasting.ett import Ett
from gru_tf.tasks.own import forecast
from gru_tf.tasks.own.forecast import OwnForecast
from gru_tf.training import feeding, trainer
from gru_tf.training.batches import plan

PARTS = ("train", "validation", "test")
SHOP = {"path": own_files.path("shop.csv"), "target": ["sales"], "time": "day", "window": 14}
SHOPS = {
    "path": own_files.path("shops.parquet"),
    "target": ["sales", "visits"],
    "time": "day",
    "group": "shop",
    "window": 10,
}


def task(**options: Any) -> OwnForecast:
    made = create("forecast", {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()})
    assert isinstance(made, OwnForecast)
    return made


def draw(of: Any) -> Splits:
    return of.splits(np.random.default_rng(0))


def three(splits: Splits) -> list[Examples]:
    return [splits.train, splits.validation, splits.test]


def csv(folder: Path, name: str = "x.csv", **columns: Any) -> str:
    pandas.DataFrame(columns).to_csv(folder / name, index=False)
    return str(folder / name)


# ------------------------------------------------------------------------------------------------------------ windows


def by_hand(of: OwnForecast) -> list[list[tuple[Any, Any]]]:
    """(inputs, targets) of every window of each part, of the targets alone, row by row."""
    series, columns = naive.own_rows(of), list(of.target)
    train = np.concatenate([frame[columns][frame.part == 0].to_numpy(float) for frame in series])
    windows: list[list[tuple[Any, Any]]] = [[], [], []]
    for frame in series:
        rows, part = (frame[columns].to_numpy(float) - train.mean(0)) / train.std(0), frame.part.tolist()
        for start in range(of.window, len(rows) - of.horizon + 1):
            if part[start] != part[start + of.horizon - 1] or (part[start] == 0 and (start - of.window) % of.stride):
                continue
            base = rows[start - 1] if of.relative else 0 * rows[0]
            inputs, targets = rows[start - of.window : start] - base, rows[start : start + of.horizon] - base
            windows[part[start]].append((inputs, targets.ravel()))
    windows[1] = windows[1][:: of.stride]
    return windows


@pytest.mark.parametrize(
    "of",
    [
        task(**SHOP, horizon=7),
        task(**SHOP, stride=3, relative=False),
        task(**SHOPS, horizon=3),
        task(**SHOPS, horizon=3, relative=False, stride=4),
        task(**{**SHOP, "test_path": own_files.path("shop_later.csv")}, horizon=2),
    ],
    ids=["one series", "stride", "series", "series, stride", "two files"],
)
def test_windows_are_those_of_plain_python(of: OwnForecast) -> None:
    """None crosses into another series; each belongs to the part of all its targets; the mean is that of training rows."""
    for part, expected in zip(three(draw(of)), by_hand(of), strict=True):
        assert len(part) == len(expected) > 0
        np.testing.assert_allclose(part.inputs, np.array([inputs for inputs, _ in expected]), rtol=0, atol=2e-6)
        np.testing.assert_allclose(part.targets, np.array([targets for _, targets in expected]), rtol=0, atol=2e-6)


def test_airline_passengers_give_the_arrays_of_the_task(needs_files: Any) -> None:
    import os

    needs_files(Airline())
    path = next(Path(folder) / "series/airline-passengers.csv" for folder in os.environ["GRU_TF_DATA"].split(os.pathsep))
    own = task(path=str(path), target=["Passengers"], time="Month", window=24, season=12, validation=1 / 6, test=0.25)
    for mine, published in zip(three(draw(own)), three(draw(Airline())), strict=True):
        assert np.array_equal(mine.inputs, published.inputs)
        assert np.array_equal(mine.targets, published.targets)
    assert own.metric.chance == pytest.approx(Airline().metric.chance, rel=1e-6)  # of float64, and of float32
    assert (own.metric.scale, own.metric.trivial) == (
        Airline().metric.scale,
        "the seasonal naive forecast (12 steps before)",
    )
    assert own.notes() == ()


def test_ett_with_covariates_gives_the_arrays_of_the_task(needs_files: Any, tmp_path: Path) -> None:
    import os

    published = Ett(target="OT", inputs="all", horizon=24)
    needs_files(published)
    folders = [Path(folder) for folder in os.environ["GRU_TF_DATA"].split(os.pathsep)]
    frame = pandas.read_csv(next(folder for folder in folders if (folder / "ett").is_dir()) / "ett/ETTh1.csv")
    frame.iloc[: 20 * 30 * 24].to_parquet(tmp_path / "ett.parquet")
    others = [name for name in frame if name not in ("date", "OT")]
    options = {"path": str(tmp_path / "ett.parquet"), "target": ["OT"], "time": "date", "covariates": others}
    own = task(**options, window=96, horizon=24, season=24, relative=False, validation=0.2, test=0.2)
    for mine, theirs in zip(three(draw(own)), three(draw(published)), strict=True):
        assert np.array_equal(mine.inputs, np.roll(theirs.inputs, 1, -1))  # the target is first, not last
        assert np.array_equal(mine.targets, theirs.targets)
    assert own.metric.chance == pytest.approx(own.metric.scale * published.metric.chance**0.5, rel=1e-6)


def test_covariates_follow_the_targets_and_keep_their_level() -> None:
    own = task(**SHOP, covariates=["temperature", "weather"], horizon=2)
    frame = pandas.read_csv(SHOP["path"])
    train = frame.temperature[:260]  # 60 and 80 of 400 rows validate and test
    test = draw(own).test
    assert own.encodings()["inputs"] == ["sales", "temperature", "weather=dry", "weather=rain", "weather=snow"]
    rows = frame[320 - 14 : 320]
    np.testing.assert_allclose(test.inputs[0, :, 1], (rows.temperature - train.mean()) / train.std(ddof=0), atol=1e-6)
    assert np.array_equal(test.inputs[0, :, 2:], np.eye(3)[[["dry", "rain", "snow"].index(w) for w in rows.weather]])
    assert (test.inputs[:, -1, 0] == 0).all()


def test_windows_made_on_demand_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """As arrays, in any selection, and in parts on their way to a device, where they are never made as a whole."""
    for options in (SHOP, SHOPS, {**SHOP, "relative": False, "stride": 5}):
        own = task(**options, horizon=3)
        made = draw(own)
        with monkeypatch.context() as patch:
            patch.setattr(_windows, "MADE_BYTES", 0)
            demanded = draw(own)
        assert isinstance(demanded.train.targets, _windows.Windows)
        for one, other in zip(three(made), three(demanded), strict=True):
            count = len(one)
            for key in (0, -1, slice(2, 9), slice(None, None, 3), [3, 0, 2], np.arange(count) % 2 == 0, (slice(0, 4), 1)):
                for name in ("inputs", "targets"):
                    assert np.array_equal(getattr(one, name)[key], getattr(other, name)[key])
            assert other.inputs.nbytes == np.asarray(other.inputs).nbytes == one.inputs.nbytes
        data = feeding.load(demanded.train, own.window)
        assert not data.resident
        (inputs, targets, _, order, _, _), *more = data.feeds(plan(made.train.lengths, (own.window,), 16))
        assert not more
        assert np.array_equal(inputs.numpy()[order.numpy()[0]], made.train.inputs[:16])
        assert np.array_equal(targets.numpy()[order.numpy()[0]], made.train.targets[:16])


# -------------------------------------------------------------------------------------------------------- no leakage


def test_other_test_rows_leave_training_and_validation_as_they_are(tmp_path: Path) -> None:
    frame = pandas.read_csv(SHOP["path"])
    options = {**SHOP, "covariates": ["temperature", "weather"]}
    before = draw(task(**options))
    frame.loc[320:, "sales"] = frame.loc[320:, "sales"] * 7 - 1000
    frame.loc[320:, "temperature"] = 99.0
    frame.to_csv(tmp_path / "shop.csv", index=False)
    after = draw(task(**{**options, "path": str(tmp_path / "shop.csv")}))
    for one, other in zip(three(before)[:2], three(after)[:2], strict=True):
        assert np.array_equal(one.inputs, other.inputs)
        assert np.array_equal(one.targets, other.targets)
    assert not np.array_equal(before.test.targets, after.test.targets)
    frame.loc[200, "sales"] += 1  # a training row: everything moves, so the comparison is able to fail
    frame.to_csv(tmp_path / "other.csv", index=False)
    moved = draw(task(**{**options, "path": str(tmp_path / "other.csv")}))
    assert not np.array_equal(before.train.inputs[:5], moved.train.inputs[:5])


def test_the_cut_is_one_moment_for_all_series(tmp_path: Path) -> None:
    """Each value is its day: the last target of training lies before the first of validation, in whatever series."""
    parts = [(name, day) for name, days in (("a", range(100)), ("b", range(40, 90)), ("c", range(70, 100))) for day in days]
    days = [float(day) for _, day in parts]
    path = csv(tmp_path, shop=[name for name, _ in parts], t=days, v=days)
    own = task(path=path, target=["v"], time="t", group="shop", window=3, horizon=2, relative=False)
    mean, deviation = (own.encodings()["outputs"][0][name] for name in ("mean", "deviation"))
    days_of_targets = [np.round(part.targets * deviation + mean) for part in three(draw(own))]
    assert [(part.min(), part.max()) for part in days_of_targets] == [(3, 64), (65, 79), (80, 99)]
    assert [len(part) for part in days_of_targets] == [61 + 21, 14 + 14 + 6, 19 + 9 + 19]
    assert own.notes() == ("1 of 3 series has no training window: 'c'.",)


def gappy(folder: Path, change: int | None = None) -> tuple[str, Any]:
    """120 rows of which some lack one or both columns, in every part; optionally all values from a row on are others."""
    rng = np.random.default_rng(5)
    frame = pandas.DataFrame({"t": np.arange(120), "v": rng.normal(size=120), "w": rng.normal(size=120)})
    frame.loc[[20, 21, 50, 90, 100, 101, 102], "v"] = np.nan
    frame.loc[[30, 100, 110], "w"] = np.nan
    if change is not None:
        frame.loc[change:, ["v", "w"]] *= -3
    frame.to_csv(folder / f"gappy{change}.csv", index=False)
    return str(folder / f"gappy{change}.csv"), frame


@pytest.mark.parametrize("missing", ["drop", "forward", "interpolate", "mean"])
def test_no_window_knows_a_value_that_comes_after_it(missing: str, tmp_path: Path) -> None:
    """Test inputs before a row are the same to the bit whatever comes from that row on."""
    options = {"target": ["v"], "covariates": ["w"], "time": "t", "window": 5, "missing": missing, "relative": False}
    options["gaps"] = "stretch"
    path, frame = gappy(tmp_path)
    own = task(path=path, **options)
    starts = np.asarray(own.arrays()["test"])
    inputs = draw(own).test.inputs
    rows = frame if missing != "drop" else frame.dropna().reset_index(drop=True)
    assert not rows.v[starts].isna().any()  # what is not in the file is no target
    after_a_gap = 2 * (missing == "interpolate")  # rows 103 and 111: what they follow is known only with them
    assert len(starts) == int(rows.v[starts.min() :].notna().sum()) - after_a_gap
    for row in range(97, 120, 1 if missing == "interpolate" else 5):
        other = task(path=gappy(tmp_path, row)[0], **options)
        before = rows.t[starts].to_numpy() <= row
        assert np.array_equal(draw(other).test.inputs[before], inputs[before])
        assert not np.array_equal(draw(other).test.inputs, inputs) or row > rows.t[starts[-1] - 1]


def test_the_training_mean_fills_with_what_training_has(tmp_path: Path) -> None:
    path, frame = gappy(tmp_path)
    own = task(path=path, target=["v"], covariates=["w"], time="t", window=5, missing="mean", relative=False)
    rows = np.asarray(own.arrays()["rows"])
    assert np.abs(rows[frame.v.isna(), 0]).max() == 0
    assert own.encodings()["outputs"][0]["mean"] == pytest.approx(frame.v[:78].mean())
    assert own.notes() == ("9 rows have missing values; missing: mean.",)


# ------------------------------------------------------------------------------------------------- order and contents


def test_rows_in_another_order_are_sorted_and_said_to_be(tmp_path: Path) -> None:
    frame = pandas.read_csv(SHOP["path"])
    frame.iloc[np.random.default_rng(0).permutation(400)].to_csv(tmp_path / "shop.csv", index=False)
    shuffled = task(**{**SHOP, "path": str(tmp_path / "shop.csv")})
    for one, other in zip(three(draw(task(**SHOP))), three(draw(shuffled)), strict=True):
        assert np.array_equal(one.inputs, other.inputs)
    assert shuffled.notes() == ("The rows were not in order of 'day': they are sorted by it.",)
    assert task(**SHOP).notes() == ()


def test_gaps_in_time_are_allowed_and_counted(tmp_path: Path) -> None:
    frame = pandas.read_csv(SHOP["path"]).drop(index=[50, 51, 52, 200])
    frame.to_csv(tmp_path / "shop.csv", index=False)
    own = task(**{**SHOP, "path": str(tmp_path / "shop.csv")})
    left_out = "28 of 382 windows (7 %) cross one and are left out"  # 14 for each gap
    assert own.notes() == (f"Times step by 1 d, with 2 gaps: {left_out}.",)


def test_without_a_time_rows_are_in_the_order_of_the_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    shop, v = np.tile(["b", "a"], 60), rng.normal(size=120)
    own = task(path=csv(tmp_path, shop=shop, v=v), target=["v"], group="shop", window=4, relative=False)
    one = draw(own)
    assert np.allclose(
        one.test.inputs[0, :, 0] * own.metric.scale + v[: 2 * 39].mean(), v[::2][60 - 12 - 4 : 60 - 12], atol=1e-6
    )
    assert [len(part) for part in three(one)] == [2 * 35, 2 * 9, 2 * 12]


def test_a_file_that_changed_is_refused_where_it_was_pinned(tmp_path: Path) -> None:
    path = csv(tmp_path, v=np.arange(100.0) % 7)
    options = {"path": path, "target": ["v"], "window": 5}
    pinned = task(**options, **task(**options).pinned())
    assert pinned.pinned() == {"sha256": files.digest(path)} == task(**options).pinned()
    csv(tmp_path, v=np.arange(100.0) % 9)
    with pytest.raises(
        DatasetError, match=r"x\.csv: x\.csv changed since the experiment was made\. Received: sha256 \w{16}, "
    ):
        pinned.pinned()
    assert len(draw(pinned).train)  # what was read before is still what the run means
    forecast._load.cache_clear()
    assert len(draw(pinned).train)
    with pytest.raises(DatasetError, match="changed since"):
        draw(pinned.model_copy(update={"window": 6}))


def test_a_file_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    own = task(**SHOP, horizon=5)
    first = draw(own)
    forecast._load.cache_clear()
    monkeypatch.setattr(files, "read_table", None)  # reading again would raise
    assert np.array_equal(draw(own).test.inputs, first.test.inputs)


# ----------------------------------------------------------------------------------------------------- ways in and out


@pytest.mark.parametrize("relative", [True, False])
def test_new_data_become_the_inputs_of_training_and_outputs_values_of_the_file(relative: bool) -> None:
    """Asked with the rows up to a test window's end, told the true targets, the answer is what the file says next."""
    own = task(**SHOPS, horizon=3, relative=relative)
    frame = pandas.read_parquet(SHOPS["path"])
    last = pandas.Timestamp("2022-06-20")
    known = frame[frame.day <= last].sample(frac=1, random_state=0)
    prepared = own.prepare(known)
    assert prepared.lengths.tolist() == [10] * 3
    test, places = draw(own).test, []
    for inputs in prepared.inputs:
        (place,) = np.flatnonzero((np.asarray(test.inputs) == inputs).all((1, 2)))
        places.append(place)
    answer = own.answer(test.targets[places], known)
    came = frame[(frame.day > last) & (frame.day <= last + pandas.Timedelta("3D"))].sort_values(["shop", "day"])
    assert list(answer) == ["shop", "day", "ahead", "sales", "visits"]
    assert answer.shop.tolist() == came["shop"].tolist()
    assert answer.day.tolist() == came.day.tolist()
    assert answer.ahead.tolist() == [1, 2, 3] * 3
    np.testing.assert_allclose(answer[["sales", "visits"]], came[["sales", "visits"]], atol=1e-5)


def test_encodings_are_json() -> None:
    encodings = task(**SHOP, covariates=["weather"], horizon=2).encodings()
    assert json.loads(json.dumps(encodings)) == encodings
    assert [(output["target"], output["ahead"]) for output in encodings["outputs"]] == [("sales", 1), ("sales", 2)]
    assert encodings["options"]["window"] == 14


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda frame: frame.drop(columns="temperature"),
            "the data: no column is called 'temperature'. Columns: day, sales",
        ),
        (lambda frame: frame[:13], "the data: expected at least 14 rows, a window. Received: 13"),
        (lambda frame: frame.assign(sales=np.nan), "the data: row 1, column 'sales': expected a value. Received: nothing"),
        (lambda frame: frame.assign(sales="x"), "the data: row 1, column 'sales': expected a finite number. Received: 'x'"),
    ],
)
def test_new_data_that_are_not_as_in_training_are_refused(change: Any, words: str) -> None:
    own = task(**SHOP, covariates=["temperature", "weather"])
    with pytest.raises(UserError, match=words):
        own.prepare(change(pandas.read_csv(SHOP["path"])))


def test_an_answer_takes_outputs_of_the_networks_shape() -> None:
    with pytest.raises(UserError, match=r"answer: expected outputs of the shape \(1, 2\). Received: \(2, 1\)"):
        task(**SHOP, horizon=2).answer(np.zeros((2, 1)), pandas.read_csv(SHOP["path"]))


# ---------------------------------------------------------------------------------------------------------- refusals

OPTIONS: list[tuple[dict[str, Any], str]] = [
    (
        {"covariates": ["sales"]},
        "received 'sales' as target and covariates, expected one of them \\(targets are inputs as well",
    ),
    ({"target": ["sales", "sales"]}, "received 'sales' as target and target, expected one of them"),
    ({"time": "sales"}, "received 'sales' as target and time"),
    ({"group": "day"}, "received 'day' as time and group"),
    ({"target": []}, "received \\(\\), expected at least one value"),
    ({"validation": 0.5, "test": 0.5}, "received shares of 0.5 to validate and 0.5 to test, expected less than 1 together"),
    ({"window": 0}, "expected at least 1"),
    ({"missing": "guess"}, "received 'guess', expected 'refuse'"),
]


@pytest.mark.parametrize(("options", "words"), OPTIONS)
def test_an_impossible_option_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        task(**{**SHOP, **options})
    assert isinstance(caught.value.__cause__, ValidationError)
    assert str(caught.value).startswith("forecast")


STEADY = np.arange(100) % 7
TABLES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a target of text": (
        {"v": ["a", "b"] * 50},
        {},
        ": row 1 (line 2), column 'v': expected a finite number. Received: 'a'",
    ),
    "a constant target": (
        {"v": [3.0] * 80 + [4.0] * 20},
        {},
        ": column 'v': expected a target that changes. Received: 3 in each of 65 training rows",
    ),
    "a missing target": (
        {"v": [*STEADY[:50], None, *STEADY[51:]]},
        {},
        ": row 51 (line 52), column 'v': expected a value. Received: nothing; set missing to drop, forward,"
        " interpolate or mean",
    ),
    "too few rows": (
        {"v": STEADY[:20]},
        {"window": 10, "horizon": 4},
        ": expected at least 24 rows for a window of 10 and a horizon of 4 rows, with a share of 0.15 to validate and 0.2 to"
        " test. Received: 20; they have room for a horizon of up to 3 with a window of 10",
    ),
    "a horizon beyond the shortest part": (
        {"v": STEADY},
        {"horizon": 16},
        ": expected at least 104 rows for a window of 5 and a horizon of 16 rows, with a share of 0.15 to validate and 0.2"
        " to test. Received: 100; they have room for a horizon of up to 15 with a window of 5",
    ),
    "series that are all too short": (
        {"v": STEADY, "g": np.arange(100) // 10},
        {"group": "g", "window": 20},
        ": expected at least 32 rows in a series ('g') for a window of 20 and a horizon of 1 rows, with a share of 0.15 to"
        " validate and 0.2 to test. Received: 10",
    ),
    "no row to test on": (
        {"v": [*STEADY[:80], *[None] * 20]},
        {"missing": "drop"},
        ": expected rows for a window of 5 and a horizon of 1 rows in the test part. Received: 65 to train, 15 to validate,"
        " 0 to test",
    ),
    "no target to test on": (
        {"v": [*STEADY[:80], *[None] * 20]},
        {"missing": "forward"},
        ": expected rows for a window of 5 and a horizon of 1 rows in the test part. Received: 65 to train, 15 to validate,"
        " 20 to test, of which 20 have no target",
    ),
    "two moments": (
        {"v": [1, 2], "t": [1, 2]},
        {"time": "t"},
        ": expected at least 3 moments for training, validation and test. Received: 2",
    ),
    "a time twice": (
        {"v": STEADY, "t": [*range(99), 5]},
        {"time": "t"},
        ": row 100 (line 101), column 't': expected each time once. Received: '5', as in row 6 (line 7)"
        "; for several series, set group to the column that identifies them",
    ),
    "no such column": ({"v": STEADY}, {"covariates": ["vv"]}, ": no column is called 'vv'. Did you mean 'v'? Columns: v"),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_table_that_cannot_be_learned_from_ends_in_one_line(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRU_TF_CACHE", str(tmp_path / "cache"))
    made, options, words = TABLES[case]
    path = csv(tmp_path, **made)
    own = task(**{"path": path, "target": ["v"], "window": 5, **options})
    for ask in (own.pinned, lambda: own.signature, lambda: own.metric, lambda: draw(own)):
        with pytest.raises(DatasetError) as caught:
            ask()
        assert str(caught.value) == path + words
    assert not (tmp_path / "cache").exists()


def test_the_number_of_rows_that_is_asked_for_is_enough(tmp_path: Path) -> None:
    for rows, window, horizon in ((24, 10, 4), (104, 5, 16)):
        path = csv(tmp_path, f"{rows}.csv", v=np.arange(rows) % 7)
        assert all(len(part) for part in three(draw(task(path=path, target=["v"], window=window, horizon=horizon))))
        short = csv(tmp_path, f"{rows - 1}.csv", v=np.arange(rows - 1) % 7)
        with pytest.raises(DatasetError, match=f"expected at least {rows} rows"):
            task(path=short, target=["v"], window=window, horizon=horizon).pinned()


@pytest.mark.parametrize(
    ("option", "said", "largest", "name"),
    [
        ({"window": 99}, "a window of up to 62", {"window": 62}, "window"),
        ({"window": 60, "horizon": 9}, "a window of up to 54", {"window": 54, "horizon": 9}, "window"),
        ({"window": 3, "horizon": 40}, "a horizon of up to 14 with a window of 3", {"window": 3, "horizon": 14}, "horizon"),
        (
            {"window": 60, "horizon": 20},
            "a horizon of up to 14 with a window of 49",
            {"window": 49, "horizon": 14},
            "window",
        ),
    ],
)
def test_the_window_or_horizon_that_is_offered_fits_and_one_more_does_not(
    option: dict[str, int], said: str, largest: dict[str, int], name: str, tmp_path: Path
) -> None:
    options = {"path": csv(tmp_path, v=np.arange(96) % 7), "target": ["v"]}
    with pytest.raises(DatasetError, match=f"; they have room for {said}$"):
        task(**options, **option).pinned()
    assert all(len(part) for part in three(draw(task(**options, **largest))))
    with pytest.raises(DatasetError, match="expected at least"):
        task(**options, **{**largest, name: largest[name] + 1}).pinned()


def test_rows_to_test_on_must_be_later(tmp_path: Path) -> None:
    later = {**SHOP, "test_path": own_files.path("shop.csv")}
    with pytest.raises(
        DatasetError, match=r"shop\.csv: row 1 \(line 2\), column 'day': expected a time after the last of .*"
    ):
        task(**later).pinned()
    numbers = csv(tmp_path, day=np.arange(30), sales=np.arange(30))
    with pytest.raises(DatasetError, match="column 'day': expected times as in .* Received: another kind"):
        task(**{**SHOP, "test_path": numbers}).pinned()


def test_the_command_says_it_in_one_line_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRU_TF_CACHE", str(tmp_path / "cache"))
    path = csv(tmp_path, v=[1.0, 2.0, 3.0])
    options = {"path": "x.csv", "target": ["v"], "window": 5}
    experiment = {"question": "Is it refused?", "tasks": [{"forecast": options}], "cells": ["gru"], "model": {"units": 2}}
    (tmp_path / "e.yaml").write_text(yaml.safe_dump(experiment))
    for content in (Path(path).read_bytes(), b"v\n1\nx\n", b"v\n\xff\n", b"", b"v\n"):
        (tmp_path / "x.csv").write_bytes(content)
        for command in ("run", "check"):
            monkeypatch.setattr(sys, "argv", ["gru-tf", command, "e.yaml"])
            with pytest.raises(SystemExit) as ended:
                main.main()
            output = capsys.readouterr()
            assert (ended.value.code, output.out) == (2, "e: Is it refused?\n" if command == "run" else "")
            assert output.err.count("\n") == 1
            assert "x.csv: " in output.err
    assert {file.name for file in tmp_path.iterdir()} == {"e.yaml", "x.csv"}


# ---------------------------------------------------------------------------------------------------- trained, and large


def test_a_network_learns_the_same_from_windows_made_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the bit; and its score is in the file's units."""
    options = {key: tuple(value) if isinstance(value, list) else value for key, value in SHOP.items()}
    run = Run(
        purpose="final",
        task=Choice(name="forecast", options=options),
        cell=Choice(name="gru"),
        seed=0,
        model=ModelSpec(units=2),
        training=TrainingSpec(epochs=2, jit=False),
    )
    made = trainer.train(run)
    monkeypatch.setattr(_windows, "MADE_BYTES", 0)
    demanded = trainer.train(run)
    assert made.status == demanded.status == "finished", (made.error, demanded.error)
    assert (made.test, made.history) == (demanded.test, demanded.history)
    assert made.metric == "rmse"
    assert 1 < (made.test or 0) < 20


LARGE = """
import resource, sys
import numpy as np
from gru_tf.tasks import create
path, rows = sys.argv[1:]
task = create("forecast", {"path": path, "target": ("load",), "time": "t", "covariates": ("temperature",), "window": 96})
task.pinned()
splits = task.splits(np.random.default_rng(0))
assert sum(map(len, (splits.train, splits.validation, splits.test))) == int(rows) - 96, "every window once"
picked = splits.test.inputs[np.arange(0, len(splits.test), 1000)]
assert picked.shape[1:] == (96, 2)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, splits.train.inputs.nbytes)
"""


@pytest.mark.slow
def test_ten_million_rows_take_less_than_four_gigabytes(tmp_path: Path) -> None:
    """The windows alone would take 5 GB in training; measured as the largest resident set of a process."""
    import pyarrow
    from pyarrow import csv as arrow

    rows = 10_000_000
    values = np.random.default_rng(0).normal(size=1000).round(3)
    columns = {
        "t": np.arange(rows),
        "load": np.tile(values, rows // 1000),
        "temperature": np.tile(values[::-1], rows // 1000),
    }
    arrow.write_csv(pyarrow.table(columns), str(tmp_path / "large.csv"))
    del columns
    command = [sys.executable, "-c", LARGE, str(tmp_path / "large.csv"), str(rows)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    peak, windows = map(int, done.stdout.split())
    assert windows > 4e9
    assert peak < 4e9
