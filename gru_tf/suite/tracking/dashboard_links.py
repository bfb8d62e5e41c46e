"""Where in MLflow's dashboard an experiment is: routes of MLflow 3.17, behind the address of its server."""

import json

MODE = "workflowType=machine_learning"  # the dashboard's views for training; it starts with those for language models
VIEW = "seeds"
ANSWERS = "^(score$|test_|step_ms$|predict_ms$)"  # the metrics whose charts are seen first, a regular expression
SHARED = f"mlflow.sharedViewState.{VIEW}"  # an experiment's tag: a view that anyone with the link sees


def runs(experiment_id: str) -> str:
    """The run table."""
    return f"#/experiments/{experiment_id}/runs?{MODE}"


def run(experiment_id: str, run_id: str) -> str:
    """One run: of a parent its description, which has the answer, and its metrics."""
    return f"#/experiments/{experiment_id}/runs/{run_id}?{MODE}"


def charts(experiment_id: str) -> str:
    """The charts of the final runs in the view of `view`."""
    return f"{runs(experiment_id)}&compareRunsMode=CHART&viewStateShareKey={VIEW}"


def artifact(experiment_id: str, run_id: str, file: str) -> str:
    """A file of a run."""
    return f"#/experiments/{experiment_id}/runs/{run_id}/artifacts/{file}?{MODE}"


def view() -> str:
    """The final runs, those of a cell together: in every chart a bar a seed, in the cell's colour (`fields.tags`).

    Its own groups, a mean a cell, take colours by chance, the same one for two cells. Of the charts those that answer the
    question; the others appear once the field above them is cleared.
    """
    order = {"orderByKey": "params.`cell`", "orderByAsc": True}
    charts = {"runsHiddenMode": "SHOW_ALL", "chartsSearchFilter": ANSWERS}
    return json.dumps({"searchFilter": 'params.purpose = "final"', **order, **charts})
