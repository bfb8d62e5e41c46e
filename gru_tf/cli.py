"""The command `gru-tf`: arguments and printing only."""

import errno
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from gru_tf import screen, silence
from gru_tf.errors import UserError

if TYPE_CHECKING:
    from gru_tf.suite import Results

app = typer.Typer(
    name="gru-tf",
    help="RNN, LSTM or GRU, for my data, at what cost? Fair, tuned, tracked comparisons in Keras.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
console = Console()
INTERRUPTED = 130
FULL = (errno.ENOSPC, errno.EDQUOT)
Store = Annotated[str | None, typer.Option("--store", metavar="URI", help="MLflow tracking URI  [./mlruns/mlflow.db]")]


@app.command()
def run(
    experiment: Annotated[str, typer.Argument(metavar="FILE|NAME", help="a YAML file, or a name from 'gru-tf list'")],
    store: Store = None,
    workers: Annotated[int | None, typer.Option(min=0, help="processes; 0 trains in this one  [one per core]")] = None,
    threads: Annotated[int, typer.Option(min=1, help="threads of each process")] = 1,
    engine: Annotated[str, typer.Option(help="local, serial or ray")] = "local",
    address: Annotated[str | None, typer.Option(help="of a Ray cluster  [one on this machine]")] = None,
    time_limit: Annotated[float | None, typer.Option(min=0, metavar="SECONDS", help="for one run  [none]")] = None,
) -> None:
    """Run an experiment, or what is left of it, and print its table."""
    from gru_tf import experiment_file

    loaded = experiment_file.load(experiment_file.locate(experiment))
    console.print(f"[bold]{loaded.name}[/]: {loaded.question}")
    with screen.RunProgress(console) as progress:
        from gru_tf import suite

        made = suite.engine_for(loaded, engine, workers, threads, time_limit, address)
        found = suite.run(loaded, store, engine=made, progress=progress)
    _show(found)
    if any(r.status == "failed" for r in found.runs):
        console.print("Some runs failed; the same command tries these again.")
        raise typer.Exit(1)


@app.command()
def results(name: Annotated[str, typer.Argument(help="an experiment that was run")], store: Store = None) -> None:
    """Print an experiment's table again, from the store alone."""
    from gru_tf import suite

    _show(suite.results(name, store))


def _show(found: "Results") -> None:
    for block in screen.tables(found.experiment, found.table()):
        console.print(block)
    for line in screen.notes(found.experiment, found.table()):
        console.print(line, soft_wrap=True)


@app.command(name="list")
def list_(
    kind: Annotated[Literal["cells", "tasks", "experiments"] | None, typer.Argument(help="one kind only")] = None,
) -> None:
    """List cells, tasks and experiments."""
    from gru_tf import listing

    for heading, entries in listing.catalogues(kind):
        console.print(f"[bold]{heading}[/]")
        console.print(screen.entries(entries))


@app.command()
def check(file: Annotated[Path, typer.Argument(help="a YAML file")]) -> None:
    """Check an experiment file and show the networks that its budget gives."""
    from gru_tf import experiment_file

    loaded = experiment_file.load(experiment_file.locate(str(file)))
    with silence.startup():
        from gru_tf import suite

        sizes = suite.check(loaded)
    console.print(screen.sizes(loaded, sizes))


@app.command()
def ui(
    store: Store = None,
    port: Annotated[int, typer.Option(help="port on this machine")] = 5000,
    browser: Annotated[bool, typer.Option(help="open the dashboard in a browser")] = True,
) -> None:
    """Open the MLflow dashboard on the store."""
    from gru_tf import dashboard

    raise typer.Exit(dashboard.serve(store, port, browser, console.print))


def main() -> None:
    """Entry point: a user's mistake and a full disk are one line and exit code 2, Ctrl-C is 130."""
    try:
        app()
    except UserError as error:
        _say(str(error), style="red")
        sys.exit(2)
    except OSError as error:
        if error.errno not in FULL:
            raise
        _say(f"{error.strerror}: {error.filename}. What is done is kept; the same command goes on.", style="red")
        sys.exit(2)
    except (KeyboardInterrupt, SystemExit) as end:  # typer turns Ctrl-C into exit code 130 without a word
        if isinstance(end, SystemExit) and end.code != INTERRUPTED:
            raise
        _say("stopped. What is done is kept; the same command goes on from there.")
        sys.exit(INTERRUPTED)


def _say(message: str, style: str | None = None) -> None:
    Console(stderr=True).print(f"gru-tf: {message}", style=style, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
