"""Verdicts on published numbers: each word and each mark by hand, intervals by SciPy, and how often they come by chance."""

import math

import numpy as np
import pytest
from made_results import experiment, result
from pydantic import ValidationError
from scipy import stats

from gru_tf.analysis.published import beside
from gru_tf.analysis.published_intervals import of_others
from gru_tf.analysis.samples import task_samples
from gru_tf.analysis.statistics.intervals import mean_interval
from gru_tf.analysis.statistics.prediction import prediction_interval, share_inside
from gru_tf.analysis.statistics.scales import MetricScale, scale_of
from gru_tf.analysis.table import baseline_rows, rows
from gru_tf.experiment.specs import Choice, Published
from gru_tf.foundation.catalogues import BASELINES, CELLS
from gru_tf.foundation.errors import UserError

NUMBER = {"task": "digits", "cell": "gru", "value": 0.8, "tag": "read", "source": "A paper"}
DIGITS = 1


def number(**fields):
    return Published.model_validate({**NUMBER, **fields})


def compared(values, smaller=None, metric="score", direction="max", **fields):
    """A published number beside our values, one a seed, of a metric without a scale of its own; None for a lost seed."""
    one = experiment(published=[{**NUMBER, **fields}], seeds=max(len(values), 1), smaller=smaller)
    usual = {"metric": metric, "direction": direction, "chance": 0.1}
    ours = [
        result(one, DIGITS, 0, seed, **usual, test=value)
        if value is not None
        else result(one, DIGITS, 0, seed, status="diverged", error="a loss that is not finite")
        for seed, value in enumerate(values)
    ]
    (compared,) = beside(one, ours)
    return compared


SCORES = [0.78, 0.80, 0.82, 0.80]  # mean 0.8, deviation 0.0163, interval [0.774, 0.826]


@pytest.mark.parametrize(
    ("values", "fields", "expected"),
    [
        (SCORES, {"value": 0.81}, "reproduced"),
        (SCORES, {"value": 0.83, "decimals": 2}, "reproduced"),  # 0.825 is the least that rounds to it
        (SCORES, {"value": 0.83, "decimals": 3}, "worse"),
        (SCORES, {"value": 0.9}, "worse"),
        (SCORES, {"value": 0.7, "decimals": 3}, "better"),
        (SCORES, {"value": 0.84, "decimals": 3, "runs": 1}, "worse, within our spread"),
        (SCORES, {"value": 0.84, "decimals": 3, "runs": 1000}, "worse"),
        (SCORES, {"value": 0.84, "decimals": 3}, "worse"),
        (SCORES, {"value": 0.84, "uncertainty": 0.02, "uncertainty_of": "interval"}, "reproduced"),
        (SCORES, {"value": 0.84, "decimals": 3, "uncertainty": 0.01, "uncertainty_of": "interval"}, "worse"),
        (SCORES, {"value": 0.7, "decimals": 3, "differs": "T = 9"}, "better, protocol differs"),
        (SCORES, {"value": 0.8, "not_comparable": "another split"}, "not comparable"),
        ([0.8], {"value": 0.8}, "no verdict"),
        ([], {"value": 0.8}, "no verdict"),
        ([0.8, None], {"value": 0.8}, "no verdict"),
        ([0.8, 0.8, 0.8], {"value": 0.8}, "reproduced"),
        ([0.9, 0.9, 0.9], {"value": 0.8}, "better"),
    ],
)
def test_each_verdict(values, fields, expected):
    one = compared(values, **fields)
    assert str(one.verdict) == expected, one.verdict.why
    assert one.verdict.why.endswith(".")


def test_less_of_an_error_is_better():
    assert compared([0.1, 0.11, 0.12], metric="mse", direction="min", value=0.9).verdict.word == "better"
    assert compared([0.1, 0.11, 0.12], metric="mse", direction="min", value=0.01).verdict.word == "worse"


def test_a_smaller_run_is_marked_whatever_the_verdict_and_says_what_is_smaller():
    one = compared(SCORES, smaller="1,000 of 70,000 images", value=0.81)
    assert str(one.verdict) == "reproduced, smaller"
    assert "Not comparable at full size: 1,000 of 70,000 images." in one.verdict.why


