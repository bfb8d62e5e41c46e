"""New rows behind those of training: joined by their times, not joined over a gap, each series with its own."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from gru_tf.foundation.errors import UserError
from gru_tf.tasks.own.forecast import OwnForecast

ROWS = 60


def months(rows: int = ROWS, first: int = 0) -> Any:
    """Months from 2010 on, with a value that grows by the square, so that each row can be told by it."""
    steps = np.arange(first, first + rows)
    return pandas.DataFrame(
        {"month": pandas.date_range("2010-01-01", periods=first + rows, freq="MS")[first:], "v": steps**2}
    )


def task_on(folder: Path, frame: Any, **options: Any) -> OwnForecast:
    frame.to_csv(folder / "rows.csv", index=False)
    usual = {"path": str(folder / "rows.csv"), "target": ("v",), "time": "month", "window": 3}
    return OwnForecast(**{**usual, **options})


def values(own: OwnForecast, frame: Any) -> list[list[int]]:
    """The rows before each forecast in the file's units, a list a series in the order of the answer."""
    history = own.history(frame)
    rows = history.rows.rows * history.rows.deviation + history.rows.mean
    firsts = history.rows.firsts[history.starts - 1]
    return [rows[first:start, 0].round().astype(int).tolist() for first, start in zip(firsts, history.starts, strict=True)]


CASES = {
    "the next rows": (months(4, ROWS), 0, True, True),
    "rows that overlap": (months(10, ROWS - 5), 0, True, True),
    "all rows again and more": (months(ROWS + 2), 0, True, True),
    "rows of training": (months(4, 20), 0, True, True),
    "a month missing between": (months(4, ROWS + 1), ROWS + 1, False, True),
    "a month missing inside": (months(8, ROWS).drop(index=[3]), 0, True, False),
}


@pytest.mark.parametrize("case", CASES)
def test_new_rows_follow_those_of_training(case: str, tmp_path: Path) -> None:
    frame, first, whole, regular = CASES[case]
    own = task_on(tmp_path, months())
    last = int(np.sqrt(frame.v.max()))
    gone = set(range(int(np.sqrt(frame.v.min())), last)) - set(np.sqrt(frame.v).astype(int))
    assert values(own, frame) == [[step**2 for step in range(first, last + 1) if step not in gone]]
    history = own.history(frame)
    assert (history.whole.tolist(), history.rows.regular, history.names) == ([whole], regular, ("",))


def test_new_values_of_known_months_count(tmp_path: Path) -> None:
    frame = months(5, ROWS - 3)
    frame.loc[0, "v"] = 7
    assert values(task_on(tmp_path, months()), frame)[0][-5:] == [7, 58**2, 59**2, 60**2, 61**2]


def test_rows_before_those_of_training_are_no_beginning_of_it(tmp_path: Path) -> None:
    own = task_on(tmp_path, months(ROWS, 12))
    history = own.history(months(5))
    assert values(own, months(5)) == [[0, 1, 4, 9, 16]]
    assert history.whole.tolist() == [False]


def test_without_times_only_the_same_beginning_is_that_of_training(tmp_path: Path) -> None:
    own = task_on(tmp_path, months().drop(columns="month"), time=None)
    for frame, whole in ((months(ROWS + 3), True), (months(4), True), (months(4, ROWS), False), (months(4, 1), False)):
        history = own.history(frame)
        assert (history.whole.tolist(), history.rows.regular) == ([whole], True)
        assert values(own, frame) == [(frame.v).tolist()]


def test_each_series_has_its_own_and_they_stand_in_the_order_of_the_answer(tmp_path: Path) -> None:
    """In the file "west" comes first; "east" ends earlier and "new" is not there."""
    parts = {"west": months(), "east": months(ROWS - 10).assign(v=lambda f: f.v + 10_000)}
    table = pandas.concat([part.assign(shop=name) for name, part in parts.items()])
    own = task_on(tmp_path, table, group="shop", target=("v",))
    later = {
        "new": months(3, ROWS).assign(v=[1, 2, 3]),
        "west": months(3, ROWS),
        "east": months(3, ROWS - 10).assign(v=lambda f: f.v + 10_000),
    }
    frame = pandas.concat([part.assign(shop=name) for name, part in later.items()]).sample(frac=1, random_state=0)
    history = own.history(frame)
    assert history.names == ("east", "new", "west")
    assert own.answer(np.zeros((3, 1)), frame)["shop"].tolist() == ["east", "new", "west"]
    assert history.whole.tolist() == [True, False, True]
    east = [step**2 + 10_000 for step in range(ROWS - 10 + 3)]
    assert values(own, frame) == [east, [1, 2, 3], [step**2 for step in range(ROWS + 3)]]
    firsts = np.unique(history.rows.firsts)
    assert firsts.tolist() == [0, ROWS + 3, ROWS + 3 + len(east)], "those of training in its order, then others"
    only_east = own.history(frame[frame.shop == "east"])
    assert np.unique(only_east.rows.firsts).tolist() == [0, ROWS]
    assert values(own, frame[frame.shop == "east"]) == [east]


def test_too_few_rows_are_refused_as_by_a_network(tmp_path: Path) -> None:
    own = task_on(tmp_path, months())
    for ask in (own.prepare, own.history):
        with pytest.raises(UserError, match="the data: expected at least 3 rows, a window. Received: 2"):
            ask(months(2, ROWS))
