"""The models of a comparison in the store: the networks, the baselines, and which of them predicts."""

from functools import cached_property
from typing import Any

from gru_tf.analysis.recommendation import Recommendation
from gru_tf.analysis.results import Results
from gru_tf.baselines.baseline import FittedBaseline
from gru_tf.experiment.experiment import overlap_of
from gru_tf.experiment.result import RunResult
from gru_tf.foundation.errors import UserError, did_you_mean
from gru_tf.suite import baseline_models
from gru_tf.suite.comparison import kept_predictor
from gru_tf.suite.comparison.predictor import Predictor, constant
from gru_tf.suite.tracking import Record, baseline_model, registry
from gru_tf.suite.tracking import model as trained
from gru_tf.suite.tracking.reading import StoredExperiment
from gru_tf.tasks.own._task import OwnData


class Models:
    """The models of an experiment of one task.

    Args:
        results: of the experiment.
    """

    def __init__(self, results: Results):
        self.results, self.name = results, results.experiment.name
        self._networks: dict[str, Any] = {}

    def places(self) -> dict[str, str]:
        """Cell or baseline → where its model is, in words; without those that the store does not have."""
        places = {cell: f"{uri} ({_which(run)})" for cell, (uri, run) in self.trained.items()}
        if self._kept is not None:
            uris = {name: self._record.models.get(run.run.fingerprint) for name, run in self._fitted.items()}
            places |= {name: f"{uri} ({name})" for name, uri in uris.items() if uri}
        return places

    def network(self, cell: str | None) -> Any:
        """A cell's network with the weights of its best seed.

        Raises:
            UserError: where the store has none.
        """
        if cell is None or cell not in self.trained:
            raise UserError(f"{self.name}: the store has no trained model of {cell or 'any cell'}")
        if cell not in self._networks:
            self._networks[cell] = trained.load(self._record.uri, self.trained[cell][0])
        return self._networks[cell]

    def predictor(self, advice: Recommendation, model: str | None, task: OwnData, trivial: str) -> Predictor:
        """The model of a label, or the recommended one.

        Args:
            advice: what is recommended.
            model: label of a cell or name of a baseline; None for the recommended one.
            task: of the experiment.
            trivial: the best constant answer in words.

        Raises:
            UserError: where there is no such model.
        """
        label = model or advice.cell or advice.other or ""
        cells = [cell.label for cell in self.results.experiment.cells]
        why = self._why(advice, label, model is not None)
        if label in cells:
            network, result = self.network(label), self.trained[label][1]
            own, quantiles = task.at(result.run.seed), result.run.model.quantiles
            return Predictor(label, f"{_which(result)}, {why}", own, network, result.radii, quantiles)
        if label in self._fitted:
            fitted = self._fitted[label]
            return Predictor(label, f"{label}, {why}", task.at(fitted.run.seed), self._baseline(label), fitted.radii)
        if label:
            names = [*cells, *self._fitted]
            raise UserError(
                f"{self.name}: no model is called '{label}'.{did_you_mean(label, names)} Models: {', '.join(names)}"
            )
        return Predictor("", f"{trivial}, {why}", task, constant(task))

    def kept_predictor(self) -> Predictor | None:
        """The predictor that the store keeps as the answer of these runs; None where it keeps none."""
        return kept_predictor.kept(self._kept, kept_predictor.answered(self.results)) if self._kept is not None else None

    @property
    def keeps_predictor(self) -> bool:
        """Whether the store keeps a predictor as the answer of these runs."""
        return self._kept is not None and kept_predictor.is_kept(self._kept, kept_predictor.answered(self.results))

    def keep_predictor(self, predictor: Predictor) -> None:
        """Keep a predictor in the store.

        Raises:
            UserError: where it cannot be kept.
        """
        kept_predictor.keep(predictor, self._record, kept_predictor.answered(self.results))

    def run_of(self, label: str) -> RunResult | None:
        """The run whose model predicts under a label; None where there is none."""
        return self.trained[label][1] if label in self.trained else self._fitted.get(label)

    def _why(self, advice: Recommendation, label: str, asked: bool) -> str:
        """Because it was asked for, or is recommended; with its test metric and the best network's."""
        (task,) = self.results.evidence.tasks
        rows = {each.cell: each.row for each in (*task.cells, *task.baselines)}
        tests = {name: f"test {row.metric} {row.test.mean:.4g}" for name, row in rows.items() if row.test is not None}
        recommended = advice.cell or advice.other or "the baseline"
        if asked and label != recommended:
            return f"as asked: {tests.get(label, 'not tested')}; recommended is {recommended}"
        text = f"as recommended: {tests.get(label, f'test {task.metric} {task.chance:.4g}')}"
        nearest = advice.nearest
        return text if label == nearest or nearest not in tests else f"{text}; the best network, {nearest}: {tests[nearest]}"

    def _baseline(self, name: str) -> FittedBaseline:
        """From the store; where that has none, fitted anew with the settings that it has."""
        run = self._fitted[name]
        uri = self._record.models.get(run.run.fingerprint)
        if uri is None:
            return baseline_models.fit_again(run)
        kept, model = baseline_model.load(self._record.uri, uri)
        if kept != name:
            raise UserError(f"{uri}: expected a model of {name}. Received: one of {kept}")
        return model

    @cached_property
    def _kept(self) -> Record | None:
        """The record of the results; None where they are from no store."""
        record = self.results.record
        record = record.record if isinstance(record, StoredExperiment) else record
        return record if isinstance(record, Record) else None

    @property
    def _record(self) -> Record:
        if self._kept is None:
            raise UserError(f"{self.name}: expected results from a store. Received: others, which have no models")
        return self._kept

    @cached_property
    def trained(self) -> dict[str, tuple[str, RunResult]]:
        """Cell → (URI of its model, the run that trained it)."""
        return registry.models(self._kept, self.results.runs) if self._kept is not None else {}

    @cached_property
    def _fitted(self) -> dict[str, RunResult]:
        """Baseline → its best run, of those that were fitted."""
        (task,) = self.results.experiment.tasks
        names = dict.fromkeys(run.run.cell.label for run in self.results.runs if run.run.purpose == "baseline")
        best = {name: baseline_models.best_run(self.results.runs, task.label, name) for name in names}
        return {name: run for name, run in best.items() if run is not None}


def _which(run: RunResult) -> str:
    seed = f"{run.run.cell.label}, seed {run.run.seed}"
    if not overlap_of(run.run.task):
        return f"{seed}, the best of its seeds on validation"
    return f"{seed}, {_split(run)}"


def _split(run: RunResult) -> str:
    newest = run.run.task.name == "forecast"
    if run.run.seed == 0:
        return "tested on the newest rows" if newest else "on the split of the first seed"
    return "tested on the newest rows of all seeds" if newest else "the first that finished"
