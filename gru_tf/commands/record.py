"""The command `gru-tf record`: results that were run into a folder that is kept beside the experiments."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gru_tf.commands.arguments import Store, finished
from gru_tf.commands.console import console, print_line
from gru_tf.commands.waiting import waiting
from gru_tf.foundation import startup

if TYPE_CHECKING:
    from gru_tf.analysis.results import Results

FOLDER = Path("experiments", "results")


@startup.without_garbage_collection()
def record(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="an experiment of which every run has ended", autocompletion=finished)
    ],
    store: Store = None,
    to: Annotated[
        Path, typer.Option("--to", metavar="FOLDER", help="where the folder NAME is written (default: experiments/results)")
    ] = FOLDER,
    second: Annotated[
        str | None,
        typer.Option(
            metavar="SECOND",
            help="the same experiment by other seeds: a store that has it, or its name in the same store",
        ),
    ] = None,
) -> None:
    """Write what was found into experiments/results/NAME: tables, figure, verdicts, protocol, machine, time."""
    with waiting(f"recording '{name}'"):
        from gru_tf.analysis import recorded

        results = _whole(name, store)
        further = None if second is None else _second(results.experiment.name, store, second)
        written = recorded.write(results, to, further)
    print_line(console, f"Written: {written[0].parent} ({', '.join(file.name for file in written)})")


def _whole(name: str, store: str | None) -> "Results":
    """The results of which every run has ended, by the experiment's own file."""
    from gru_tf import suite
    from gru_tf.analysis import recorded
    from gru_tf.experiment import yaml_file

    file = yaml_file.locate(name)
    return recorded.expect_whole(suite.results(file.stem, store), suite.load(file))


def _second(name: str, store: str | None, second: str) -> "Results":
    """Of the same name in another store, or of another name in the same one; it need have no file."""
    from gru_tf import suite
    from gru_tf.analysis import recorded

    results = suite.results(name, second) if ":" in second else suite.results(second, store)
    return recorded.expect_whole(results, results.experiment)
