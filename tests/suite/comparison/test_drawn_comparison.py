"""A whole small comparison whose seeds draw their splits: defaults, verdicts by hand, what is kept, and predictions."""

import math
import re
from types import SimpleNamespace

import numpy as np
import own_labelled
import pandas
import pytest
from scipy import stats
from sklearn.linear_model import Ridge

import gru_tf
from gru_tf.analysis import table_text
from gru_tf.foundation.errors import UserError
from gru_tf.suite import comparison, coordinator
from gru_tf.tasks import create

pytestmark = [
    # MLflow 3.17 asks SQLAlchemy 2.1 for a deprecated loader, and warns of its own type hints
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
]
MONTHS, WINDOW, SEEDS = 120, 6, 5
SMALL = {"cells": ("rnn", "gru"), "units": 2, "seeds": SEEDS, "trials": 0, "epochs": 1, "workers": 0}
OPTIONS = {"target": "sold", "time": "month", "window": WINDOW, "season": 12}


def months():
    steps = np.arange(MONTHS)
    sold = 200 + steps + 30 * np.sin(steps * np.pi / 6) + np.random.default_rng(0).normal(0, 2, MONTHS)
    return pandas.DataFrame({"month": pandas.date_range("2010-01-01", periods=MONTHS, freq="MS"), "sold": sold})


def compared(folder, file, **options):
    store = f"sqlite:///{folder}/mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(coordinator.SWITCH)
        return SimpleNamespace(answer=gru_tf.compare(file, store=store, **{**SMALL, **options}), store=store)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "sold.csv"
    months().to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def drawn(tmp_path_factory, file):
    return compared(tmp_path_factory.mktemp("drawn"), file, **OPTIONS)


def scores_of(answer, label):
    """Seed → test metric of the final runs of a cell, or of the runs of a baseline."""
    runs = [r for r in answer.results.runs if r.run.cell.label == label and r.run.purpose != "trial"]
    return {r.run.seed: r.test for r in runs}


# --- defaults ---


def split_of(file, **options):
    """(the option split of the planned task, the line that says so)."""
    plan = comparison.plan(file, **{**OPTIONS, **options})
    lines = [text for text, of in plan.inferences if of == ("draws",)]
    return plan.experiment.tasks[0].options.get("draws", "fixed"), *lines


def test_seeds_draw_their_splits_where_there_are_five_or_more(file):
    line = "test parts drawn by seed: up to 34 draws of 19 origins between 2018-06 and 2019-12"  # the 102nd to 120th month
    assert split_of(file) == ("drawn", line)
    assert split_of(file, seeds=6)[1].startswith("test parts drawn by seed: 6 draws of ")
    assert split_of(file, seeds=4) == ("fixed",)
    assert split_of(file, draws="fixed") == ("fixed",)
    assert split_of(file, seeds=2, draws="drawn")[0] == "drawn"


def test_a_test_file_is_the_test_of_every_seed(file, tmp_path):
    later = months().assign(month=lambda frame: frame.month + pandas.DateOffset(years=10))
    later.to_csv(tmp_path / "later.csv", index=False)
    assert split_of(file, test=tmp_path / "later.csv") == ("fixed",)
    with pytest.raises(UserError, match="draws: received drawn and test, expected one of them"):
        split_of(file, test=tmp_path / "later.csv", draws="drawn")


def test_groups_are_drawn_whole(tmp_path):
    own_labelled.sentences().to_csv(tmp_path / "said.csv", index=False)
    plan = comparison.plan(tmp_path / "said.csv", text="said", label="mood", group="who")
    lines = [text for text, of in plan.inferences if of == ("draws",)]
    assert lines == ["test parts drawn by seed: by group ('who')"]
    assert plan.experiment.tasks[0].options["draws"] == "drawn"


def test_what_cannot_be_drawn_is_fixed_and_that_is_said(tmp_path):
    """A target that changes in training only where it reaches to the last origin."""
    frame = months()
    frame.loc[:72, "sold"] = 7.0
    frame.to_csv(tmp_path / "flat.csv", index=False)
    split, line = split_of(tmp_path / "flat.csv")
    assert split == "fixed"
    assert line.startswith("one split for all seeds: another is not possible (")
    assert "expected a target that changes" in line
    with pytest.raises(UserError, match="expected a target that changes"):
        split_of(tmp_path / "flat.csv", draws="drawn")


def test_a_search_that_is_shared_gives_way(file, monkeypatch):
    monkeypatch.setattr("gru_tf.suite.comparison.defaults.MUCH", 1)
    assert not comparison.plan(file, **OPTIONS).experiment.search.shared, "a limit in minutes does without"
    few = {**OPTIONS, "seeds": 3}
    assert comparison.plan(file, **few).experiment.search.shared
    plan = comparison.plan(file, **few, draws="drawn")
    assert not plan.experiment.search.shared
    assert plan.experiment.tasks[0].options["draws"] == "drawn"


# --- verdicts ---


