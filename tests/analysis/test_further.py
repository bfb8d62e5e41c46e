"""Further metrics and parts as text: every number there, and a series that is worse than a naive forecast named."""

from dataclasses import replace

from made_rows import ROW, experiment

from gru_tf.analysis import further, table_text
from gru_tf.analysis.statistics import Interval

OWN = replace(ROW, metric="mase", direction="min", test=Interval(0.9, 0.8, 1.0), chance=1.0)


def series(**values: float) -> dict[str, dict[str, dict[str, float]]]:
    return {"series": {name: {"mase": value, "rmse": 10 * value} for name, value in values.items()}}


BLOCK = [
    replace(OWN, more={"rmse": 12.5, "coverage_80": 0.795, "coverage_95": 0.96}, parts=series(a=0.5, b=1.5, c=0.9)),
    replace(OWN, cell="rnn", test=Interval(1.1, 1.0, 1.2), parts=series(a=2.0, b=2.0, c=2.0)),
    replace(OWN, cell="naive", baseline=True, test=Interval(1.5, 1.5, 1.5), parts=series(a=1.0, b=1.4, c=2.0)),
    replace(OWN, cell="seasonal_naive", baseline=True, test=Interval(1.6, 1.6, 1.6), parts=series(a=2.0, b=1.2, c=1.0)),
    replace(OWN, cell="ridge", baseline=True, test=Interval(0.8, 0.8, 0.8), parts=series(a=0.7, b=0.7, c=0.7)),
]


def test_further_metrics_have_a_column_each() -> None:
    names, gru, *_ = further.metrics(BLOCK)
    assert names == ["", "rmse", "in 80 %", "in 95 %"]
    assert gru == ["gru", "12.5", "79.5 %", "96.0 %"]
    assert further.metrics([ROW]) == []


def test_the_score_is_no_further_metric() -> None:
    row = replace(OWN, more={"mase": 0.9, "mae": 2.0, "rmse": 3.0})
    assert further.metrics([row])[0] == ["", "rmse", "mae"]
    assert further.metrics([replace(OWN, more={"mase": 0.9, "mae": 2.0})]) == []


def test_each_series_has_a_line_and_each_model_a_column() -> None:
    names, first, *_ = further.by_part(BLOCK, "series")
    assert names == ["series", "gru", "rnn", "naive", "seasonal_naive", "ridge"]
    assert first == ["a", "0.5", "2", "1", "2", "0.7"]


def test_many_steps_are_shown_from_the_first_to_the_last() -> None:
    steps = {"step": {str(step): {"mase": step / 10} for step in range(1, 25)}}
    lines = further.by_part([replace(OWN, parts=steps)], "step", 6)
    assert [line[0] for line in lines[1:]] == ["1", "6", "10", "15", "19", "24"]


def test_what_is_counted_by_length_has_its_columns_and_its_table() -> None:
    lengths = {"length": {str(n): {"mase": n / 10, "examples": 2.0} for n in range(41, 61)}}
    row = replace(OWN, more={"longer_mean_over_lengths": 0.75, "accepted_to": 250.4, "accepted": 0.5}, parts=lengths)
    assert further.metrics([row]) == [
        ["", "accepted to", "accepted", "longer mean over lengths"],
        ["gru", "250.4", "0.5", "0.75"],
    ]
    (_, _), (title, (names, gru)) = table_text.beside([row])
    assert title == "mase by length, means over seeds"
    assert (names, gru) == (["length", "41", "45", "49", "52", "56", "60"], ["gru", "4.1", "4.5", "4.9", "5.2", "5.6", "6"])


def test_a_model_that_is_worse_than_naive_on_a_series_says_so() -> None:
    (line,) = further.worse(BLOCK)
    assert line == "digits, gru: worse than a naive forecast on 1 of 3 series: 'b' (mase 1.5, naive 1.2)."
    assert line in list(table_text.notes(experiment(), BLOCK))


def test_nothing_is_said_where_no_series_is_worse() -> None:
    better = [replace(BLOCK[0], parts=series(a=0.5, b=0.5, c=0.5)), *BLOCK[1:]]
    assert list(further.worse(better)) == []


def test_of_many_series_the_worst_are_named() -> None:
    many = {f"s{number}": float(number) for number in range(1, 7)}
    naive = replace(BLOCK[2], parts=series(**dict.fromkeys(many, 1.0)))
    (line,) = further.worse([replace(OWN, parts=series(**many)), naive])
    assert "on 5 of 6 series: 's6' (mase 6, naive 1), 's5' (mase 5, naive 1), 's4' (mase 4, naive 1) and 2 more." in line


def test_the_confusion_is_in_shares_of_the_true_class() -> None:
    row = replace(ROW, parts={"class": {"no": {"no": 9.0, "yes": 1.0}, "yes": {"no": 2.0, "yes": 2.0}}})
    assert further.confusion(row) == [
        ["true class", "taken for no", "taken for yes", "examples"],
        ["no", "90.0 %", "10.0 %", "10"],
        ["yes", "50.0 %", "50.0 %", "4"],
    ]
