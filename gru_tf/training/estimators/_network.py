"""What the estimators share: the parameters of one network and its training, the fitted network, and copies of it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import ValidationError
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.specs import Choice, ModelSpec, Spec, TrainingSpec
from gru_tf.foundation.errors import UserError, did_you_mean, mismatch, shown
from gru_tf.recurrent.cells import CELLS
from gru_tf.tasks import Signature
from gru_tf.training.estimators._trained_network import TrainedNetwork
from gru_tf.training.estimators._training import Weighted, train

MOST_SEED = 2**31 - 1


class NetworkEstimator(BaseEstimator):
    """One recurrent network with scikit-learn's `get_params`, `set_params`, clones and pickles.

    Subclasses have the parameters `cell`, `units`, `parameters`, `options`, `layers`, `bidirectional`, `dropout`, `epochs`,
    `batch_size`, `learning_rate`, `patience`, `validation_fraction`, `scaling` and `random_state`.

    Attributes:
        history_: "train_loss" and "validation_loss", a value an epoch.
        n_iter_: epochs trained.
        best_epoch_: the one that the weights are of, from 1.
        units_: of each layer and direction.
        parameters_: of the whole network.
    """

    def _run(self, seed: int, window_scaling: str = "none") -> Run:
        """What the parameters say, checked.

        Raises:
            UserError: for a value that is not possible, naming the parameter.
        """
        size = {"units": self.units} if self.parameters is None else {"parameters": self.parameters}
        model = self._spec(ModelSpec, "layers", "bidirectional", "dropout", scaling=window_scaling, **size)
        training = self._spec(TrainingSpec, "epochs", "batch_size", "learning_rate", "patience")
        cell = Choice(name=CELLS.check(str(self.cell)), options=dict(self.options or {}))
        return Run(purpose="final", task=Choice(name="arrays"), cell=cell, seed=seed, model=model, training=training)

    def _spec(self, kind: type[Spec], *names: str, **more: Any) -> Any:
        fields = {**{name: getattr(self, name) for name in names}, **more}
        plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in fields.items()}
        try:
            return kind(**plain)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise UserError(f"{type(self).__name__}: {first['loc'][0]}: {mismatch([first])}") from error

    def _seed(self) -> int:
        return int(check_random_state(self.random_state).randint(MOST_SEED))

    def _expect_share(self) -> float:
        """`validation_fraction`, a share."""
        share = self.validation_fraction
        if isinstance(share, bool) or not isinstance(share, (int, float, np.floating)) or not 0 <= share < 1:
            name = f"{type(self).__name__}: validation_fraction"
            raise UserError(f"{name}: received {shown(share)}, expected a share of at least 0 and below 1")
        return float(share)

    def _expect_scaling(self, names: Mapping[Any, Any]) -> Any:
        """What the name of a scaling stands for."""
        try:
            return names[self.scaling]
        except (KeyError, TypeError) as error:
            near = did_you_mean(str(self.scaling), filter(None, names))
            valid = ", ".join(map(repr, names))
            name = f"{type(self).__name__}: scaling"
            raise UserError(f"{name}: received {shown(self.scaling)}, expected one of {valid}.{near}") from error

    def _train(self, run: Run, signature: Signature, training: Weighted, validation: Weighted | None) -> None:
        try:
            trained = train(run, signature, training, validation)
        except UserError as error:
            raise UserError(f"{type(self).__name__}: {str(error).removeprefix('model.')}") from error
        self._network = TrainedNetwork(run, signature, trained.weights)
        self.history_ = trained.history
        self.n_iter_, self.best_epoch_ = len(trained.history["train_loss"]), trained.best_epoch + 1
        self.units_, self.parameters_ = trained.units, trained.parameters

    @property
    def model_(self) -> Any:
        """The trained `keras.Model`; it takes sequences, and gives values, as scaled by `scaling`.

        Raises:
            ValueError: before `fit`, scikit-learn's `NotFittedError`.
        """
        check_is_fitted(self)
        return self._network.model

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_network")