def test_every_pair_is_the_corrected_test_of_its_differences(drawn):
    """By scipy and the formula alone, from the runs: errors on their logarithm, the margin in their units."""
    answer = drawn.answer
    (task,) = answer.results.evidence.tasks
    assert len(task.against) == 2 * len(task.baselines)
    overlap = 0.2 / ((0.5 + 0.65) / 2)
    compared_pairs = 0
    for pair in (*task.pairs, *task.against):
        first, second = (scores_of(answer, name) for name in (pair.first, pair.second))
        assert list(range(SEEDS)) == sorted(first) == sorted(second)
        if pair.unreliable:
            continue
        compared_pairs += 1
        assert pair.test == "resampled"
        logs = np.array([math.log(second[seed]) - math.log(first[seed]) for seed in range(SEEDS)])
        t = logs.mean() / math.sqrt((1 / SEEDS + overlap) * logs.var(ddof=1))
        assert pair.p == pytest.approx(2 * stats.t.sf(abs(t), SEEDS - 1), rel=1e-6)
        plain = np.array([second[seed] - first[seed] for seed in range(SEEDS)])
        half = stats.t.ppf(0.975, SEEDS - 1) * math.sqrt((1 / SEEDS + overlap) * plain.var(ddof=1))
        assert pair.difference == pytest.approx((plain.mean(), plain.mean() - half, plain.mean() + half), rel=1e-6)
    assert compared_pairs > 4


def test_the_table_shows_baselines_over_the_splits_and_says_how(drawn):
    answer = drawn.answer
    rows = {row.cell: row for row in answer.table()}
    ridge = scores_of(answer, "ridge")
    assert len(set(ridge.values())) > 1
    assert rows["ridge"].test.mean == pytest.approx(np.mean(list(ridge.values())))
    assert rows["ridge"].test.low < rows["ridge"].test.mean < rows["ridge"].test.high
    assert table_text.cells(rows["ridge"])[-2] == "5/5"
    notes = "\n".join(table_text.notes(answer.results.experiment, answer.table()))
    assert "Each seed has its own split; as these overlap, variances are corrected (Nadeau and Bengio 2003)." in notes
    assert "fitted to each split" in notes
    assert "(corrected resampled t-test" in repr(answer.results.compare("rnn", "gru"))


def test_the_report_says_how_splits_are_compared(drawn, tmp_path):
    page = drawn.answer.results.report(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Each seed has its own split; as these overlap, variances are corrected (Nadeau and Bengio 2003)" in page
    assert "corrected resampled t-test" in page


# --- what is kept and predicts ---


def test_the_model_that_predicts_is_of_the_split_with_the_newest_data(drawn):
    again = gru_tf.compared("sold", drawn.store)
    for name in ("rnn", "gru"):
        assert again.predictor(name).task.draw == 0
        assert re.match(f"{name}, seed 0, tested on the newest rows, as ", str(again.predictor(name)))
        pandas.testing.assert_frame_equal(again.predict(months(), name), drawn.answer.predict(months(), name))


def test_ridge_is_scikit_learns_on_the_rows_before_the_last_test_part(drawn):
    sold = months()["sold"].to_numpy()
    train = MONTHS - round(0.2 * MONTHS) - round(0.15 * MONTHS)
    scaled = (sold - sold[:train].mean()) / sold[:train].std()
    windows = np.lib.stride_tricks.sliding_window_view(scaled, WINDOW + 1)[: train - WINDOW]
    windows = windows - windows[:, [WINDOW - 1]]
    (run,) = [r for r in drawn.answer.results.runs if r.run.cell.label == "ridge" and r.run.seed == 0]
    model = Ridge(alpha=run.fitted.settings["alpha"]).fit(windows[:, :WINDOW], windows[:, WINDOW])
    last = sold[-WINDOW:]
    expected = last[-1] + sold[:train].std() * model.predict((last - last[-1])[None] / sold[:train].std())[0]
    assert drawn.answer.predict(months(), "ridge")["sold"].tolist() == pytest.approx([expected], rel=1e-5)


def test_with_a_fixed_split_the_first_seed_has_the_same_data(drawn, file, tmp_path):
    fixed = compared(tmp_path, file, **OPTIONS, draws="fixed", seeds=1)
    for name in ("naive", "ridge", "ets"):
        assert scores_of(fixed.answer, name)[0] == scores_of(drawn.answer, name)[0]
    task = create("forecast", fixed.answer.results.experiment.tasks[0].options)
    assert not task.draws_data
    assert str(fixed.answer.predictor("gru")).startswith("gru, seed 0, the best of its seeds on validation")


def test_a_written_experiment_draws_the_same(drawn, file, tmp_path):
    plan = comparison.plan(file, **{key: value for key, value in SMALL.items() if key != "workers"}, **OPTIONS)
    comparison.write(plan, tmp_path / "sold.yaml")
    written = gru_tf.load(tmp_path / "sold.yaml")
    assert written.fingerprint == plan.experiment.fingerprint
    assert written.tasks[0].options["draws"] == "drawn"
