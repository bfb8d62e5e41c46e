"""Options that several commands have, and what a shell completes their arguments to."""

from typing import Annotated

import typer

Store = Annotated[
    str | None, typer.Option("--store", metavar="URI", help="MLflow tracking URI (default: ./mlruns/mlflow.db)")
]