def test_the_reason_has_all_numbers():
    one = compared([*SCORES, None], value=0.84, decimals=3, runs=1, differs="half the data")
    low, high = stats.t.interval(0.95, 3, np.mean(SCORES), np.std(SCORES, ddof=1) * math.sqrt(1 + 1 / 4))
    assert one.verdict.why == (
        "Theirs is 0.840, a single run; as printed [0.8395, 0.8405]; ours is 0.800 [0.774, 0.826], the mean of 4 seeds. They"
        f" do not overlap. But a single further run of ours would lie in [{low:.4g}, {high:.4g}] (95 % prediction), which"
        " contains it. 1 seed of ours diverged or failed, in no number here. Their protocol: half the data."
    )


def test_one_seed_says_that_it_has_no_interval():
    assert "ours is 0.8, one seed. One seed has no interval." in compared([0.8]).verdict.why


def test_a_best_is_compared_by_our_best_and_said_not_to_be_tested():
    fields = {"statistic": "best", "runs": 10}
    one = compared([0.5, 0.9, 0.7], value=0.9, **fields)
    assert one.ours.mean == 0.9
    assert str(one.verdict) == "reproduced, best of 3, not tested"
    assert "the best of 10 runs" in one.verdict.why
    assert "The best of more runs is better by chance alone." in one.verdict.why
    assert compared([0.5, 0.9, 0.7], value=0.95, **fields).verdict.word == "worse"
    assert compared([0.5, 0.9], value=0.2, **fields).verdict.word == "better"
    least = compared([0.5, 0.9, 0.7], metric="mse", direction="min", value=0.5, **fields)
    assert (least.ours.mean, least.verdict.word) == (0.5, "reproduced")


def test_a_median_is_compared_by_our_median():
    values = [0.1, 0.78, 0.79, 0.8, 0.81, 0.82]
    one = compared(values, value=0.795, statistic="median")
    assert one.ours == pytest.approx((np.median(values), 0.1, 0.82))
    assert one.verdict.word == "reproduced"
    assert compared(values[:4], value=0.9, statistic="median").verdict.word == "no verdict", "five have no interval"


def test_a_further_split_is_compared_by_its_own_metric_and_direction():
    more = [{"longer_accuracy": 0.5, "accepted": 90.0}, {"longer_accuracy": 0.51, "accepted": 100.0}]
    one = experiment(published=[{**NUMBER, "metric": "longer_accuracy", "value": 0.2}], seeds=2)
    ours = [result(one, DIGITS, 0, seed, test=0.1, more=each) for seed, each in enumerate(more)]
    (longer,) = beside(one, ours)
    assert (longer.ours.mean, longer.verdict.word) == (pytest.approx(0.505), "better")
    two = experiment(published=[{**NUMBER, "metric": "accepted", "direction": "max", "value": 1000}], seeds=2)
    (accepted,) = beside(two, ours)
    assert (accepted.ours.mean, accepted.verdict.word) == (95.0, "worse")
    three = experiment(published=[{**NUMBER, "metric": "longest_accuracy"}], seeds=2)
    (unknown,) = beside(three, ours)
    assert unknown.verdict.why == "No run recorded 'longest_accuracy', but mse, longer_accuracy and accepted."


# --- what a published number may be ---


