"""The command `gru-tf`: arguments and printing only."""

import errno
import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.text import Text

from gru_tf import garbage, screen, silence
from gru_tf.errors import UserError

if TYPE_CHECKING:
    from gru_tf.experiment import Experiment
    from gru_tf.suite import Results

app = typer.Typer(
    name="gru-tf",
    help="RNN, LSTM or GRU, for my data, at what cost? Fair, tuned, tracked comparisons in Keras.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
console = Console()
INTERRUPTED = 130  # what typer makes of Ctrl-C
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
    _end(found)


FORECAST, SEQUENCES, TEXTS, PROTOCOL = "A forecast", "Sequences", "Texts", "The comparison"


@app.command()
def compare(
    data: Annotated[str, typer.Argument(metavar="FILE", help="CSV, TSV, Parquet, NPZ or .ts")],
    test: Annotated[str | None, typer.Option(metavar="FILE", help="to test on  [a part of FILE]")] = None,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="forecast, class, value or text")] = None,
    missing: Annotated[
        str | None, typer.Option(metavar="HOW", help="refuse, drop, forward, interpolate or mean  [refuse]")
    ] = None,
    group: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="independent series; or what no two splits share")
    ] = None,
    target: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="to foretell; repeatable", rich_help_panel=FORECAST)
    ] = None,
    time: Annotated[str | None, typer.Option(metavar="COLUMN", help="of times", rich_help_panel=FORECAST)] = None,
    covariates: Annotated[
        str | None, typer.Option(metavar="COLUMN,…", help="further inputs", rich_help_panel=FORECAST)
    ] = None,
    window: Annotated[int | None, typer.Option(min=1, help="steps that are seen", rich_help_panel=FORECAST)] = None,
    horizon: Annotated[int | None, typer.Option(min=1, help="steps ahead", rich_help_panel=FORECAST)] = None,
    stride: Annotated[int | None, typer.Option(min=1, help="one window in so many trains", rich_help_panel=FORECAST)] = None,
    season: Annotated[int | None, typer.Option(min=0, help="steps of a season; 0: none", rich_help_panel=FORECAST)] = None,
    relative: Annotated[
        bool | None, typer.Option("--relative/--absolute", help="foretell the change, or values", rich_help_panel=FORECAST)
    ] = None,
    label: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="what is to be said of one", rich_help_panel=SEQUENCES)
    ] = None,
    id_: Annotated[
        str | None, typer.Option("--id", metavar="COLUMN", help="equal in the rows of one", rich_help_panel=SEQUENCES)
    ] = None,
    order: Annotated[str | None, typer.Option(metavar="COLUMN", help="of its rows", rich_help_panel=SEQUENCES)] = None,
    features: Annotated[
        str | None, typer.Option(metavar="COLUMN,…", help="inputs  [all others]", rich_help_panel=SEQUENCES)
    ] = None,
    text: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="of the texts; with --label", rich_help_panel=TEXTS)
    ] = None,
    cells: Annotated[str | None, typer.Option(metavar="NAME,…", help="[rnn,lstm,gru]", rich_help_panel=PROTOCOL)] = None,
    parameters: Annotated[int | None, typer.Option(min=1, help="budget of each network", rich_help_panel=PROTOCOL)] = None,
    units: Annotated[int | None, typer.Option(min=1, help="or the size of its state", rich_help_panel=PROTOCOL)] = None,
    trials: Annotated[int | None, typer.Option(min=0, help="of each search; 0: none", rich_help_panel=PROTOCOL)] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="final trainings of each cell", rich_help_panel=PROTOCOL)] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="at most, of each training", rich_help_panel=PROTOCOL)] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="sequences a step", rich_help_panel=PROTOCOL)] = None,
    name: Annotated[str | None, typer.Option(help="in the store  [the file's]", rich_help_panel=PROTOCOL)] = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="processes; 0 trains in this one", rich_help_panel=PROTOCOL)
    ] = None,
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
    with screen.RunProgress(console) as progress:
        from gru_tf import suite

        found = suite.run(plan.experiment, store, workers, progress=progress)
    _show(found)
    answer = comparison.conducted(plan, found, store)
    console.print("", screen.recommendation(answer.recommendation, answer.lines()))
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
def results(name: Annotated[str, typer.Argument(help="an experiment that was run")], store: Store = None) -> None:
    """Print an experiment's table again, from the store alone."""
    from gru_tf import suite

    found = suite.results(name, store)
    _ask(found.experiment)
    _show(found)


def _ask(experiment: "Experiment") -> None:
    console.print(Text.assemble((experiment.name, "bold"), f": {experiment.question}"), soft_wrap=True)


def _show(found: "Results") -> None:
    for block in screen.tables(found.experiment, found.table()):
        console.print("", block)
    console.print()
    for line in screen.notes(found.experiment, found.table(), found.earlier):
        console.print(line, soft_wrap=True, markup=False)  # an error may hold what rich takes for a style


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
def ui(
    store: Store = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="port on this machine")] = 5000,
    browser: Annotated[bool, typer.Option(help="open the dashboard in a browser")] = True,
) -> None:
    """Open the MLflow dashboard on the store."""
    from gru_tf import dashboard

    raise typer.Exit(dashboard.serve(store, port, browser, console.print))


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
        message = (
            " ".join(error.format_message().split()).replace("Value error, ", "").rstrip(".")
        )  # "" where the help was printed instead
        status = _complain(f"{message}. Try '{context.command_path if context else 'gru-tf'} --help'.") if message else 2
    if status == INTERRUPTED:
        _complain("stopped. What is done is kept; the same command goes on from there.")
    gc.freeze()  # the process ends: its last collection takes a second and frees nothing that the system does not
    sys.exit(status)


def _complain(message: str) -> int:
    Console(stderr=True).print(f"gru-tf: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    return 2


if __name__ == "__main__":
    main()
