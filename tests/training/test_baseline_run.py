"""A run of a baseline: its result beside the networks', and what becomes of one that cannot be used."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from gru_tf.baselines import fitting
from gru_tf.experiment.experiment import Run
from gru_tf.experiment.specs import Choice, ModelSpec, TrainingSpec
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import create
from gru_tf.training import baseline_run, trainer


def run_of(task, name, seed=0):
    return Run(
        purpose="baseline",
        task=Choice.model_validate(task, strict=False),
        cell=Choice(name=name),
        seed=seed,
        model=ModelSpec(units=3),
        training=TrainingSpec(),
    )


@pytest.fixture
def series(tmp_path):
    """A task on a file of the user's own: a noisy line with a season."""
    rows = np.arange(200)
    values = 0.1 * rows + 3 * np.sin(rows / 2) + np.random.default_rng(0).normal(size=200)
    file = tmp_path / "series.csv"
    file.write_text("value\n" + "\n".join(f"{value:.6f}" for value in values) + "\n")
    return {"forecast": {"path": str(file), "target": ["value"], "window": 8, "horizon": 2}}


def test_its_metric_is_that_of_the_same_model_by_scikit_learn(series):
    result = trainer.attempt(run_of(series, "ridge"))
    assert (result.status, result.error, result.warning) == ("finished", "", "")
    task = create("forecast", series["forecast"])
    splits = task.splits(np.random.default_rng(0))

    def error(model, part):
        wrong = model.predict(flat(part.inputs)) - flat(part.targets)
        return task.metric.value(float(np.mean(np.square(wrong))))

    alphas = [settings["alpha"] for settings, _ in result.fitted.tried]
    models = {a: Ridge(alpha=a).fit(flat(splits.train.inputs), flat(splits.train.targets)) for a in alphas}
    errors = {a: error(model, splits.validation) for a, model in models.items()}
    best = min(errors, key=errors.get)
    assert result.fitted.settings["alpha"] == best
    assert result.validation == pytest.approx(errors[best], rel=1e-5)
    assert result.test == pytest.approx(error(models[best], splits.test), rel=1e-5)
    assert result.score == pytest.approx(task.metric.score(result.test))
    assert result.chance == task.metric.chance
    assert result.parameters > 0
    assert result.model_bytes > 0


def test_where_networks_train_anew_on_validation_too_it_is_fitted_to_both(series):
    run = run_of(series, "ridge")
    again = run.model_copy(update={"training": TrainingSpec(refit=True, epochs=7)})
    first, second = trainer.attempt(run), trainer.attempt(again)
    task = create("forecast", series["forecast"])
    splits = task.splits(np.random.default_rng(0))
    parts = (splits.train, splits.validation)
    both = [np.concatenate([flat(getattr(part, name)) for part in parts]) for name in ("inputs", "targets")]
    wrong = Ridge(alpha=second.fitted.settings["alpha"]).fit(*both).predict(flat(splits.test.inputs)) - flat(
        splits.test.targets
    )
    assert second.validation == first.validation
    assert second.test == pytest.approx(task.metric.value(float(np.mean(np.square(wrong)))), rel=1e-5)
    assert second.test != pytest.approx(first.test, rel=1e-3)
    asked = fitting.ModelInputs.of_split(splits, "test", task.forecast_rows())
    predicted = baseline_run.fit_again(second).predict(asked) - flat(splits.test.targets)
    assert task.metric.value(float(np.mean(np.square(predicted)))) == pytest.approx(second.test, rel=1e-9)
    assert run.fingerprint != again.fingerprint
    assert again.fingerprint == again.model_copy(update={"training": TrainingSpec(refit=True)}).fingerprint


def flat(array):
    return array.reshape(len(array), -1).astype("float64")


def test_one_that_does_not_fit_the_task_is_left_out_with_the_reason():
    result = trainer.attempt(run_of("digits", "ets"))
    assert (result.status, result.test) == ("finished", None)
    assert result.warning.startswith("left out: it does not fit this kind of task")


def test_one_without_a_finite_metric_counts_as_diverged(series, monkeypatch):
    def fails(*_):
        raise UserError("ridge: expected a finite score on validation")

    monkeypatch.setattr(fitting, "fit", fails)
    result = baseline_run.fit(run_of(series, "ridge"))
    assert (result.status, result.error) == ("diverged", "ridge: expected a finite score on validation")


def test_network_and_recipe_are_no_part_of_its_fingerprint():
    one = run_of("digits", "logistic")
    other = one.model_copy(update={"model": ModelSpec(units=9)})
    assert one.fingerprint == other.fingerprint
    assert (
        one.model_copy(update={"purpose": "final"}).fingerprint != other.model_copy(update={"purpose": "final"}).fingerprint
    )
    assert one.fingerprint != run_of("digits", "rocket").fingerprint
