"""The command `gru-tf compare`: arguments and printing only."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gru_tf.commands import screen
from gru_tf.commands.output import Store, ask, console, end, show
from gru_tf.foundation import startup

MISSING = "refuse (default), drop, forward, interpolate, mean"
FORECAST, SEQUENCES, TEXTS, PROTOCOL = "A forecast", "Sequences", "Texts", "The comparison"


def _option(help_: str, panel: str, metavar: str, *names: str, least: int | None = None) -> Any:
    return typer.Option(*names, help=help_, rich_help_panel=panel, metavar=metavar, min=least)


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
    from gru_tf.suite.engine import processes

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
    with startup.quiet(), startup.without_garbage_collection():
        from gru_tf.suite import comparison

        plan = comparison.plan(data, test=test, name=name, **given, **{k: _listed(v) for k, v in lists.items()})
    ask(plan.experiment)
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
    show(found, answer.table())
    console.print()
    console.print(screen.recommendation(answer.recommendation))
    console.print()
    console.print("In Python", style="bold")
    for line in answer.lines():
        console.print(f"  {line}", soft_wrap=True, markup=False, highlight=False, style="cyan")
    end(found)


def _listed(names: str | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(name.strip() for name in names.split(",") if name.strip())
