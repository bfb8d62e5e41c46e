"""Metrics by epoch, read from the store for many runs at once."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gru_tf.experiment.result import RunResult
from gru_tf.suite.tracking.errors import answering

AT_ONCE = 500  # runs in one question: a database takes only so many parameters
MOST = 1_000_000  # values in one answer
LOSSES = ("train_loss", "validation_loss")


def validation(client: Any, uri: str, ids: Mapping[str, str], results: Iterable[RunResult]) -> dict[str, list[float]]:
    """Fingerprint → validation metric by epoch, of results read from the store; those that have none are left out.

    Args:
        client: MLflow's.
        uri: of the store.
        ids: fingerprint → MLflow's run.
        results: whose histories.

    Raises:
        StoreError: where the server does not answer.
    """
    named = [result for result in results if result.metric]
    histories: dict[str, list[float]] = {}
    for metric in dict.fromkeys(result.metric for result in named):
        key = f"validation_{metric}"
        several = by_epoch(client, uri, ids, [result for result in named if result.metric == metric], [key])
        histories |= {fingerprint: series[key] for fingerprint, series in several.items()}
    return histories


def by_epoch(
    client: Any, uri: str, ids: Mapping[str, str], results: Iterable[RunResult], keys: Sequence[str]
) -> dict[str, dict[str, list[float]]]:
    """Fingerprint → name → values, of these metrics; otherwise as `validation`."""
    by_id = {ids[result.run.fingerprint]: result.run.fingerprint for result in results}
    histories: dict[str, dict[str, list[float]]] = {}
    with answering(uri):
        for key in keys:
            for run_id, series in read(client, list(by_id), key).items():
                histories.setdefault(by_id[run_id], {})[key] = series
    return histories


def read(client: Any, run_ids: Sequence[str], key: str) -> dict[str, list[float]]:
    """Run → the values of a metric, epoch by epoch; runs without it are left out.

    A database answers for hundreds of runs at once; a tracking server, which MLflow's client asks run by run, does not.

    Args:
        client: MLflow's.
        run_ids: which runs.
        key: the metric's name.
    """
    store = client._tracking_client.store
    if not hasattr(store, "get_metric_history_bulk"):
        histories = {run_id: _by_epoch(client.get_metric_history(run_id, key)) for run_id in run_ids}
        return {run_id: values for run_id, values in histories.items() if values}
    several: dict[str, list[Any]] = {}
    for start in range(0, len(run_ids), AT_ONCE):
        for entry in store.get_metric_history_bulk(list(run_ids[start : start + AT_ONCE]), key, MOST):
            several.setdefault(entry.run_id, []).append(entry)
    return {run_id: _by_epoch(entries) for run_id, entries in several.items()}


def _by_epoch(entries: Sequence[Any]) -> list[float]:
    """Values by step; a step that was written twice counts once, one that is missing is NaN."""
    steps = {entry.step: float(entry.value) for entry in entries}
    return [steps.get(step, math.nan) for step in range(max(steps) + 1)] if steps else []
