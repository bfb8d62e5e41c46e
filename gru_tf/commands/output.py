"""What commands print of an experiment: its question before, its table and its answer after; and where its results are."""

from typing import TYPE_CHECKING

import typer
from rich.text import Text

from gru_tf.commands import screen
from gru_tf.commands.console import console, print_line

if TYPE_CHECKING:
    from gru_tf.analysis.table import Row
    from gru_tf.experiment.experiment import Experiment
    from gru_tf.suite import Results
    from gru_tf.suite.progress.terminal import RunProgress


def ask(experiment: "Experiment") -> None:
    """The question, under the experiment's name."""
    title = Text.assemble((experiment.name, "bold"), f": {experiment.question}")
    console.print(title, soft_wrap=not console.is_terminal)  # in a pipe it stays one line


def show(results: "Results", rows: "list[Row] | None" = None) -> None:
    """The table, and what has to be known to read it; the rows of the results if None."""
    rows = results.table() if rows is None else rows
    for block in screen.tables(results.experiment, rows):
        console.print("", block)
    console.print()
    for line in screen.notes(results.experiment, rows, results.earlier):
        # a terminal would break a line anywhere; in a pipe each note stays one line
        print_line(console, line, wrap=console.is_terminal)


def conclude(results: "Results") -> None:
    """What marks cells, the answer, the verdicts on claims, and published numbers beside ours."""
    from gru_tf.analysis import answer, marked, published, verdicts

    for lines in marked.marked(results.evidence).values():  # the last of the notes
        for line in lines:
            print_line(console, line, wrap=console.is_terminal)
    console.print("", screen.answer(answer.answer(results.evidence)), sep="\n")
    for blocks in (
        screen.verdicts(verdicts.judge(results.evidence, results.runs)),
        screen.published(published.beside(results.experiment, results.runs)),
    ):
        for number, block in enumerate(blocks):
            console.print(*([] if number else [""]), block, sep="\n")


def end(results: "Results", progress: "RunProgress") -> None:
    """How much was done and where to look next, in a line; exit code 1 where a run failed."""
    name = results.experiment.name
    print_line(
        console, f"\n{progress.summed_up(len(results.runs))}. Next: gru-tf report {name}, gru-tf ui {name}", wrap=True
    )
    if any(r.status == "failed" for r in results.runs):
        console.print("Some runs failed; run the same command again to retry them.")
        raise typer.Exit(1)
