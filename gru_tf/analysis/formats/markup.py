"""The table of an experiment as Markdown, LaTeX and HTML: the same words in each, names escaped for it."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html import escape as html_escape

from gru_tf.analysis import table_text
from gru_tf.analysis.table import Row
from gru_tf.experiment.experiment import Experiment

Escape = Callable[[str], str]
Beside = Mapping[str, Sequence[str]]  # label of a task → notes that belong to it; "" → to all of them
# an underscore within a word marks nothing, nor do brackets that no link follows
MARKED = re.compile(r"[\\`*<>|#~&$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|\](?=[(\[:])")
TABLE = "\\begin{table}\n\\centering\\small\n\\setlength{\\tabcolsep}{4pt}"  # narrow enough for the text of an article
NOTHING: Beside = {}
BOLD = r"\textbf{{{}}}"
SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
RAISED = re.compile("[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")
LATEX = {
    "\0": "$^{",
    "\1": "}$",
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    '"': r"\char34{}",
    "\2": "-{}",
    **{mark: f"\\{mark}" for mark in "{}$&#%_"},
    "–": "--",
    "−": "$-$",
    "·": r"$\cdot$",
    "×": r"$\times$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "→": r"$\rightarrow$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "≈": r"$\approx$",
    "∞": r"$\infty$",
    "√": r"$\surd$",
    "…": r"\ldots{}",
}


def markdown(experiment: Experiment, rows: Sequence[Row], earlier: int = 0, beside: Beside = NOTHING) -> str:
    """Tables as GitHub renders them, the best mean in bold, and the notes as a list.

    Args:
        experiment: the question.
        rows: its table.
        earlier: runs of earlier definitions that are not shown.
        beside: further notes.
    """
    parts = [f"**{escaped(experiment.name)}**: {escaped(experiment.question)}"]
    for block, heading, lines in _tables(rows, escaped, "**{}**".format):
        parts.append(f"{heading}\n\n{pipes(lines)}")
        parts += [f"{title}\n\n{pipes(each)}" for title, each in _beside(block, escaped)]
    parts.append("\n".join(f"- {escaped(note)}" for note in _notes(experiment, rows, earlier, beside)))
    return "\n\n".join(parts) + "\n"


def _notes(experiment: Experiment, rows: Sequence[Row], earlier: int, beside: Beside) -> Iterator[str]:
    yield from table_text.notes(experiment, rows, earlier)
    for label in ("", *dict.fromkeys(row.task for row in rows)):
        yield from beside.get(label, ())


def piped(block: Sequence[Row], escape: Escape) -> str:
    """The table of one task as Markdown has it, the best mean in bold; what it says is escaped by `escape`."""
    return pipes(_lines(block, escape, "**{}**".format))


def pipes(lines: Iterable[Sequence[str]], numbers: bool = True) -> str:
    """Lines of cells as a table in Markdown, the first one being its head; what is in them is escaped already.

    Numbers, which is what all but the first column have if `numbers`, are aligned at the right.
    """
    names, *rows = lines
    rule = [":--", *["--:" if numbers else ":--"] * (len(names) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (names, rule, *rows))


def _tables(
    rows: Iterable[Row], escape: Escape, bold: Escape, strong: Escape | None = None
) -> Iterator[tuple[list[Row], str, list[list[str]]]]:
    """Of each task its rows, its heading and its table, all escaped; the best mean in bold, the title as `strong` has it."""
    for block in table_text.blocks(rows):
        yield block, _heading(block, escape, strong or bold), list(_lines(block, escape, bold))


def _beside(block: Sequence[Row], escape: Escape) -> Iterator[tuple[str, list[list[str]]]]:
    """Title and table of what stands beside a task's table, escaped."""
    for title, lines in table_text.beside(block):
        yield escape(title), [list(map(escape, line)) for line in lines]


def _lines(block: Sequence[Row], escape: Escape, bold: Escape) -> Iterator[list[str]]:
    """The names of the columns, then each row, escaped; that of the best mean in bold."""
    names, *lines = table_text.lines(block)
    yield list(map(escape, names))
    best = table_text.best(block)
    for row, line in zip(block, lines, strict=True):
        cells = map(escape, line)
        yield list(map(bold, cells) if row is best else cells)


