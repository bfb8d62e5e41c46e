"""The command `gru-tf`: arguments and printing only."""

import errno
import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.text import Text

from gru_tf import cli_interchange, garbage, screen, silence
from gru_tf.errors import UserError

if TYPE_CHECKING:
    from gru_tf.experiment import Experiment
    from gru_tf.suite import Results
    from gru_tf.table import Row

app = typer.Typer(
    name="gru-tf",
    help="RNN, LSTM or GRU, for my data, at what cost? Fair, tuned, tracked comparisons in Keras.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
console = Console()
INTERRUPTED = 130  # what typer makes of Ctrl-C
MISSING = "refuse (default), drop, forward, interpolate, mean"
FULL = (errno.ENOSPC, errno.EDQUOT)
Store = Annotated[
    str | None, typer.Option("--store", metavar="URI", help="MLflow tracking URI (default: ./mlruns/mlflow.db)")
]


@app.command()
def run(
    experiment: Annotated[str, typer.Argument(metavar="FILE|NAME", help="a YAML file, or a name from 'gru-tf list'")],
    store: Store = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="processes; 0 trains in this one (default: one a GPU or core)")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="threads of each process")] = 1,
    engine: Annotated[str, typer.Option(help="local, serial or ray")] = "local",
    address: Annotated[str | None, typer.Option(help="of a Ray cluster (default: started on this machine)")] = None,
    time_limit: Annotated[float | None, typer.Option(min=0, metavar="SECONDS", help="for one run (default: none)")] = None,
) -> None:
    """Run an experiment, or what is left of it, and print its table."""
    from gru_tf import experiment_file
    from gru_tf.engine import processes

    file = experiment_file.locate(experiment)
    loaded = experiment_file.load(file)
    if engine == "local" and workers != 0:
        processes.start_server()
    _ask(loaded)
    with screen.RunProgress(console) as progress:
        with garbage.paused():
            from gru_tf import suite

        made = suite.engine_for(loaded, engine, workers, threads, time_limit, address)
        found = suite.run(file, store, engine=made, progress=progress)
    _show(found)
    _conclude(found)
    _end(found)


FORECAST, SEQUENCES, TEXTS, PROTOCOL = "A forecast", "Sequences", "Texts", "The comparison"


def _option(help_: str, panel: str, metavar: str, *names: str, least: int | None = None) -> Any:
    return typer.Option(*names, help=help_, rich_help_panel=panel, metavar=metavar, min=least)


