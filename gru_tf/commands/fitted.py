"""Tables that lose nothing on a narrow terminal: where a table does not fit, each row is a paragraph of its own."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

ROOMY = 72  # columns from which names may be broken into lines, so that the numbers keep their columns
UNBOUNDED = 10_000  # columns that any table fits
LABEL = 16  # columns that are left to long names at least
INDENT = 2
BETWEEN = " · "
NOTHING = ("", "–")  # entries that say nothing


class FittedTable(Table):
    """A table that is stacked where it does not fit: the first entry of a row, and below it each other with its heading.

    Numbers are never cut or broken. With `show_header=False` entries are stacked without headings.
    """

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table, or its rows one below the other."""
        if self._fits(console, options):
            yield from super().__rich_console__(console, options)
            return
        if self.title:
            yield self.title if isinstance(self.title, Text) else Text(str(self.title))
        for entries in zip(*(column.cells for column in self.columns), strict=True):
            yield from self._paragraph(entries, options.max_width)

    def _fits(self, console: Console, options: ConsoleOptions) -> bool:
        width = options.max_width
        if not self.show_header or not self.row_count:
            return width >= ROOMY
        room = self.__rich_measure__(console, options.update_width(UNBOUNDED))
        first, *others = self.columns
        widest = [self._widest(column, console, options) for column in self.columns]
        between = room.maximum - sum(width.maximum for width in widest)
        kept = (width.maximum if column.no_wrap else width.minimum for column, width in zip(others, widest[1:], strict=True))
        least = between + sum(kept) + (widest[0].maximum if first.no_wrap else min(LABEL, widest[0].maximum))
        return room.maximum <= width or (width >= ROOMY and least <= width)

    @staticmethod
    def _widest(column: Column, console: Console, options: ConsoleOptions) -> Measurement:
        entries = [Measurement.get(console, options, entry) for entry in (column.header, *column.cells)]
        return Measurement(max(entry.minimum for entry in entries), max(entry.maximum for entry in entries))

    def _paragraph(self, entries: tuple[RenderableType, ...], width: int) -> Iterator[RenderableType]:
        first, *others = entries
        if _text(first).plain:  # what goes on from the row above has no name of its own
            yield first
        headings, values = (_text(column.header) for column in self.columns[1:]), map(_text, others)
        named = [(heading, value) for heading, value in zip(headings, values, strict=True) if value.plain not in NOTHING]
        room = width - INDENT
        for line in _filled([_item(heading, value, room) for heading, value in named], room):
            yield Padding(line, (0, 0, 0, INDENT))


def grid() -> FittedTable:
    """A table without headings and rules, two blanks between its columns."""
    bare: dict[str, Any] = dict.fromkeys(("show_header", "show_edge", "pad_edge"), False)
    return FittedTable(box=None, padding=(0, 2), collapse_padding=True, **bare)


def _item(heading: Text, value: Text, width: int) -> Text:
    """An entry behind its heading, or below it where both are too long for a line."""
    between = "" if not heading.plain else " " if len(heading) + len(value) < width else "\n"
    return Text.assemble((heading.plain, "dim"), between, value)


def _filled(items: list[Text], width: int) -> Iterator[Text]:
    """Lines of as many items as have room, so that none is broken but one that is wider than a line."""
    line = Text()
    for item in items:
        if line.plain and (len(line) + len(BETWEEN) + len(item) > width or "\n" in item.plain):
            yield line
            line = Text()
        line = Text.assemble(line, BETWEEN if line.plain else "", item)
    if line.plain:
        yield line


def _text(entry: RenderableType) -> Text:
    return entry if isinstance(entry, Text) else Text(str(entry))