def _heading(block: Sequence[Row], escape: Escape, bold: Escape = str) -> str:
    metric = table_text.metric(block)
    return bold(escape(block[0].title)) + (f": {escape(metric)}" if metric else "")


def _one_line(text: str) -> str:
    """Text without line breaks and control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def escaped(text: str) -> str:
    """Text of one line in which Markdown finds no marks."""
    return MARKED.sub(r"\\\g<0>", _one_line(text))


def latex(experiment: Experiment, rows: Sequence[Row], earlier: int = 0, beside: Beside = NOTHING) -> str:
    r"""A `table` a task, for `\input`; no package is needed. Its caption has the question and the notes.

    Args:
        experiment: the question.
        rows: its table.
        earlier: runs of earlier definitions that are not shown.
        beside: further notes.
    """
    parts = [f"% gru-tf results {_one_line(experiment.name)} --format latex\n"]
    for block, heading, lines in _tables(rows, _latex, _latex_bold, BOLD.format):
        notes = " ".join(_ended(note) for note in _notes(experiment, block, earlier, beside))
        caption = f"{heading}. {_latex(_ended(experiment.question))} {_latex(notes)}"
        label = f"\\caption[{{{_heading(block, _latex)}}}]{{{caption}}}"
        more = "".join(f"\n\\smallskip {title}\n\n{_tabular(each)}" for title, each in _beside(block, _latex))
        parts.append(f"{TABLE}\n{label}\n\\smallskip\n{_tabular(lines)}{more}\\end{{table}}\n")
    return "\n".join(parts)


def _tabular(lines: Iterable[Sequence[str]]) -> str:
    table = [list(line) for line in lines]
    names, *rows = (" & ".join(line) + " \\\\\n" for line in table)
    columns = "l" + "r" * (len(table[0]) - 1)
    body = f"\\hline\n{names}\\hline\n{''.join(rows)}\\hline\n"
    return f"\\begin{{tabular}}{{{columns}}}\n{body}\\end{{tabular}}\n"


def _latex_bold(escaped: str) -> str:
    return BOLD.format(f"\\boldmath {escaped}" if "$" in escaped else escaped)


def _latex(text: str) -> str:
    """Text for a cell or a caption. Letters beyond Latin stay as they are: they need XeLaTeX or LuaLaTeX."""
    marked = RAISED.sub(lambda raised: f"\0{raised[0].translate(SUPERSCRIPTS)}\1", _one_line(text))
    escaped = "".join(LATEX.get(mark, mark) for mark in re.sub("-(?=-)", "\2", marked))  # two hyphens would be a dash
    return f"{{}}{escaped}" if escaped.startswith(("[", "*")) else escaped  # else an option of the line's end before it


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


def html(experiment: Experiment, rows: Sequence[Row], earlier: int = 0, beside: Beside = NOTHING) -> str:
    """Tables and notes for a notebook, in its own style.

    Args:
        experiment: the question.
        rows: its table.
        earlier: runs of earlier definitions that are not shown.
        beside: further notes.
    """
    parts = []
    for block, heading, lines in _tables(rows, html_escape, "<b>{}</b>".format):
        for title, each in ((heading, lines), *_beside(block, html_escape)):
            parts += [f"<p>{title}</p>", _html_table(each)]
    notes = "".join(f"<li>{html_escape(note)}</li>" for note in _notes(experiment, rows, earlier, beside))
    return "\n".join([*parts, f"<ul>{notes}</ul>"])


def _html_table(lines: Sequence[Sequence[str]]) -> str:
    names, *rows = lines
    body = "".join(_html_row(line, "td") for line in rows)
    return f"<table><thead>{_html_row(names, 'th')}</thead><tbody>{body}</tbody></table>"


def _html_row(cells: Iterable[str], kind: str) -> str:
    return f"<tr>{''.join(f'<{kind}>{cell}</{kind}>' for cell in cells)}</tr>"
