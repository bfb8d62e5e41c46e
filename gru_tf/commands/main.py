"""The command `gru-tf`: arguments and printing only."""

import gc
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from gru_tf.commands import compare, import_export, machine, mistakes, predict, record, stopping
from gru_tf.commands.arguments import Store, experiments, finished, seeds_of
from gru_tf.commands.console import console, print_line
from gru_tf.commands.placeholders import PlainCommand, PlainGroup
from gru_tf.commands.waiting import waiting
from gru_tf.foundation import atomic_file, signals, startup
from gru_tf.foundation.errors import UserError

app = typer.Typer(
    name="gru-tf",
    cls=PlainGroup,
    help="RNN, LSTM or GRU, for my data, at what cost? Fair, tuned, tracked comparisons in Keras.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
INTERRUPTED = 130  # what typer makes of Ctrl-C


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print_line(console, f"gru-tf {version('gru-tf')}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """What stands before any command."""


@app.command(cls=PlainCommand, epilog="Example: gru-tf run quickstart")
def run(
    experiment: Annotated[
        str,
        typer.Argument(metavar="EXPERIMENT", help="a YAML file, or a name from 'gru-tf list'", autocompletion=experiments),
    ],
    store: Store = None,
    workers: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="processes; 0 trains in this one (default: one per GPU or core)")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, metavar="N", help="threads of each process")] = 1,
    engine: Annotated[Literal["local", "serial", "ray"], typer.Option(help="execution engine")] = "local",
    address: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="address of a Ray cluster (default: start one on this machine)")
    ] = None,
    time_limit: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="time limit per run (default: none)")
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(metavar="SEEDS", help="others than the file's, such as 100-109 or 1,2,5, in a store of their own"),
    ] = None,
) -> None:
    """Run an experiment, or the rest of it, and print its table."""
    from gru_tf.commands.output import ask, conclude, end, show
    from gru_tf.experiment import yaml_file
    from gru_tf.suite.engine import processes
    from gru_tf.suite.progress.terminal import RunProgress
    from gru_tf.suite.tracking.address import expect_writable_store

    others = {} if seeds is None else {"seeds": seeds_of(seeds)}
    loaded = yaml_file.load(yaml_file.locate(experiment), **others)
    from gru_tf import suite

    if seeds is not None:
        suite.expect_alone(loaded, store)
    ask(loaded)
    progress, results = RunProgress(console), suite.finished(suite.load(loaded), store)
    if results is None:
        expect_writable_store(store)
        if engine == "local" and workers != 0:
            processes.start_server()
        with stopping.watched(progress):
            with startup.without_garbage_collection():
                trainer = suite.engine_for(loaded, engine, workers, threads, time_limit, address)
            results = suite.run(loaded, store, engine=trainer, progress=progress)
    show(results)
    conclude(results)
    end(results, progress)


app.command(cls=PlainCommand, epilog="Example: gru-tf compare sales.csv --target sales --season 12")(compare.compare)
app.command(cls=PlainCommand, epilog="Example: gru-tf predict sales new.csv -o forecast.csv")(predict.predict)


@app.command(cls=PlainCommand, name="results", epilog="Example: gru-tf results quickstart --format csv > runs.csv")
@startup.without_garbage_collection()
def print_results(
    name: Annotated[str, typer.Argument(metavar="NAME", help="an experiment that was run", autocompletion=finished)],
    store: Store = None,
    form: Annotated[
        Literal["table", "csv", "json", "markdown", "latex"],
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="table, markdown or latex: the table; csv: one line per run; json: everything",
        ),
    ] = "table",
) -> None:
    """Print an experiment's table again, or its results in another format, without retraining."""
    with waiting(f"reading '{name}'"):
        from gru_tf import suite

        results = suite.results(name, store)
    if form != "table":
        typer.echo(results.text(form).encode(), nl=False)  # UTF-8 on every machine, and nothing else
        return
    from gru_tf.commands.output import ask, conclude, show

    ask(results.experiment)
    show(results)
    conclude(results)


@app.command(cls=PlainCommand, name="list", epilog="Example: gru-tf list cells")
def list_(
    kind: Annotated[
        Literal["cells", "tasks", "baselines", "experiments"] | None,
        typer.Argument(metavar="KIND", help="cells, tasks, baselines or experiments (default: all)"),
    ] = None,
) -> None:
    """List cells, tasks, baselines and experiments."""
    from gru_tf.commands import entries as entries_of
    from gru_tf.commands import listing

    for heading, entries in listing.catalogues(kind):
        console.print(f"[bold]{heading}[/]")
        console.print(entries_of.grid(entries))


@app.command(cls=PlainCommand, epilog="Example: gru-tf check mine.yaml")
def check(
    file: Annotated[str, typer.Argument(metavar="EXPERIMENT", help="a YAML file, or a name", autocompletion=experiments)],
) -> None:
    """Check an experiment file and show the networks that fit its budget."""
    from gru_tf.experiment import yaml_file

    loaded = yaml_file.load(yaml_file.locate(file))
    from gru_tf import suite
    from gru_tf.commands import screen

    with waiting(f"checking '{loaded.name}'"), startup.quiet():
        sizes = suite.check(loaded)
    for block in screen.sizes(loaded, sizes):
        console.print(block)


app.command(cls=PlainCommand, name="doctor", epilog="Example: gru-tf doctor quickstart --no-measure")(machine.diagnose)
app.command(cls=PlainCommand, name="speed", epilog="Example: gru-tf speed --quick --cells gru,lstm")(machine.measure_speed)


@app.command(cls=PlainCommand, name="report", epilog="Example: gru-tf report quickstart -o quickstart.html")
@startup.without_garbage_collection()
def write_report(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="an experiment that was run, in full or in part", autocompletion=finished)
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE.html", help="the page (default: NAME.html)")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="also write every figure as SVG into this folder")
    ] = None,
    store: Store = None,
) -> None:
    """Write an experiment's results as one self-contained page, without retraining."""
    output = output or Path(f"{name}.html")
    atomic_file.expect_folder(output)
    with waiting(f"writing the report of '{name}'"):
        from gru_tf import suite
        from gru_tf.analysis import report

        results = suite.results(name, store)
        file = report.write(results, output, figures)
    print_line(console, f"Written: {file}{f', and figures in {figures}' if figures else ''}")


