"""Covariates that are known in advance: a window holds them of the rows that it forecasts, in training and for new rows."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gru_tf.baselines import fitting
from gru_tf.baselines.baseline import ModelInputs
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import create
from gru_tf.tasks.own.forecast import OwnForecast

ROWS, WINDOW, HORIZON = 200, 5, 3


def sales() -> pd.DataFrame:
    """What is sold is what the campaign of the same day brings, which nothing before tells."""
    rng, days = np.random.default_rng(9), pd.date_range("2023-01-01", periods=ROWS)
    campaign = rng.integers(0, 5, ROWS).astype(float)
    noise = 0.1 * rng.standard_normal(ROWS)
    frames = [
        pd.DataFrame({"day": days, "shop": shop, "sold": 50 + size * campaign + noise, "campaign": campaign})
        for shop, size in (("a", 10), ("b", 20))
    ]
    return pd.concat(frames)


def task(folder: Path, **options: object) -> OwnForecast:
    sales().to_csv(folder / "sales.csv", index=False)
    chosen = {"target": ("sold",), "time": "day", "group": "shop", "covariates": ("campaign",), "known": ("campaign",)}
    made = create(
        "forecast",
        {"path": str(folder / "sales.csv"), **chosen, "window": WINDOW, "horizon": HORIZON, "relative": False, **options},
    )
    assert isinstance(made, OwnForecast)
    return made


def scaled(own: OwnForecast, place: int, values: np.ndarray) -> np.ndarray:
    column = own.encodings()["encoding"]["columns"][place]
    return (values - column["mean"]) / column["deviation"]


def test_each_row_of_a_window_holds_what_comes_a_horizon_later(tmp_path: Path) -> None:
    own = task(tmp_path)
    train = own.splits(np.random.default_rng(0)).train
    frame = sales()[lambda rows: rows.shop == "a"]
    for first in (0, 7):
        expected = scaled(own, 1, frame.campaign.to_numpy()[first + HORIZON : first + HORIZON + WINDOW])
        np.testing.assert_allclose(train.inputs[first][:, 1], expected, atol=1e-6)
        np.testing.assert_allclose(
            train.inputs[first][:, 0], scaled(own, 0, frame.sold.to_numpy()[first : first + WINDOW]), atol=1e-5
        )


def test_a_linear_model_then_knows_what_nothing_before_tells(tmp_path: Path) -> None:
    errors = {}
    for known in ((), ("campaign",)):
        own = task(tmp_path, known=known, scale="series")
        errors[bool(known)] = fitting.fit("ridge", own, own.splits(np.random.default_rng(0)), 0).test
    assert errors[True] < 0.2
    assert errors[False] > 5


def test_new_rows_bring_the_rows_to_forecast_with_them(tmp_path: Path) -> None:
    own = task(tmp_path, scale="series")
    splits = own.splits(np.random.default_rng(0))
    model = fitting.fit("ridge", own, splits, 0).model
    frame = sales()
    before = frame.day < frame.day.max() - pd.Timedelta(days=HORIZON - 1)
    new = frame.assign(sold=frame.sold.where(before))
    prepared = own.prepare(new)
    np.testing.assert_allclose(prepared.inputs, splits.test.inputs[[-len(splits.test) // 2 - 1, -1]], atol=1e-6)
    answer = own.answer(model.predict(ModelInputs(prepared.inputs, prepared.lengths)), new)
    assert answer.day.tolist() == [str(day.date()) for day in frame.day[~before]] or answer.day.tolist() == list(
        frame.day[~before]
    )
    np.testing.assert_allclose(answer.sold, frame.sold[~before], atol=0.6)


def test_too_few_rows_to_forecast_are_refused(tmp_path: Path) -> None:
    own = task(tmp_path)
    frame = sales()
    with pytest.raises(
        UserError, match=r"expected 3 rows of shop 'a' after the last known one, with campaign and without sold"
    ):
        own.prepare(frame)
    short = frame.assign(sold=frame.sold.where(frame.day < frame.day.max() - pd.Timedelta(days=1)))
    with pytest.raises(UserError, match="Received: 2"):
        own.prepare(short)
    gone = frame.assign(sold=frame.sold.where(frame.day < frame.day.max() - pd.Timedelta(days=2)))
    gone.loc[gone.day == gone.day.max(), "campaign"] = np.nan
    with pytest.raises(UserError, match="column 'campaign': expected a number. Received: nothing"):
        own.prepare(gone)


def test_the_calendar_is_read_ahead_and_needs_no_rows(tmp_path: Path) -> None:
    own = task(tmp_path, covariates=("weekday",), known=())
    frame = sales()
    names = own.encodings()["inputs"]
    prepared = own.prepare(frame[frame.shop == "a"]).inputs[0]
    days = pd.date_range(frame.day.max() + pd.Timedelta(days=HORIZON - WINDOW + 1), periods=WINDOW)
    for row, day in zip(prepared, days, strict=True):
        (place,) = np.flatnonzero(row[1:] == 1)
        assert names[1 + place].removeprefix("weekday=").lower()[:3] == day.day_name().lower()[:3]
    train = own.splits(np.random.default_rng(0)).train.inputs[0]
    first = pd.date_range(frame.day.min() + pd.Timedelta(days=HORIZON), periods=WINDOW)
    assert [names[1 + int(np.argmax(row[1:]))].removeprefix("weekday=").lower()[:3] for row in train] == [
        day.day_name().lower()[:3] for day in first
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"known": ("price",)}, "received known 'price', expected one of the covariates: campaign"),
        ({"window": 2}, "received a window of 2 rows with known, expected at least 3"),
    ],
)
def test_what_cannot_be_known_is_refused(tmp_path: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        task(tmp_path, **options)
