"""What the parent run carries of an answer: names that MLflow takes, each of one thing, and none of an earlier answer."""

from types import SimpleNamespace
from typing import Any

import pytest
from made_evidence import SCORES, experiment, results
from mlflow.utils.validation import _validate_metric_name, _validate_tag_name

from gru_tf.analysis.answer import Line
from gru_tf.analysis.evidence import gather
from gru_tf.suite.tracking import description


class Client:
    """Keeps what is logged."""

    def __init__(self, **tags: str) -> None:
        self.tags, self.metrics = dict(tags), dict[str, float]()

    def get_run(self, _: str) -> Any:
        return SimpleNamespace(data=SimpleNamespace(tags=dict(self.tags)))

    def delete_tag(self, _: str, name: str) -> None:
        del self.tags[name]

    def log_batch(self, _: str, metrics: Any = (), tags: Any = ()) -> None:
        for metric in metrics:
            _validate_metric_name(metric.key)
            assert metric.key not in self.metrics, "one name for two means"
            self.metrics[metric.key] = metric.value
        for tag in tags:
            _validate_tag_name(tag.key)
            self.tags[tag.key] = tag.value


def test_means_and_lines_are_there_and_lines_of_before_are_not() -> None:
    one, client = experiment(), Client(**{"answer.2": "1 of 6 seeds have not finished", "mine": "kept"})
    record = SimpleNamespace(client=client, uri="", experiment_id="1", parent="p")
    description.answer(record, gather(one, results(one)), (Line("digits", "GRU leads", "fast"), Line("", "2 are missing")))
    assert client.tags == {"mine": "kept", "answer.digits": "GRU leads; fast", "answer.1": "2 are missing"}
    assert client.metrics["digits/gru/test_accuracy"] == pytest.approx(sum(SCORES["digits", "gru"]) / 4)
    assert len(client.metrics) == 6


@pytest.mark.parametrize("name", ["km//h", "a/../b", "x/", " (…)", "60 % of µm", "column " * 60])
def test_any_name_of_a_task_is_one_that_mlflow_takes(name: str) -> None:
    part = description._name(name)
    _validate_metric_name(f"{part}/{part}/test_mse")
    _validate_tag_name(f"answer.{part}")
    assert part != description._name(f"{name}, another")
