"""The runs below an experiment's parent run, a child a result: read, written, and repaired where writing was cut short.

A child's result is written last. A child without it was written only in part and is no result.
"""

from typing import Any

from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient

from gru_tf.experiment.result import RunResult
from gru_tf.suite.tracking import description, example_losses, fields
from gru_tf.suite.tracking.paging import every
from gru_tf.suite.tracking.tags import FAILED, FINGERPRINT, FINISHED, KIND, MEMBER, RESULT, RUNNING, parts, whole


class Children:
    """The children of one parent run; what the server refuses is raised as MLflow raises it.

    Args:
        client: of the store.
        experiment_id: MLflow's, of the experiment that all of them belong to.
        parent: the id of the parent run.
    """

    def __init__(self, client: MlflowClient, experiment_id: str, parent: str):
        self.client, self.experiment_id, self.parent = client, experiment_id, parent

    def find(self, which: str = "") -> list[Any]:
        """Those that an MLflow filter picks, all if it is empty, oldest first; also those written only in part."""
        children = every(
            self.client.search_runs,
            experiment_ids=[self.experiment_id],
            filter_string=" AND ".join(filter(None, [f"tags.`{FINGERPRINT}` != ''", which])),
            order_by=["attributes.start_time ASC"],  # a run tried again takes the place of its failure
        )
        return list(children)

    def mend(self, which: str = f"attributes.status = '{RUNNING}'") -> None:
        """Remove children that were written only in part, and close those that have their result but were not closed."""
        for child in self.find(which):
            if RESULT not in child.data.tags:
                self.client.delete_run(child.info.run_id)
            elif child.info.status == RUNNING:
                self.close(child.info.run_id, RunResult.model_validate_json(whole(child.data.tags, RESULT)))

    def close(self, run_id: str, result: RunResult) -> None:
        """Mark a child as ended, at the time when its run ended."""
        status = FINISHED if result.status == "finished" else FAILED
        self.client.set_terminated(run_id, status, int(1000 * (result.started + result.seconds)))

    def taken(self, result: RunResult) -> str | None:
        """The id of the child that holds exactly this result, None without one; removes children that hold a part of it."""
        same = f"tags.`{FINGERPRINT}` = '{result.run.fingerprint}'"
        self.mend(same)
        there = (child.info.run_id for child in self.find(same) if whole(child.data.tags, RESULT) == _json(result))
        return next(there, None)

    def write(self, result: RunResult, member: str) -> str:
        """Write one child, its result last; returns its id.

        Args:
            result: what is written.
            member: the fingerprint of the definition that asked for it.
        """
        run, start = result.run, int(1000 * result.started)
        tags = {
            "mlflow.parentRunId": self.parent,
            KIND: run.purpose,
            FINGERPRINT: run.fingerprint,
            MEMBER: member,
            **fields.tags(result),
        }
        child = self.client.create_run(self.experiment_id, start_time=start, run_name=fields.name(result), tags=tags)
        run_id = str(child.info.run_id)
        description.inputs(self.client, run_id, [result])
        metrics = [Metric(k, v, start, 0) for k, v in fields.numbers(result).items()]
        for name, values in result.history.items():
            metrics += [Metric(name, value, start, epoch) for epoch, value in enumerate(values)]
        for i in range(0, len(metrics), 1000):
            self.client.log_batch(run_id, metrics=metrics[i : i + 1000])
        for name, text in fields.texts(result).items():
            self.client.log_text(run_id, text, name)
        example_losses.write(self.client, run_id, result)
        params = [Param(k, str(v)) for k, v in fields.params(result).items()]
        self.client.log_batch(run_id, params=params, tags=[RunTag(k, v) for k, v in parts(RESULT, _json(result)).items()])
        self.close(run_id, result)
        return run_id


def _json(result: RunResult) -> str:
    return result.model_dump_json(exclude={"history", "diagnostics", "samples", "losses", "sample_forecasts"})