app.command(cls=PlainCommand, epilog="Example: gru-tf record quickstart")(record.record)


@app.command(cls=PlainCommand, epilog="Example: gru-tf ui quickstart")
def ui(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="an experiment (default: the last one run)", autocompletion=finished),
    ] = None,
    store: Store = None,
    port: Annotated[int, typer.Option(min=1, max=65535, metavar="PORT", help="port on this machine")] = 5000,
    browser: Annotated[bool, typer.Option(help="open the dashboard in a browser")] = True,
) -> None:
    """Open the MLflow dashboard at an experiment."""
    if name is not None:
        from gru_tf.suite.tracking import reading

        reading.expect(name, store)
    print_line(console, "Starting the dashboard; the first time takes up to a minute.")
    with ExitStack() as start:
        start.enter_context(waiting("starting the dashboard"))
        from gru_tf.suite.tracking import dashboard

        def tell(line: str) -> None:
            start.close()
            print_line(console, line)

        raise typer.Exit(dashboard.serve(store, port, browser, tell, name))


app.command(cls=PlainCommand, name="import", epilog="Example: gru-tf import encoder.pt -o encoder.keras")(
    import_export.import_
)
app.command(cls=PlainCommand, name="export", epilog="Example: gru-tf export model.keras -o model.onnx")(import_export.export)


def main() -> None:
    """Entry point: a user's mistake, a full disk, a place that cannot be: one line and code 2; Ctrl-C 130, SIGTERM 143."""
    signals.listen()
    try:
        status = app(standalone_mode=False)
    except KeyboardInterrupt:  # outside of what typer watches
        status = INTERRUPTED
    except UserError as error:
        status = _complain(str(error))
    except OSError as error:
        message = mistakes.of_a_place(error)
        if not message:
            raise
        status = _complain(message)
    except typer.TyperException as error:
        message = mistakes.sentence(error)
        status = _complain(message) if message else 2
    if status == INTERRUPTED:
        _complain(f"stopped. {stopping.saved()}".strip())
        status = signals.status(INTERRUPTED)
    gc.freeze()  # the process ends: its last collection takes a second and frees nothing that the system does not
    sys.exit(status)


def _complain(message: str) -> int:
    print_line(Console(stderr=True), f"gru-tf: {message}", style="red")
    return 2


if __name__ == "__main__":
    main()
