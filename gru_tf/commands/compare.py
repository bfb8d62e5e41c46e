"""The command `gru-tf compare`: arguments and printing only."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gru_tf.commands import stopping
from gru_tf.commands.arguments import Store
from gru_tf.commands.console import console, print_line
from gru_tf.commands.waiting import waiting
from gru_tf.foundation import option_spelling, startup
from gru_tf.suite.comparison.options import LISTS, OPTIONS, TITLES, TYPES
from gru_tf.suite.comparison.signatures import spelled_out

PROTOCOL = TITLES["comparison"]


def _annotation(name: str) -> Any:
    """The type and the help of an option, as typer takes them."""
    option = OPTIONS[name]
    kind = TYPES[name] if name not in LISTS else str | None if option.commas else list[str] | None
    switch = (option.switch,) if option.switch else ()
    panel = TITLES.get(option.section)
    info = typer.Option(*switch, help=option.help, rich_help_panel=panel, metavar=option.metavar, min=option.least)
    return Annotated[kind, info]


def _by_section() -> list[str]:
    """The options in the order of the panels, which the help shows as they come."""
    sections = ["data", *TITLES]
    return sorted(OPTIONS, key=lambda name: sections.index(OPTIONS[name].section))


def compare(
    data: Annotated[str, typer.Argument(metavar="FILE", help="CSV, TSV, text, Parquet, JSON lines, Excel, NPZ or .ts")],
    *,
    test: Annotated[str | None, typer.Option(metavar="FILE", help="test data (default: a part of FILE)")] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="name in the store (default: FILE's)", rich_help_panel=PROTOCOL)
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="processes; 0 trains in this one", rich_help_panel=PROTOCOL, min=0)
    ] = None,
    store: Store = None,
    write: Annotated[
        Path | None, typer.Option(metavar="FILE.yaml", help="write the experiment for 'gru-tf run', and stop")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="write the predictor into a folder, for 'gru-tf predict'")
    ] = None,
    final: Annotated[
        bool, typer.Option("--final", help="train the recommended model anew on all of the data, to predict")
    ] = False,
    **options: Any,
) -> None:
    """Compare RNN, LSTM and GRU on your own data and recommend one; options you leave out are inferred and listed."""
    from gru_tf.commands import screen
    from gru_tf.commands.output import ask, end, show
    from gru_tf.suite.engine import processes
    from gru_tf.suite.progress.terminal import RunProgress
    from gru_tf.suite.tracking import address, reading

    if write is None:
        address.expect_writable_store(store)
        if workers != 0 and not reading.has(name or Path(data).stem, store):  # else the answer may be there already
            processes.start_server()
    chosen = {option: _split(option, value) for option, value in options.items()}
    with waiting(f"reading {data}"), startup.quiet(), startup.without_garbage_collection():
        from gru_tf import suite
        from gru_tf.suite import comparison
        from gru_tf.suite.comparison import artifact

        if save is not None:
            artifact.expect_new(save)
        with option_spelling.of_commands():
            plan = comparison.plan(data, test=test, name=name, store=store, **chosen)
    ask(plan.experiment)
    console.print(screen.settings(plan.inferences))
    for note in plan.notes:
        print_line(console, note)
    if write is not None:
        comparison.write(plan, write)
        print_line(console, f"Written: {write}. Run it with 'gru-tf run {write}'.")
        return
    console.print()
    progress, results = RunProgress(console, task=False), suite.finished(plan.experiment, store)
    fresh = results is None
    if results is None:
        with stopping.watched(progress), option_spelling.of_commands():
            results = suite.run(plan.experiment, store, workers, progress=progress)
    answer = comparison.Comparison(results, store, plan.inferences)
    if fresh or final or not answer.is_kept:
        with waiting("training on all of the data" if final else "keeping the predictor"), startup.quiet():
            refusal = answer.keep(final)
        if refusal:
            print_line(console, refusal)
    with option_spelling.of_commands():
        show(results, answer.table())
    console.print()
    console.print(screen.recommendation(answer.recommendation))
    console.print()
    if save is not None:
        answer.save(save)
        print_line(console, f"Written: {save}, the predictor. On new data: gru-tf predict {save} FILE")
        console.print()
    console.print("In Python", style="bold")
    for line in answer.lines():
        print_line(console, f"  {line}", style="cyan")
    end(results, progress)


spelled_out(compare, {name: _annotation(name) for name in _by_section()})


def _split(option: str, value: Any) -> Any:
    """Several names from one argument, and None from a list that typer leaves empty."""
    if OPTIONS[option].commas and value is not None:
        return tuple(name.strip() for name in value.split(",") if name.strip())
    return value or None if option in LISTS else value