@app.command()
def compare(
    data: Annotated[str, typer.Argument(metavar="FILE", help="CSV, TSV, Parquet, NPZ or .ts")],
    test: Annotated[str | None, typer.Option(metavar="FILE", help="to test on (default: a part of FILE)")] = None,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="forecast, class, value or text")] = None,
    missing: Annotated[str | None, typer.Option(metavar="HOW", help=f"values: {MISSING}")] = None,
    group: Annotated[str | None, typer.Option(metavar="COLUMN", help="separate series; or what no splits share")] = None,
    target: Annotated[list[str] | None, _option("to foretell; repeatable", FORECAST, "COLUMN")] = None,
    time: Annotated[str | None, _option("of times", FORECAST, "COLUMN")] = None,
    covariates: Annotated[str | None, _option("further inputs", FORECAST, "COLUMN,…")] = None,
    window: Annotated[int | None, _option("steps that are seen", FORECAST, "N", least=1)] = None,
    horizon: Annotated[int | None, _option("steps that are foretold", FORECAST, "N", least=1)] = None,
    stride: Annotated[int | None, _option("one window in N trains", FORECAST, "N", least=1)] = None,
    season: Annotated[int | None, _option("steps of a season; 0 for none", FORECAST, "N", least=0)] = None,
    relative: Annotated[
        bool | None, _option("foretell the change, or the value", FORECAST, "", "--relative/--absolute")
    ] = None,
    label: Annotated[str | None, _option("what is to be said", SEQUENCES, "COLUMN")] = None,
    id_: Annotated[str | None, _option("equal in all rows of a sequence", SEQUENCES, "COLUMN", "--id")] = None,
    order: Annotated[str | None, _option("of a sequence's rows", SEQUENCES, "COLUMN")] = None,
    features: Annotated[str | None, _option("inputs (default: all other columns)", SEQUENCES, "COLUMN,…")] = None,
    text: Annotated[str | None, _option("of the texts; with --label", TEXTS, "COLUMN")] = None,
    cells: Annotated[str | None, _option("from 'gru-tf list' (default: rnn,lstm,gru)", PROTOCOL, "NAME,…")] = None,
    parameters: Annotated[int | None, _option("budget of each network", PROTOCOL, "N", least=1)] = None,
    units: Annotated[int | None, _option("size of its state, in place of a budget", PROTOCOL, "N", least=1)] = None,
    trials: Annotated[int | None, _option("of each cell's search; 0 for none", PROTOCOL, "N", least=0)] = None,
    seeds: Annotated[int | None, _option("final trainings of each cell", PROTOCOL, "N", least=1)] = None,
    epochs: Annotated[int | None, _option("of each training, at most", PROTOCOL, "N", least=1)] = None,
    batch_size: Annotated[int | None, _option("sequences a step", PROTOCOL, "N", least=1)] = None,
    name: Annotated[str | None, _option("in the store (default: the file's)", PROTOCOL, "NAME")] = None,
    workers: Annotated[int | None, _option("processes; 0 trains in this one", PROTOCOL, "N", least=0)] = None,
    store: Store = None,
    write: Annotated[
        Path | None, typer.Option(metavar="FILE.yaml", help="write the experiment for 'gru-tf run', and stop")
    ] = None,
) -> None:
    """Compare RNN, LSTM and GRU on your own data and recommend one; what you leave out is guessed, and said."""
    from gru_tf.engine import processes

    if workers != 0 and write is None:
        processes.start_server()
    given: dict[str, Any] = {
        "kind": kind,
        "missing": missing,
        "group": group,
        "time": time,
        "window": window,
        "horizon": horizon,
    }
    given |= {"stride": stride, "season": season, "relative": relative, "label": label, "id": id_, "order": order}
    given |= {"text": text, "parameters": parameters, "units": units, "trials": trials, "seeds": seeds, "epochs": epochs}
    given |= {"batch_size": batch_size, "target": tuple(target) if target else None}
    lists = {"covariates": covariates, "features": features, "cells": cells}
    with silence.startup(), garbage.paused():
        from gru_tf import comparison

        plan = comparison.plan(data, test=test, name=name, **given, **{k: _listed(v) for k, v in lists.items()})
    _ask(plan.experiment)
    console.print(screen.guesses(plan.said))
    for note in plan.notes:
        console.print(note, soft_wrap=True, markup=False, highlight=False)
    if write is not None:
        comparison.write(plan, write)
        console.print(f"Written: {write}. It is run by 'gru-tf run {write}'.", soft_wrap=True, markup=False)
        return
    console.print()
    with screen.RunProgress(console, task=False) as progress:
        from gru_tf import suite

        found = suite.run(plan.experiment, store, workers, progress=progress)
    answer = comparison.conducted(plan, found, store)
    _show(found, answer.table())
    console.print()
    console.print(screen.recommendation(answer.recommendation))
    console.print()
    console.print("In Python", style="bold")
    for line in answer.lines():
        console.print(f"  {line}", soft_wrap=True, markup=False, highlight=False, style="cyan")
    _end(found)


