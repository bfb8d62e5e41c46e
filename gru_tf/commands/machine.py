"""The commands `gru-tf doctor` and `gru-tf speed`, on what this machine does: arguments and printing only."""

from typing import Annotated

import typer

from gru_tf.commands.arguments import Store, experiments
from gru_tf.commands.arguments import cells as complete_cells
from gru_tf.commands.console import console, print_line
from gru_tf.commands.waiting import waiting
from gru_tf.foundation import startup

FULL, QUICK = 10, 3  # minutes of a whole measurement and of a first impression, which one of 2 cores does not need


def diagnose(
    experiment: Annotated[
        str | None,
        typer.Argument(
            metavar="EXPERIMENT", help="diagnose its cells only (default: every cell)", autocompletion=experiments
        ),
    ] = None,
    measure: Annotated[bool, typer.Option(help="measure the cost of determinism (half a minute)")] = True,
) -> None:
    """Diagnose the environment: versions, devices, kernel paths, known bad combinations, cost of determinism."""
    from gru_tf.experiment import yaml_file

    loaded = yaml_file.load(yaml_file.locate(experiment)) if experiment else None
    with waiting("importing TensorFlow and looking for devices"), startup.quiet():
        from gru_tf.commands import screen_doctor
        from gru_tf.machine import doctor

        examination = doctor.examine(loaded)
    print_line(console, examination.verdict, style="bold")
    console.print()
    for block in screen_doctor.blocks(examination):
        console.print(block, "")
    if measure:
        with waiting("measuring the cost of deterministic kernels, about half a minute"):
            cost = doctor.measure()
        console.print(screen_doctor.determinism(cost))


def measure_speed(
    cells: Annotated[
        str, typer.Option(metavar="NAME,…", help="cells to measure", autocompletion=complete_cells)
    ] = "rnn,lstm,gru",
    units: Annotated[int, typer.Option(min=1, metavar="N", help="units of each cell")] = 64,
    parameters: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="equal parameter budget (default: that of the largest cell)")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, metavar="N", help="batch size")] = 32,
    timesteps: Annotated[int, typer.Option(min=1, metavar="N", help="length of a sequence")] = 100,
    features: Annotated[int, typer.Option(min=1, metavar="N", help="input features per step")] = 32,
    threads: Annotated[int, typer.Option(min=1, metavar="N", help="threads of the computation")] = 1,
    quick: Annotated[bool, typer.Option("--quick", help="a first impression, of fewer paths and points")] = False,
    minutes: Annotated[
        float | None, typer.Option(min=0.1, metavar="MINUTES", help="time limit (default: 10; with --quick 3)")
    ] = None,
    determinism: Annotated[
        bool, typer.Option("--determinism", help="also measure the cost of deterministic kernels")
    ] = False,
    last: Annotated[bool, typer.Option("--last", help="print the latest measurement again, from the store")] = False,
    store: Store = None,
) -> None:
    """Measure training and inference time of every cell and kernel path on this machine."""
    most = minutes or (QUICK if quick else FULL)
    if not last:
        print_line(console, f"Measuring for at most {most:g} minutes; --quick, --cells or --minutes shorten it.")
    with waiting("importing TensorFlow"):
        from gru_tf.commands import screen_speed
        from gru_tf.machine.speed import running

    if last:
        with waiting("reading the latest measurement"), startup.quiet():  # what was not measured is sized by TensorFlow
            findings = running.last(store)
            tables = list(screen_speed.tables(findings))
    else:
        sizes = {"units": units, "parameters": parameters, "batch": batch, "timesteps": timesteps, "features": features}
        spec = running.ask(cells, **sizes, threads=threads, quick=quick, determinism=determinism)
        with screen_speed.CaseProgress(console) as progress:
            findings = running.run(spec, store, progress, most)
        tables = list(screen_speed.tables(findings))
    for table in tables:
        console.print(table)
    for line in screen_speed.notes(findings):
        print_line(console, line)
    if findings.failures:
        raise typer.Exit(1)
