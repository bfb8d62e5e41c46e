"""The command `gru-tf predict`: arguments and printing only."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from gru_tf.commands.arguments import Store, finished, models
from gru_tf.commands.console import print_line
from gru_tf.commands.waiting import waiting
from gru_tf.foundation import atomic_file, startup
from gru_tf.foundation.errors import UserError

if TYPE_CHECKING:
    from gru_tf.suite.comparison.predictor import Predictor


def predict(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="a comparison that was run, or a predictor's folder", autocompletion=finished),
    ],
    data: Annotated[str, typer.Argument(metavar="FILE", help="new data, in the form of training's")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE.csv", help="write to this file (default: print)")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="a cell or a baseline of its table (default: the recommended one)", autocompletion=models
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="overwrite an existing file")] = False,
    store: Store = None,
) -> None:
    """Predict for new data with the model that a comparison recommends, as CSV."""
    if output is not None and output.exists() and not force:
        raise UserError(f"{output}: already exists; it is not overwritten without --force")
    if output is not None:
        atomic_file.expect_folder(output)
    with (
        waiting(f"loading the model of '{name}'", Console(stderr=True)),
        startup.quiet(),
        startup.without_garbage_collection(),
    ):
        predictor = _predictor(name, store, model)
        with warnings.catch_warnings(record=True) as noted:
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", UserWarning)
            predicted = predictor.predict(data)
    for message in dict.fromkeys(str(warning.message) for warning in noted):
        print_line(Console(stderr=True), message)
    print_line(Console(stderr=True), f"Predicted by {predictor}.")
    text = predicted.to_csv(index=False, lineterminator="\n").encode()
    if output is None:
        typer.echo(text, nl=False)  # UTF-8 on every machine, and nothing else
        return
    try:
        atomic_file.write(output, text)
    except OSError as error:
        raise UserError(f"{output}: {error.strerror}") from error
    print_line(Console(stderr=True), f"Written: {output}")


def _predictor(name: str, store: str | None, model: str | None) -> "Predictor":
    """Of a comparison in the store, or in a folder that `Comparison.save` or `gru-tf compare --save` wrote."""
    from gru_tf.suite.comparison import artifact, compared

    if not artifact.is_one(name):
        return compared(name, store).predictor(model)
    if model is not None:
        raise UserError(f"--model: expected a comparison in the store. Received: {name}, the folder of one predictor")
    return artifact.load(name)
