"""The table of an experiment from results made by hand, with numbers worked out by hand."""

import math

import pytest
from made_results import SEARCH, experiment, result, speed

from gru_tf.analysis.table import Row, rows


def only(found: list[Row], task: str = "adding", cell: str = "gru") -> Row:
    """The row of one (task, cell)."""
    (row,) = [row for row in found if (row.task, row.cell) == (task, cell)]
    return row


def test_a_row_by_hand():
    one = experiment()
    results = [
        result(one, seed=0, test=0.01, score=0.95, chance=0.20, speed=speed(2.0, 10.0)),
        result(one, seed=1, test=0.02, score=0.90, chance=0.22, speed=speed(9.0, 30.0)),
        result(one, seed=2, test=0.06, score=0.70, chance=0.18, speed=speed(3.0, 20.0)),
    ]
    row = only(rows(one, results))
    # mean 0.03; deviations −2, −1, 3 hundredths, so s² = 7e-4; t(0.975, 2) = 4.302653; on the logarithm, half / mean
    half = 4.302653 * math.sqrt(7e-4) / math.sqrt(3)
    bounds = 0.03 * math.exp(-half / 0.03), 0.03 + (math.e - 1) * half
    assert row.test == pytest.approx((0.03, *bounds), rel=1e-6), "an error is never below 0"
    assert row.score == pytest.approx(0.85)
    assert row.chance == pytest.approx(0.20)
    assert (row.step_ms, row.compile_seconds) == (3.0, 20.0), "medians: the means would be 4.67 and 20"
    assert (row.units, row.parameters, row.recurrent_parameters) == (4, 93, 88)
    assert (row.metric, row.direction, row.kernel_path) == ("mse", "min", "while-loop")
    assert (row.seeds, row.wanted, row.failures, row.settings) == (3, 3, (), {})


@pytest.mark.parametrize(("metric", "low", "high"), [("accuracy", 0, 1), ("perplexity", 1, math.inf), ("nll", 0, math.inf)])
def test_an_interval_ends_where_the_metric_does(metric, low, high):
    one = experiment()
    results = [result(one, seed=seed, test=test, metric=metric) for seed, test in enumerate((0.1 + low, 0.99 + low))]
    cut = only(rows(one, results)).test
    assert low <= cut.low < cut.mean < cut.high <= min(high, cut.mean + 1.72 * 12.7062 * 0.445)
    assert cut.low - low < 0.001, "Student's lower bound would be 5 below"


def test_rows_are_all_tasks_by_all_cells_in_the_order_of_the_experiment():
    one = experiment(tasks=["digits", {"adding": {"length": 9}}], cells=["lstm", {"gru": {"reset_after": False}}])
    expected = [(t, c) for t in ("digits", "adding(length=9)") for c in ("lstm", "gru(reset_after=False)")]
    backwards = [result(one, task, cell, test=0.1) for task in (1, 0) for cell in (1, 0)]
    for results in ([], backwards):
        assert [(row.task, row.cell) for row in rows(one, results)] == expected


def test_each_result_counts_for_its_own_row_alone():
    one = experiment()
    results = [result(one, task, cell, seed=0, test=0.1 * (1 + task + 2 * cell)) for task in (0, 1) for cell in (0, 1)]
    found = rows(one, results)
    means = [row.test.mean for row in found]
    assert means == pytest.approx([0.1, 0.3, 0.2, 0.4])
    assert [row.seeds for row in found] == [1, 1, 1, 1]


def test_no_results_at_all():
    row = only(rows(experiment(), []))
    nothing = (row.units, row.parameters, row.recurrent_parameters, row.test, row.chance, row.score, row.step_ms)
    assert nothing == (None,) * 7
    assert (row.metric, row.kernel_path, row.settings, row.failures) == ("", "", {}, ())
    assert (row.seeds, row.wanted) == (0, 3)


def test_a_diverged_or_failed_seed_is_listed_and_left_out_of_the_mean():
    one = experiment()
    results = [
        result(one, seed=0, test=0.1, score=0.5),
        result(one, seed=1, status="diverged", error="the loss was not finite in epoch 2", validation=9.0, chance=9.0),
        result(one, seed=2, test=0.3, score=0.7),
        result(one, cell=1, seed=0, status="failed", error="ValueError: no", speed=None, units=None, metric=""),
    ]
    row = only(rows(one, results))
    assert row.test.mean == pytest.approx(0.2)
    assert (row.score, row.chance) == (pytest.approx(0.6), pytest.approx(0.2))
    assert (row.seeds, row.wanted) == (2, 3)
    assert row.failures == ("seed 1 diverged: the loss was not finite in epoch 2",)
    other = only(rows(one, results), cell="lstm")
    assert (other.test, other.seeds, other.failures) == (None, 0, ("seed 0 failed: ValueError: no",))


def test_a_trial_is_never_in_the_mean_but_its_failure_is_listed():
    one = experiment(search=SEARCH)
    results = [
        result(one, seed=1000, purpose="trial", validation=0.5, speed=speed(50.0), units=99),
        result(one, seed=1000, purpose="trial", status="diverged", error="the loss was not finite in epoch 1"),
        result(one, seed=0, test=0.1),
    ]
    row = only(rows(one, results))
    assert row.test.mean == pytest.approx(0.1)
    assert math.isnan(row.test.low)
    assert (row.seeds, row.step_ms, row.units) == (1, 2.0, 4)
    assert row.failures == ("a trial diverged: the loss was not finite in epoch 1",)


def test_the_settings_are_what_the_search_chose():
    one = experiment(search=SEARCH)
    found = result(one, seed=0, test=0.1)
    tuned = found.model_copy(update={"run": found.run.tuned({"learning_rate": 0.2, "units": 8, "epochs": 5})})
    assert only(rows(one, [tuned])).settings == {"units": 8, "learning_rate": 0.2}
    assert only(rows(experiment(), [tuned])).settings == {}


def test_results_of_another_experiment_do_not_count():
    one, other = experiment(), experiment(tasks=[{"adding": {"length": 7}}])
    assert only(rows(one, [result(other, test=0.1)])).seeds == 0


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_value_that_is_not_finite_makes_no_crash(bad):
    one = experiment()
    row = only(rows(one, [result(one, seed=0, test=bad, score=bad), result(one, seed=1, test=0.1, score=0.5)]))
    assert not math.isfinite(row.test.mean)
    assert row.seeds == 2


def test_a_generator_of_results_is_read_once_for_all_rows():
    one = experiment()
    found = rows(one, (result(one, task, 0, test=0.1) for task in (0, 1)))
    assert [row.seeds for row in found] == [1, 0, 1, 0]