@pytest.mark.parametrize(
    ("fields", "half"),
    [
        ({"value": 0.0029}, 0.00005),
        ({"value": 9.1}, 0.05),
        ({"value": 9.1, "decimals": 2}, 0.005),
        ({"value": 5.3e-05}, 5e-7),
        ({"value": 121.39}, 0.005),
        ({"value": 100}, 0.05),
        ({"value": 100, "decimals": 0}, 0.5),
        ({"value": 1.0}, 0.05),
        ({"value": 2.5, "uncertainty": 0.3, "uncertainty_of": "interval"}, 0.35),
        ({"value": 2.5, "uncertainty": 0.3, "uncertainty_of": "error"}, 0.05 + 0.3 * stats.norm.ppf(0.975)),
        ({"value": 2.5, "uncertainty": 0.3, "uncertainty_of": "error", "runs": 5}, 0.05 + 0.3 * stats.t.ppf(0.975, 4)),
        (
            {"value": 2.5, "uncertainty": 0.3, "uncertainty_of": "deviation", "runs": 4},
            0.05 + 0.15 * stats.t.ppf(0.975, 3),
        ),
    ],
)
def test_what_their_number_may_be(fields, half):
    one = number(**fields)
    assert of_others(one) == pytest.approx((one.value, one.value - half, one.value + half), rel=1e-9)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"metric": "acuracy"}, "metric: received 'acuracy', expected one of accuracy.*Did you mean 'accuracy'"),
        ({"metric": "accuracy", "direction": "max"}, "direction: expected none of a metric that is known"),
        ({"direction": "max"}, "direction: expected none"),
        ({"uncertainty": 0.1}, "expected 'uncertainty' and 'uncertainty_of' together"),
        ({"uncertainty_of": "error"}, "expected 'uncertainty' and 'uncertainty_of' together"),
        ({"uncertainty": 0.1, "uncertainty_of": "deviation"}, "runs: expected at least 2.*Received: runs null"),
        ({"uncertainty": 0.1, "uncertainty_of": "deviation", "runs": 1}, "runs: expected at least 2"),
        ({"uncertainty": 0.1, "uncertainty_of": "error", "statistic": "best"}, "expected none but beside 'statistic: mean'"),
        ({"value": 0.825, "decimals": 2}, "decimals: expected as many as 0.825 has. Received: decimals 2"),
        ({"uncertainty": 0.0, "uncertainty_of": "error"}, "greater than 0"),
        ({"runs": 0}, "greater than or equal to 1"),
    ],
)
def test_a_number_that_says_too_little_is_refused(fields, message):
    with pytest.raises(ValidationError, match=message):
        number(**fields)


# --- further runs ---


def test_the_prediction_interval_is_students():
    values = [3.1, 2.7, 3.4, 2.9, 3.3]
    for further in (1, 5):
        error = np.std(values, ddof=1) * math.sqrt(1 / 5 + 1 / further)
        expected = stats.t.interval(0.95, 4, np.mean(values), error)
        assert prediction_interval(values, further, MetricScale())[1:] == pytest.approx(expected)
    inside = prediction_interval([0.97, 0.99, 0.98], 1, scale_of("accuracy"))
    assert inside.low < 0.97
    assert inside.high < 1


def test_as_many_new_runs_lie_inside_as_often_as_said():
    rng = np.random.default_rng(0)
    for count, further in ((3, 3), (10, 10), (10, 1)):
        first, second = rng.normal(size=(20_000, count)), rng.normal(size=(20_000, further)).mean(1)
        half = stats.t.ppf(0.975, count - 1) * first.std(1, ddof=1) / math.sqrt(count)
        hits = np.abs(second - first.mean(1)) <= half
        assert share_inside(count, further) == pytest.approx(hits.mean(), abs=0.012)
    assert share_inside(100_000, 100_000) == pytest.approx(0.834, abs=1e-3)
    assert math.isnan(share_inside(1, 1))


def test_the_prediction_interval_holds_new_means_in_95_of_100():
    rng = np.random.default_rng(1)
    plain, hits, too_narrow = MetricScale(), 0, 0
    for _ in range(2_000):
        first, second = rng.normal(size=5).tolist(), float(rng.normal(size=5).mean())
        hits += not prediction_interval(first, 5, plain).excludes(second)
        too_narrow += not mean_interval(first).excludes(second)
    assert hits / 2_000 == pytest.approx(0.95, abs=0.015)
    assert too_narrow / 2_000 < 0.92, "the interval of the mean is not one of new means"


# --- a number of a baseline ---


def beside_baselines(values, one, task=DIGITS, **fields):
    """The first number of an experiment beside a baseline's values, by seed."""
    usual = {"metric": "accuracy", "direction": "max", "chance": 0.1, "purpose": "baseline", **fields}
    name = Choice(name=one.published[0].cell)
    runs = [
        result(one, task, 0, seed, **usual, run=one.run(one.tasks[task], name, seed, "baseline"), test=value)
        for seed, value in values.items()
    ]
    return beside(one, runs)[0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.9041, "reproduced, one value, not tested"),
        (0.9051, "better, one value, not tested"),
        (0.8949, "worse, one value, not tested"),
    ],
)
def test_a_baseline_of_fixed_data_has_one_value_that_is_compared_as_printed(value, expected):
    one = experiment(published=[{**NUMBER, "cell": "nearest", "value": 0.9, "decimals": 2}], seeds=3)
    compared = beside_baselines({0: value}, one)
    assert str(compared.verdict) == expected
    assert f"ours is {value:.6g}, fitted once" in compared.verdict.why
    assert "seed" not in compared.ours_text, "no seed changes it"
    assert (compared.cell, compared.ours.mean, compared.values) == ("nearest", value, (value,))


