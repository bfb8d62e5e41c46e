"""Keras Tuner: an experiment's search as hyperparameters, oracles that are asked and told, and a public HyperModel."""

import random
import warnings
from typing import Any

import keras_tuner
from sklearn.exceptions import ConvergenceWarning

from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.specs import FACTOR, Choice, Range, Scalar, SearchSpec, is_integer
from gru_tf.foundation.errors import UserError, did_you_mean
from gru_tf.tasks import WRITTEN, create
from gru_tf.training import optimizers
from gru_tf.training.network import initial_distributions
from gru_tf.training.network.model import build
from gru_tf.training.network.resolution import resolve_run
from gru_tf.training.network.task_loss import TaskLoss, TaskMetric

ORACLES = {
    "random": keras_tuner.oracles.RandomSearchOracle,
    "bayesian": keras_tuner.oracles.BayesianOptimizationOracle,
    "grid": keras_tuner.oracles.GridSearchOracle,
    "hyperband": keras_tuner.oracles.HyperbandOracle,
}
ONE_BY_ONE = ("bayesian", "grid")
WORST = 1e30
NONE = "none"  # Keras Tuner has no null among its choices
OBJECTIVE = "validation"
SEED_OF_ZERO = 2**31  # with seed=0 an oracle draws a seed of its own, a different one each time


def declare(search: SearchSpec, hp: keras_tuner.HyperParameters) -> dict[str, Scalar | None]:
    """Declare the search's space on `hp`; returns the value that `hp` holds for each hyperparameter."""
    return {name: _declare(name, axis, hp) for name, axis in search.axes.items()}


def _declare(name: str, axis: Range | tuple[Scalar | None, ...], hp: keras_tuner.HyperParameters) -> Scalar | None:
    if isinstance(axis, Range):
        make = hp.Int if is_integer(name) else hp.Float
        low, high = axis.ends(is_integer(name))
        value: Scalar = make(name, low, high, sampling=axis.sampling)
        return value
    values = [NONE if v is None else v for v in axis]
    mixed = len({type(v) for v in values}) > 1  # Keras Tuner wants choices of one type
    chosen: Scalar = hp.Choice(name, [repr(v) for v in values] if mixed else values)
    return next(v for v, choice in zip(axis, values, strict=True) if (repr(choice) if mixed else choice) == chosen)


class Search:
    """The trials of one (task, cell), asked from and told to a Keras Tuner oracle.

    The oracle draws at random or learns from the results it was told, always in the order of the trials: the same results
    lead to the same trials, so an interrupted search continues exactly where it was.

    Args:
        search: tuner, number of trials, space, seed.
        direction: "max" or "min", of the validation metric.
        epochs: most epochs of a trial, for Hyperband.
    """

    def __init__(self, search: SearchSpec, direction: str, epochs: int = 100):
        self.search, self.direction = search, direction
        self.told = self.asked = 0
        space = keras_tuner.HyperParameters()
        declare(search, space)
        hyperband = search.tuner == "hyperband"
        self.oracle = ORACLES[search.tuner](
            objective=keras_tuner.Objective(OBJECTIVE, direction),
            seed=search.seed or SEED_OF_ZERO,
            hyperparameters=space,
            allow_new_entries=False,
            tune_new_entries=False,
            max_consecutive_failed_trials=search.expected_trials(epochs) + 1,
            **{"max_epochs": epochs, "factor": FACTOR} if hyperband else {"max_trials": search.trials},
        )
        self.oracle.verbose = 0
        # An oracle writes its state to a folder after each step; this one's is rebuilt from the results in the store.
        self.oracle.save = self.oracle._save_trial = lambda *_: None
        self.trials: list[Any] = []
        self.exhausted = False

    def ask(self) -> list[dict[str, Scalar | None]]:
        """The settings of the trials that can start now, in order; empty while the oracle waits for results.

        All of a random search's, one of a Bayesian or a grid search's, all that Hyperband can start: new trials are
        requested only when every result is told, so that the order in which runs happen to finish has no influence.
        """
        new: list[dict[str, Scalar | None]] = []
        while not self.exhausted and self.asked == self.told + len(new) and not (new and self.search.tuner in ONE_BY_ONE):
            trial = self._create()
            if trial.status != "RUNNING":
                self.exhausted = trial.status == "STOPPED"
                break
            self.asked += 1
            self.trials.append(trial)
            new.append({**declare(self.search, trial.hyperparameters), **_epochs(trial)})
        return new

    def _create(self) -> Any:
        with warnings.catch_warnings():
            # A Gaussian process of few or equal results ends at a bound: nothing is wrong, and a user could not change it.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return self.oracle.create_trial(f"trial-{self.asked}")

    def tell(self, value: float | None) -> None:
        """The validation metric of the next trial in order; None where it diverged or failed."""
        trial = self.trials[self.told]
        self.told += 1
        if value is None and self.search.tuner == "hyperband":
            value = -WORST if self.direction == "max" else WORST  # a failed trial would block its bracket for good
        if value is None:
            trial.status = "FAILED"
        else:
            self.oracle.update_trial(trial.trial_id, {OBJECTIVE: value})
            trial.status = "COMPLETED"
        self.oracle.end_trial(trial)


def _epochs(trial: Any) -> dict[str, Scalar | None]:
    epochs = trial.hyperparameters.values.get("tuner/epochs")
    return {} if epochs is None else {"epochs": int(epochs)}


