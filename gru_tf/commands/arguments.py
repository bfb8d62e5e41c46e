"""Options that several commands have, and what a shell completes their arguments to."""

from typing import Annotated

import typer

from gru_tf.foundation.catalogues import BASELINES, CELLS

Store = Annotated[
    str | None, typer.Option("--store", metavar="URI", help="MLflow tracking URI (default: ./mlruns/mlflow.db)")
]


def experiments(incomplete: str) -> list[str]:
    """Names of experiments that begin so; a shell completes files by itself."""
    from gru_tf.experiment import files

    return [name for name in files.names() if name.startswith(incomplete)]


def finished(incomplete: str) -> list[str]:
    """Names of experiments in the default store that begin so; none where it is a server, which takes seconds to ask."""
    from gru_tf.suite.tracking import reading

    return [name for name in reading.names() if name.startswith(incomplete)]


def models(incomplete: str) -> list[str]:
    """Names of cells and baselines that begin so."""
    return [name for name in (*CELLS.names(), *BASELINES.names()) if name.startswith(incomplete)]


def cells(incomplete: str) -> list[str]:
    """Lists of cells, separated by commas, whose last name begins so."""
    before, comma, last = incomplete.rpartition(",")
    taken = before.split(",")
    return [f"{before}{comma}{name}" for name in CELLS.names() if name.startswith(last) and name not in taken]
