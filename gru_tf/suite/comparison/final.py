"""The recommended model trained anew on all of the data, with the settings and as many epochs as validation chose.

No data are left to say what it would score: metrics and intervals are those of the model that was tested, which has seen
less. Inputs and outputs stay on the scale of the training part.
"""

from dataclasses import replace

import numpy as np

from gru_tf.baselines import fitting
from gru_tf.experiment.result import RunResult
from gru_tf.foundation import startup
from gru_tf.foundation.errors import UserError
from gru_tf.suite.comparison.predictor import Predictor


def on_all_data(predictor: Predictor, result: RunResult) -> Predictor:
    """The predictor whose model has learned from training, validation and test split.

    Args:
        predictor: of the recommended model.
        result: of the run whose model it is.

    Raises:
        UserError: where training does not go well.
    """
    task = predictor.task.at(0)  # where seeds draw splits, the one that leaves no row out
    splits = task.splits(np.random.default_rng(0))
    if predictor.is_baseline:
        assert result.fitted is not None  # noqa: S101, of a baseline that was fitted
        model = fitting.fit_to_all(predictor.name, task, splits, result.run.seed, result.fitted.settings)
        return replace(predictor, task=task, model=model, why=f"{predictor.why}; fitted anew to all of the data")
    with startup.quiet():
        from gru_tf.training import refit, trainer
    run = result.run.model_copy(update={"split_seed": 0})
    prepared = trainer.prepare(run)
    examples = refit.together(refit.together(splits.train, splits.validated), splits.test)
    epochs = (result.best_epoch or 0) + 1
    if not refit.train_on(run, task.signature, examples, prepared.steps, epochs):
        raise UserError(f"{predictor.name}: trained on all of the data, its loss was not finite")
    words = f"trained anew on all of the data for {epochs} epoch{'s' * (epochs > 1)}"
    return replace(predictor, task=task, model=prepared.steps.export(run), why=f"{predictor.why}; {words}")