def _listed(names: str | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(name.strip() for name in names.split(",") if name.strip())


def _end(found: "Results") -> None:
    """Exit code 1 where a run failed."""
    if any(r.status == "failed" for r in found.runs):
        console.print("Some runs failed; the same command tries these again.")
        raise typer.Exit(1)


@app.command()
@garbage.paused()
def results(
    name: Annotated[str, typer.Argument(help="an experiment that was run")],
    store: Store = None,
    form: Annotated[
        Literal["table", "csv", "json", "markdown", "latex"],
        typer.Option("--format", help="csv: a line a run; json: all that is known; the others: the table"),
    ] = "table",
) -> None:
    """Print an experiment's table again, or its results in another format, from the store alone."""
    from gru_tf import suite

    found = suite.results(name, store)
    if form != "table":
        typer.echo(found.text(form).encode(), nl=False)  # UTF-8 on every machine, and nothing else
        return
    _ask(found.experiment)
    _show(found)
    _conclude(found)


def _ask(experiment: "Experiment") -> None:
    console.print(Text.assemble((experiment.name, "bold"), f": {experiment.question}"), soft_wrap=True)


def _show(found: "Results", rows: "list[Row] | None" = None) -> None:
    rows = found.table() if rows is None else rows
    for block in screen.tables(found.experiment, rows):
        console.print("", block)
    console.print()
    for line in screen.notes(found.experiment, rows, found.earlier):
        console.print(line, soft_wrap=True, markup=False)  # an error may hold what rich takes for a style


def _conclude(found: "Results") -> None:
    """The answer, the verdicts on claims, and published numbers beside ours."""
    from gru_tf import answer, claims, published

    console.print()
    for sentence in answer.answer(found.evidence):
        console.print(Text(sentence))
    for blocks in (
        screen.verdicts(claims.judge(found.experiment, found.runs)),
        screen.published(published.beside(found.experiment, found.runs)),
    ):
        for number, block in enumerate(blocks):
            console.print(*([] if number else [""]), block, sep="\n")


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
def doctor(
    experiment: Annotated[
        str | None, typer.Argument(metavar="[FILE|NAME]", help="what would train each of its cells  [every cell]")
    ] = None,
    measure: Annotated[bool, typer.Option(help="measure what determinism costs, half a minute")] = True,
) -> None:
    """Say what will run where and why: versions, devices, kernel paths, known bad combinations, determinism."""
    from gru_tf import doctor as the_doctor
    from gru_tf import experiment_file

    loaded = experiment_file.load(experiment_file.locate(experiment)) if experiment else None
    with silence.startup():
        blocks = list(the_doctor.examine(loaded))
    for block in blocks:
        console.print(block, "")
    if measure:
        with console.status("measuring what deterministic kernels cost"):
            cost = the_doctor.measure()
        console.print(cost)


@app.command()
def speed(
    cells: Annotated[str, typer.Option(metavar="NAME,…", help="whose speed")] = "rnn,lstm,gru",
    units: Annotated[int, typer.Option(min=1, help="size of each state")] = 64,
    parameters: Annotated[int | None, typer.Option(min=1, help="equal budget  [the largest cell's]")] = None,
    batch: Annotated[int, typer.Option(min=1, help="sequences a step")] = 32,
    timesteps: Annotated[int, typer.Option(min=1, help="length of a sequence")] = 100,
    features: Annotated[int, typer.Option(min=1, help="size of one step's input")] = 32,
    threads: Annotated[int, typer.Option(min=1, help="threads of the computation")] = 1,
    quick: Annotated[bool, typer.Option("--quick", help="a first impression in half a minute")] = False,
    determinism: Annotated[bool, typer.Option("--determinism", help="also what deterministic kernels cost")] = False,
    last: Annotated[bool, typer.Option("--last", help="print the latest measurement again, from the store")] = False,
    store: Store = None,
) -> None:
    """Measure training and inference time of every cell and kernel path on this machine."""
    from gru_tf.speed import conduct
    from gru_tf.speed import screen as speed_screen

    if last:
        found = conduct.last(store)
    else:
        sizes = {"units": units, "parameters": parameters, "batch": batch, "timesteps": timesteps, "features": features}
        asked = conduct.ask(cells, **sizes, threads=threads, quick=quick, determinism=determinism)
        with speed_screen.CaseProgress(console) as progress:
            found = conduct.run(asked, store, progress)
    for table in speed_screen.tables(found):
        console.print(table)
    for line in speed_screen.notes(found):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if found.failures:
        raise typer.Exit(1)


@app.command()
@garbage.paused()
def report(
    name: Annotated[str, typer.Argument(help="an experiment that was run, also in part")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE.html", help="the page (default: NAME.html)")
    ] = None,
    figures: Annotated[Path | None, typer.Option(metavar="DIR", help="also every figure as SVG, here")] = None,
    store: Store = None,
) -> None:
    """Write an experiment's results as one self-contained page, from the store alone."""
    from gru_tf import report as the_report
    from gru_tf import suite

    found = suite.results(name, store)
    file = the_report.write(found, output or Path(f"{name}.html"), figures)
    console.print(f"Written: {file}{f', and figures in {figures}' if figures else ''}", soft_wrap=True, markup=False)


@app.command()
def ui(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="an experiment  [the last one run]")] = None,
    store: Store = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="port on this machine")] = 5000,
    browser: Annotated[bool, typer.Option(help="open the dashboard in a browser")] = True,
) -> None:
    """Open the MLflow dashboard on the store, at an experiment."""
    from gru_tf import dashboard

    raise typer.Exit(dashboard.serve(store, port, browser, _line, name))


app.command(name="import")(cli_interchange.import_)
app.command(name="export")(cli_interchange.export)


def _line(text: str) -> None:
    """One line as it is: an address must not be broken at the edge of the terminal."""
    console.print(text, soft_wrap=True, markup=False, highlight=False)


def main() -> None:
    """Entry point: a user's mistake and a full disk are one line and exit code 2, Ctrl-C is 130."""
    try:
        status = app(standalone_mode=False)
    except UserError as error:
        status = _complain(str(error))
    except OSError as error:
        if error.errno not in FULL:
            raise
        status = _complain(f"{error.strerror}: {error.filename}. What is done is kept; the same command goes on.")
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        message = _sentence(error.format_message())  # "" where the help was printed instead
        status = _complain(f"{message} Try '{context.command_path if context else 'gru-tf'} --help'.") if message else 2
    if status == INTERRUPTED:
        _complain("stopped. What is done is kept; the same command goes on from there.")
    gc.freeze()  # the process ends: its last collection takes a second and frees nothing that the system does not
    sys.exit(status)


def _sentence(said: str) -> str:
    """What typer or pydantic says, in one line that ends as a sentence does; "" stays what it is."""
    line = " ".join(said.split()).replace("Value error, ", "")
    return line if line.endswith((".", "?", "!")) or not line else f"{line}."


def _complain(message: str) -> int:
    Console(stderr=True).print(f"gru-tf: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    return 2


if __name__ == "__main__":
    main()
