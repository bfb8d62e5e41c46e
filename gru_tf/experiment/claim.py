"""One claim about cells as data: `CELL.quantity OP CELL.quantity [on TASK]`, or a number on the right.

A cell is named as in a table, e.g. "gru(reset_after=False)", or by its name alone where one cell has it; so is a task. OP
is one of < > <= >=. Without `on TASK` a claim is about all tasks of the experiment: a count on each, a measured quantity
on average.
"""

import math
import operator
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from gru_tf.experiment.specs import Choice, Published
from gru_tf.foundation.errors import did_you_mean

KINDS = {  # quantities of one kind can be compared
    "parameters": "a count",
    "recurrent_parameters": "a count",
    "seconds_per_step": "a time",
    "compile_seconds": "a time",
    "train_seconds": "a time",
    "predict_seconds": "a time",
    "score": "a score",
    "test": "a metric",
    "chance": "a metric",
}
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
FORM = "'CELL.quantity OP CELL.quantity', OP one of < > <= >=; the right may be a number, and 'on TASK' may follow"
NUMBER = re.compile(r"[-+]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)([eE][-+]?\d+)?")
SENTENCE = re.compile(r"(?P<left>[^<>]+?)\s*(?P<op>[<>]=?)\s*(?P<right>[^<>]+?)(?:\s+on\s+(?P<task>.+))?")


@dataclass(frozen=True)
class Quantity:
    """A quantity of a cell.

    Args:
        cell: its label.
        name: one of KINDS.
    """

    cell: str
    name: str

    @property
    def kind(self) -> str:
        """What it measures."""
        return KINDS[self.name]

    def __str__(self) -> str:
        return f"{self.cell}.{self.name}"


@dataclass(frozen=True)
class Claim:
    """One claim.

    Args:
        text: as written.
        left, right: the quantities to compare; a number on the right is a constant.
        operator: one of OPERATORS.
        tasks: labels of the tasks that it covers; all where it names none.
    """

    text: str
    left: Quantity
    operator: str
    right: Quantity | float
    tasks: tuple[str, ...]

    def holds(self, left: float, right: float) -> bool:
        """Whether it is true for these two values."""
        return OPERATORS[self.operator](left, right)


def parse(text: str, cells: Sequence[Choice], tasks: Sequence[Choice]) -> Claim:
    """A claim about the cells and tasks of an experiment.

    Raises:
        ValueError: for any other text, with the nearest name.
    """
    match = SENTENCE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"received '{text}', expected {FORM}")
    try:
        left, right = _quantity(match["left"], cells), _side(match["right"], cells)
        if isinstance(right, Quantity) and right.kind != left.kind:
            raise ValueError(
                f"{left.name} is {left.kind} and {right.name} {right.kind}: expected two quantities of one kind"
            )
        if left.kind == "a time" and not isinstance(right, Quantity) and right <= 0:
            raise ValueError(f"received {right:g}, expected seconds above 0")
        return Claim(text, left, match["op"], right, _tasks(match["task"], left, tasks))
    except ValueError as error:
        raise ValueError(f"'{text}': {error}") from error


def _side(text: str, cells: Sequence[Choice]) -> Quantity | float:
    if NUMBER.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return _quantity(text, cells)


def _quantity(text: str, cells: Sequence[Choice]) -> Quantity:
    cell, point, name = text.rpartition(".")
    if not point or not cell or NUMBER.fullmatch(text):
        raise ValueError(f"received '{text}', expected CELL.quantity. Quantities: {', '.join(KINDS)}")
    label = named(cell, cells, "cell").label
    if name not in KINDS:
        raise ValueError(f"no quantity is called '{name}'.{did_you_mean(name, KINDS)} Quantities: {', '.join(KINDS)}")
    return Quantity(label, name)


def _tasks(text: str | None, left: Quantity, tasks: Sequence[Choice]) -> tuple[str, ...]:
    if text is not None:
        return (named(text, tasks, "task").label,)
    if left.kind == "a metric" and len(tasks) > 1:  # accuracy and squared error have no common mean
        names = ", ".join(task.title for task in tasks)
        raise ValueError(f"expected 'on TASK' after {left.name}, since each task has its own metric. Tasks: {names}")
    return tuple(task.label for task in tasks)


def named(text: str, choices: Sequence[Choice], kind: str) -> Choice:
    """The choice of this title, or of this name where only one has it; pinning data changes labels, not titles.

    Raises:
        ValueError: where there is none, with the nearest name.
    """
    titles = {_plain(choice.title): choice for choice in choices}
    if _plain(text) in titles:
        return titles[_plain(text)]
    of_name = [choice for choice in choices if choice.name == text.strip()]
    if len(of_name) == 1:
        return of_name[0]
    listed = ", ".join(choice.title for choice in choices)
    if of_name:
        raise ValueError(f"the experiment has several {kind}s called '{text}'. {kind.capitalize()}s: {listed}")
    names = [choice.title for choice in choices] + [choice.name for choice in choices]
    near = did_you_mean(text, names)
    raise ValueError(f"the experiment has no {kind} called '{text}'.{near} {kind.capitalize()}s: {listed}")


def _plain(text: str) -> str:
    return "".join(text.split()).lower()


def check(
    claims: Sequence[str],
    published: Sequence[Published],
    cells: Sequence[Choice],
    tasks: Sequence[Choice],
    baselines: Collection[str] = (),
) -> None:
    """Refuse claims that are none, and claims and published numbers about what the experiment does not have.

    Args:
        claims: texts.
        published: numbers.
        cells: of the experiment.
        tasks: of the experiment.
        baselines: names of those that it may fit, which a published number can be of as well.

    Raises:
        ValueError: with the place of the first one, and what is wrong.
    """
    for place, text in enumerate(claims):
        try:
            parse(text, cells, tasks)
        except ValueError as error:
            raise ValueError(f"claims[{place}]: {error}") from error
    for place, number in enumerate(published):
        for kind, name, choices in (("task", number.task, tasks), ("cell", number.cell, cells)):
            try:
                if kind == "task" or name.strip() not in baselines:
                    named(name, choices, kind)
            except ValueError as error:
                near = did_you_mean(name, baselines) if kind == "cell" else ""
                raise ValueError(f"published[{place}].{kind}: {error}{near and f' Among baselines:{near}'}") from error
