"""The commands `gru-tf doctor` and `gru-tf speed`, on what this machine does: arguments and printing only."""

from typing import Annotated

import typer

from gru_tf.commands.output import Store, console
from gru_tf.foundation import startup


def doctor(
    experiment: Annotated[
        str | None, typer.Argument(metavar="[FILE|NAME]", help="what would train each of its cells  [every cell]")
    ] = None,
    measure: Annotated[bool, typer.Option(help="measure what determinism costs, half a minute")] = True,
) -> None:
    """Say what will run where and why: versions, devices, kernel paths, known bad combinations, determinism."""
    from gru_tf.commands import screen_doctor as doctor_screen
    from gru_tf.experiment import yaml_file
    from gru_tf.machine import doctor as the_doctor

    loaded = yaml_file.load(yaml_file.locate(experiment)) if experiment else None
    with startup.quiet():
        examination = the_doctor.examine(loaded)
    for block in doctor_screen.blocks(examination):
        console.print(block, "")
    if measure:
        with console.status("measuring what deterministic kernels cost"):
            cost = the_doctor.measure()
        console.print(doctor_screen.determinism(cost))


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
    from gru_tf.commands import screen_speed as speed_screen
    from gru_tf.machine.speed import running

    if last:
        found = running.last(store)
    else:
        sizes = {"units": units, "parameters": parameters, "batch": batch, "timesteps": timesteps, "features": features}
        asked = running.ask(cells, **sizes, threads=threads, quick=quick, determinism=determinism)
        with speed_screen.CaseProgress(console) as progress:
            found = running.run(asked, store, progress)
    for table in speed_screen.tables(found):
        console.print(table)
    for line in speed_screen.notes(found):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if found.failures:
        raise typer.Exit(1)
