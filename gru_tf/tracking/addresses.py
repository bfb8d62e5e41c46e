"""Where in MLflow's dashboard an experiment is: routes of MLflow 3.17, behind the address of its server."""

import json
from typing import Any

MODE = "workflowType=machine_learning"  # the dashboard's views for training; it starts with those for language models
VIEW = "cells"
SHARED = f"mlflow.sharedViewState.{VIEW}"  # an experiment's tag: a view that anyone with the link sees


def runs(experiment_id: str) -> str:
    """The run table."""
    return f"#/experiments/{experiment_id}/runs?{MODE}"


def charts(experiment_id: str) -> str:
    """The charts of the final runs in the view of `view`."""
    return f"{runs(experiment_id)}&compareRunsMode=CHART&viewStateShareKey={VIEW}"


def artifact(experiment_id: str, run_id: str, file: str) -> str:
    """A file of a run."""
    return f"#/experiments/{experiment_id}/runs/{run_id}/artifacts/{file}?{MODE}"


def view(tasks: int) -> str:
    """The final runs, the seeds of each cell on each task as one: their mean in every chart."""
    by = ["task", "cell"] if tasks > 1 else ["cell"]
    state: dict[str, Any] = {
        "searchFilter": 'params.purpose = "final"',
        "groupBy": {"aggregateFunction": "average", "groupByKeys": [{"mode": "param", "groupByData": name} for name in by]},
        "runsHiddenMode": "SHOW_ALL",
    }
    return json.dumps(state)