class RecurrentHyperModel(keras_tuner.HyperModel):
    """The network of one (task, cell) of an experiment, for any stock Keras Tuner tuner.

    `build(hp)` declares the experiment's search space on `hp` and returns a compiled `keras.Model` with the task's
    loss and metric and the experiment's optimiser and clipping:

        hypermodel = RecurrentHyperModel(experiment, "digits", "gru")
        tuner = keras_tuner.Hyperband(hypermodel, keras_tuner.Objective("val_accuracy", "max"))
        tuner.search(x, y, validation_data=(x_val, y_val))
        tuner.get_best_models()[0].save("best.keras")

    Padded steps of a task with a target at every step count for nothing where their targets are −1; where targets are
    numbers they need a `sample_weight` of 0, in `validation_data` as well, which the metric heeds.

    Where it reads tokens, Keras' own loop on TensorFlow squares the gradient of an embedding a token at a time: by Adam and
    RMSprop a token that comes twice in a batch moves further than in a run of the experiment, which adds them up first.

    The file is loaded by `keras.saving.load_model` wherever `gru_tf` was imported, compiled as it was.

    Args:
        experiment: with a `search`.
        task, cell: labels of one of its tasks and one of its cells.

    Raises:
        UserError: where the experiment has no such task or cell, or no search, and where it has what Keras' own loop or
            layers do not: a schedule of the learning rate, weight noise, steps, a monitor, dropout of words, or teacher
            forcing below 1.
    """

    def __init__(self, experiment: Experiment, task: str, cell: str):
        super().__init__()
        if experiment.search is None:
            raise UserError(f"{experiment.name}: expected a 'search', which names the hyperparameters")
        self.search = experiment.search
        if experiment.training.scheduled or {"warmup", "decay"} & self.search.axes.keys():
            received = "warmup" if experiment.training.warmup or "warmup" in self.search.axes else "decay"
            raise UserError(
                f"{experiment.name}: expected no schedule of the learning rate: a model does not know for how many steps it"
                f" will be trained. Received: {received}"
            )
        for name in ("steps", "fresh", "truncate", "monitor", "stop_at"):
            value = getattr(experiment.training, name)
            if (value is not None and value is not False) or name in self.search.axes:
                received = f"training.{name}"
                raise UserError(
                    f"{experiment.name}: expected none of {received}: Keras' own loop trains. Received: {received}"
                )
        if experiment.training.weight_noise or "weight_noise" in self.search.axes:
            received = f"{experiment.training.weight_noise:g}" if experiment.training.weight_noise else "it in search.space"
            raise UserError(f"{experiment.name}: expected no 'weight_noise': Keras' training has none. Received: {received}")
        if experiment.training.select == "last":
            raise UserError(
                f"{experiment.name}: expected none of training.select: a tuner keeps its best epoch. Received: last"
            )
        if experiment.model.embedding_dropout or "embedding_dropout" in self.search.axes:
            raise UserError(
                f"{experiment.name}: expected none of model.embedding_dropout: Keras has no layer that drops words."
                " Received: model.embedding_dropout"
            )
        if experiment.training.writes or any(name.startswith("teacher_forcing") for name in self.search.axes):
            raise UserError(
                f"{experiment.name}: expected no teacher forcing by coins, which is in this project's own training, not in a"
                " model's. Received: teacher_forcing"
            )
        self.template = experiment.run(
            _labelled(experiment.tasks, task), _labelled(experiment.cells, cell), self.search.seed
        )
        self.task = create(self.template.task.name, self.template.task.options).at(experiment.seeds[0])

    def build(self, hp: keras_tuner.HyperParameters) -> Any:
        """The compiled model with the values that `hp` holds."""
        run, signature = self.template.tuned(declare(self.search, hp)), self.task.signature
        name = self.task.metric.name if self.task.metric.name not in WRITTEN else "nll"  # by token, as in training
        if self.task.metric.whole:  # which no mean over batches gives
            name = "accuracy" if signature.target == "class" else "mse"

        network = resolve_run(run, signature)
        of_task = (signature.target, signature.outputs, network.levels)
        objective, measure = TaskLoss(*of_task), TaskMetric(name, *of_task, scale=self.task.metric.scale)
        model = build(network)
        # from the generator that seeds Keras' own initial values, so that keras.utils.set_random_seed is of these too
        drawn = random.randrange(2**32)  # noqa: S311, no secret
        initial_distributions.draw(model, run.model, run.cell.options, drawn)
        optimizer = optimizers.whole(run.training)
        optimizer.build(model.trainable_variables)  # else its state is not restored with the best weights, and Keras warns
        # Keras makes sample weights of class weights, with which training would be judged by another metric than validation
        judged = "metrics" if signature.weights else "weighted_metrics"
        model.compile(optimizer, objective, **{judged: [measure]})
        return model

    def fit(self, hp: keras_tuner.HyperParameters, model: Any, *args: Any, **kwargs: Any) -> Any:
        """`model.fit` with the experiment's epochs and batch size, and the task's class weights, where the call gives none.

        Sample weights stand in the place of class weights: Keras takes one of the two.
        """
        training = self.template.tuned(declare(self.search, hp)).training
        options: dict[str, Any] = {"epochs": training.epochs, "batch_size": training.batch_size}
        if self.task.signature.weights and not {"class_weight", "sample_weight"} & kwargs.keys():
            options["class_weight"] = dict(enumerate(self.task.signature.weights))
        return model.fit(*args, **{**options, **kwargs})


def _labelled(choices: tuple[Choice, ...], label: str) -> Choice:
    for choice in choices:
        if choice.label == label:
            return choice
    labels = [choice.label for choice in choices]
    raise UserError(f"the experiment has no '{label}'.{did_you_mean(label, labels)} It has: {', '.join(labels)}")