def test_a_baseline_of_data_that_each_seed_draws_is_judged_by_its_spread():
    number = {"task": "waves", "cell": "naive", "value": 0.0202, "tag": "read", "source": "Géron"}
    one = experiment(tasks=["waves"], published=[number], seeds=4)
    assert {run.seed for run in one.baseline_runs() if run.cell.name == "naive"} == {0, 1, 2, 3}
    mse = {"metric": "mse", "direction": "min", "task": 0}
    values = {0: 0.0198, 1: 0.0206, 2: 0.0212, 3: 0.0201}
    compared = beside_baselines(values, one, **mse)
    assert str(compared.verdict) == "reproduced"
    assert compared.values == tuple(values.values())
    assert compared.ours.mean == pytest.approx(np.mean(list(values.values())))
    assert compared.ours.low < compared.ours.mean < compared.ours.high
    far = beside_baselines({seed: value + 0.01 for seed, value in values.items()}, one, **mse)
    assert str(far.verdict) == "worse"
    assert beside_baselines({0: 0.0202}, one, **mse).verdict.word == "no verdict", "one of four seeds"


def test_a_baseline_without_a_number_says_why():
    one = experiment(published=[{**NUMBER, "cell": "nearest"}], seeds=3)
    assert "has not been fitted yet" in beside(one, [])[0].verdict.why
    left_out = beside_baselines({0: None}, one, warning="left out: there are too many")
    assert (left_out.verdict.word, left_out.verdict.why) == ("no verdict", "Left out: there are too many.")


def test_a_baseline_that_is_not_fitted_is_refused_as_the_cell_of_a_number():
    with pytest.raises(UserError, match="published\\[0\\].cell: 'naive' does not fit digits. Those that do: logistic"):
        experiment(published=[{**NUMBER, "cell": "naive"}]).baseline_runs()
    for wrong, baselines in (("nearest", ["logistic"]), ("nearest", False), ("nearst", True)):
        with pytest.raises(ValidationError, match=r"published\[0\].cell: the experiment has no cell called"):
            experiment(published=[{**NUMBER, "cell": wrong}], baselines=baselines)
    with pytest.raises(ValidationError, match="Did you mean 'nearest'"):
        experiment(published=[{**NUMBER, "cell": "nearst"}])


def test_no_cell_is_called_as_a_baseline_is():
    assert not set(CELLS.names()) & set(BASELINES.names())


def test_a_baseline_of_drawn_data_stands_in_tables_and_tests_with_all_its_seeds():
    one = experiment(tasks=["waves"], seeds=4)
    name, cell = Choice(name="naive"), one.cells[0]
    values = [0.0198, 0.0206, 0.0212, 0.0201]
    mse = {"metric": "mse", "direction": "min", "chance": 0.02}
    finals = [result(one, 0, 0, seed, **mse, test=value - 0.01) for seed, value in enumerate(values)]
    fits = [
        result(one, 0, 0, seed, "baseline", **mse, run=one.run(one.tasks[0], name, seed, "baseline"), test=value)
        for seed, value in enumerate(values)
    ]
    (row,) = baseline_rows(one, [*finals, *fits], rows(one, finals))
    assert (row.cell, row.seeds, row.wanted, row.fitted_once) == ("naive", 4, 4, False)
    assert row.test.mean == pytest.approx(np.mean(values))
    assert row.test.low < row.test.mean < row.test.high
    (samples,) = task_samples(one, [*finals, *fits])
    assert dict(samples.baselines) == {"naive": [-value for value in values]}
    assert samples.compare(cell.label, "naive").test == "paired", "both at the same seed have the same series"
    (before,) = task_samples(one, [*finals, fits[0]])  # of a version that fitted it once
    assert dict(before.constants) == {"naive": -values[0]}
    assert not before.baselines
