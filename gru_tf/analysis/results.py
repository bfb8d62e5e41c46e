"""Results in every form that people read: table, frame, comparisons, figures, report, text, and in a notebook."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, get_args

from gru_tf.analysis import evidence, report, table
from gru_tf.analysis.answer import answer
from gru_tf.analysis.formats import markup
from gru_tf.analysis.formats.json_document import document, dumps
from gru_tf.analysis.marked import marked
from gru_tf.analysis.pairwise import Versus
from gru_tf.analysis.plots import Plots
from gru_tf.analysis.published import Beside, beside
from gru_tf.analysis.verdicts import judge
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import Diagnostics, RunResult
from gru_tf.experiment.timing import Timings
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, did_you_mean
from gru_tf.tasks.evaluation import SampleForecast

if TYPE_CHECKING:
    import pandas as pd

Format = Literal["csv", "json", "markdown", "latex"]


class Archive(Protocol):
    """What a store keeps apart from the results, which figures need; `gru_tf.suite.tracking.Record` is one."""

    def validation_histories(self, results: Iterable[RunResult]) -> Mapping[str, Sequence[float]]:
        """Fingerprint → validation metric by epoch, without the runs that have none."""

    def loss_histories(self, results: Iterable[RunResult]) -> Mapping[str, Mapping[str, Sequence[float]]]:
        """Fingerprint → "train_loss" and "validation_loss" by epoch, without the runs that have none."""

    def losses(self, results: Iterable[RunResult]) -> Mapping[str, Array]:
        """Fingerprint → (N,) loss of each test example, without the runs that have none."""

    def diagnostics(self, result: RunResult) -> Diagnostics | None:
        """What a run recorded of the inside of its network; None where it was not asked to."""

    def sample_forecasts(self, result: RunResult) -> tuple[SampleForecast, ...]:
        """The forecasts of a run that are to be looked at; () where it has none."""


@dataclass(frozen=True, repr=False)
class Results:
    """The results of an experiment, in every form in which they are read.

    Args:
        experiment: the question.
        runs: every trial and every final seed.
        earlier: how many runs in the store belong to an earlier definition of the experiment and are left out.
        record: where the store has the runs; None for results from elsewhere.
        timing: task label → the phase in which its networks were timed; None where there was none.
    """

    experiment: Experiment
    runs: tuple[RunResult, ...]
    earlier: int = 0
    record: Archive | None = field(default=None, repr=False, compare=False)
    timing: Timings | None = None

    def in_full(self) -> "Results":
        """The same with the histories, losses and diagnostics that the store keeps apart, for the report.

        Each final run with its validation metric by epoch and its loss by test example, and the first seed of each (task,
        cell) that recorded the inside of its network with that.
        """
        if self.record is None:
            return self
        finals = [run for run in self.runs if run.is_finished_final]
        histories = self.record.validation_histories(finals)
        losses = self.record.losses(finals)
        first = {(r.run.task.label, r.run.cell.label): r for r in _last_seed_first(finals) if r.run.diagnostics}
        inside = {r.run.fingerprint: self.record.diagnostics(r) for r in first.values()}
        models = [r for r in self.runs if r.run.purpose == "baseline"]
        looked_at = {(r.run.task.label, r.run.cell.label): r for r in _last_seed_first([*finals, *models])}
        samples = {r.run.fingerprint: self.record.sample_forecasts(r) for r in looked_at.values()}
        return replace(self, runs=tuple(_in_full(run, histories, losses, inside, samples) for run in self.runs))

    def with_losses(self) -> "Results":
        """The same with the losses of each run on both splits by epoch, which the store keeps apart."""
        if self.record is None:
            return self
        histories = self.record.loss_histories(self.runs)
        known = ((run, dict(histories.get(run.run.fingerprint, run.history))) for run in self.runs)
        return replace(self, runs=tuple(run.model_copy(update={"history": series}) for run, series in known))

    def table(self) -> list[table.Row]:
        """One row a (task, cell), and below the cells of each task one a baseline."""
        cells = table.rows(self.experiment, self.runs, self.timing)
        others = table.baseline_rows(self.experiment, self.runs, cells)
        tasks = dict.fromkeys(row.task for row in cells)
        return [row for task in tasks for row in (*cells, *others) if row.task == task]

    @cached_property
    def evidence(self) -> evidence.Evidence:
        """What the runs say: intervals, pairs of cells, ranks, what is inconclusive, what is missing."""
        return evidence.gather(self.experiment, self.runs, self.timing)

    @property
    def frame(self) -> "pd.DataFrame":
        """One row a run, trials and final seeds; `analysis.formats.columns` says what its columns are. Yours to change."""
        return self._frame.copy()

    @cached_property
    def _frame(self) -> "pd.DataFrame":
        from gru_tf.analysis.formats.frame import frame

        return frame(self.experiment, self.runs)

    @property
    def summary(self) -> "pd.DataFrame":
        """The table as a frame of twelve columns: mean, interval, baseline, verdict, costs; yours to change."""
        from gru_tf.analysis.formats.summary_frame import summary_frame

        return summary_frame(self.evidence)

    def compare(self, first: str, second: str) -> Versus:
        """Two cells on every task; printed, or in a notebook, it says what is significant.

        Raises:
            UserError: for a cell that the experiment does not have.
        """
        return Versus(self.evidence, first, second)

    @property
    def published(self) -> tuple[Beside, ...]:
        """The published numbers that the experiment names, each with ours and a verdict."""
        return beside(self.experiment, self.runs)

    @property
    def plot(self) -> "Plots":
        """The figures of the report by name, such as `results.plot.pareto()`; `dir(results.plot)` lists them."""
        return Plots(self)

    def report(self, path: str | Path) -> Path:
        """Write the report, one page that needs no network, and return where it is."""
        return report.write(self, Path(path))

    def text(self, form: Format) -> str:
        """The results as `gru-tf results --format` prints them: the runs as CSV, all as JSON, the table typeset.

        Raises:
            UserError: for another format.
        """
        if form == "csv":
            from gru_tf.analysis.formats.frame import csv

            return csv(self._frame)
        if form == "json":
            return dumps(document(self.evidence, self.runs, self.earlier))
        if form not in get_args(Format):
            near = did_you_mean(str(form), get_args(Format))
            raise UserError(f"no format is called '{form}'.{near} Formats: {', '.join(get_args(Format))}")
        write = markup.markdown if form == "markdown" else markup.latex
        return write(self.experiment, self.table(), self.earlier, self._beside())

    def _beside(self) -> dict[str, list[str]]:
        """Verdicts on claims, and by the label of their task marked cells and published numbers, a line each."""
        notes = marked(self.evidence)
        for verdict in judge(self.evidence, self.runs):
            notes.setdefault("", []).append(f"Claim {verdict.text}: {verdict.verdict}. {verdict.why}")
        for one in beside(self.experiment, self.runs):
            ours = f"ours {one.ours_text}, {one.difference:+.3g}" if one.ours else "no result of ours yet"
            text = f"{one.title}, {one.cell}: published {one.metric} {one.published.printed} ({one.provenance}); {ours}:"
            notes.setdefault(one.task, []).append(f"{text} {one.verdict}. {one.verdict.why}")
        return notes

    def __repr__(self) -> str:
        sizes = ((len(self.experiment.tasks), "task"), (len(self.experiment.cells), "cell"), (len(self.runs), "run"))
        counted = ", ".join(f"{count:,} {noun}{'' if count == 1 else 's'}" for count, noun in sizes)
        return f"<gru_tf results of '{self.experiment.name}': {counted}>"

    def _repr_html_(self) -> str:
        """For notebooks: the question, the answer, the table."""
        lines = "".join(f"<p style='text-align: left'>{escape(str(line))}</p>" for line in answer(self.evidence))
        heading = f"<p style='text-align: left'><b>{escape(self.experiment.question)}</b></p>{lines}"
        return heading + markup.html(self.experiment, self.table(), self.earlier, self._beside())


def _last_seed_first(runs: Iterable[RunResult]) -> list[RunResult]:
    return sorted(runs, key=lambda run: -run.run.seed)


def _in_full(
    result: RunResult,
    histories: Mapping[str, Sequence[float]],
    losses: Mapping[str, Array],
    inside: Mapping[str, Diagnostics | None],
    samples: Mapping[str, tuple[SampleForecast, ...]],
) -> RunResult:
    fingerprint = result.run.fingerprint
    more: dict[str, object] = {}
    if fingerprint in histories:
        more["history"] = {f"validation_{result.metric}": histories[fingerprint]}
    if fingerprint in losses:
        more["losses"] = losses[fingerprint].tobytes()
    if inside.get(fingerprint) is not None:
        more["diagnostics"] = inside[fingerprint]
    if samples.get(fingerprint):
        more["sample_forecasts"] = samples[fingerprint]
    return result.model_copy(update=more) if more else result
