"""Options that several commands have, and what a shell completes their arguments to."""

from typing import Annotated

import typer

from gru_tf.foundation.catalogues import BASELINES, CELLS
from gru_tf.foundation.errors import UserError

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


MOST_SEEDS = 10_000  # that a range names: a slip of the finger names more


def seeds_of(text: str) -> list[int]:
    """The seeds that `--seeds` names: a range such as 100-109, or several numbers and ranges with commas between.

    Raises:
        UserError: for anything else, a number by itself among it: in a file it is a count.
    """
    parts = [part.strip().split("-") for part in text.split(",")]
    numbers = all(len(part) <= 2 and all(end.isascii() and end.isdigit() for end in part) for part in parts)
    if not numbers or len(parts) == len(parts[0]) == 1 or max(len(end) for part in parts for end in part) > 10:
        raise UserError(f"--seeds: received '{text}', expected a range or a list, such as 100-109 or 1,2,5")
    ranges = [range(int(part[0]), int(part[-1]) + 1) for part in parts]
    if not all(ranges) or sum(map(len, ranges)) > MOST_SEEDS:
        expected = f"at most {MOST_SEEDS:,} seeds, the smaller end of a range first"
        raise UserError(f"--seeds: received '{text}', expected {expected}")
    return [seed for each in ranges for seed in each]
