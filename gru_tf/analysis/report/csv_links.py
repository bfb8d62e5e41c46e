"""A link beside every table of a page that saves it as CSV: the table's own texts, in an address that is the file."""

import csv
import io
import re
from html import escape, unescape
from html.parser import HTMLParser
from urllib.parse import quote

TABLE = re.compile(
    r'(<div class="scroll"[^>]*?(?: aria-label="(?P<name>[^"]*)")?>\s*(?P<table><table.*?</table>)\s*</div>)', re.S
)
DRAWN = "bar-head"  # class of the column whose entries are drawings


def add(page: str, experiment: str) -> str:
    """The page with these links.

    Args:
        page: HTML.
        experiment: its name, with which the files' names begin.
    """
    taken: dict[str, int] = {}

    def linked(match: re.Match[str]) -> str:
        name = re.sub(r"\W+", "-", f"{experiment}-{unescape(match['name'] or 'table')}").strip("-").lower()
        taken[name] = taken.get(name, 0) + 1
        name = f"{name}-{taken[name]}" if taken[name] > 1 else name
        address = "data:text/csv;charset=utf-8," + quote(as_csv(match["table"]))
        link = f'<a class="csv" download="{name}.csv" href="{address}" aria-label="{escape(name)} as CSV">CSV</a>'
        return f"{match[1]}\n{link}"

    return TABLE.sub(linked, page)


def as_csv(table: str) -> str:
    """A table in HTML as CSV, without the column of drawings; a minus is the one that programs read."""
    parser = _Rows()
    parser.feed(table)
    parser.close()
    head = parser.rows[0] if parser.rows else []
    drawn = {place for place, (_, kind) in enumerate(head) if DRAWN in kind}
    text = io.StringIO()
    writer = csv.writer(text)
    for row in parser.rows:
        writer.writerow([_plain(entry) for place, (entry, _) in enumerate(row) if place not in drawn])
    return text.getvalue()


def _plain(text: str) -> str:
    return re.sub(r"−(?=\d)", "-", " ".join(text.split()))


class _Rows(HTMLParser):
    """Rows of a table: the text and the class of each entry."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[tuple[str, str]]] = []
        self._within = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append(("", dict(attrs).get("class") or ""))
            self._within = True
        if tag == "br":
            self.handle_data(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td"):
            self._within = False

    def handle_data(self, data: str) -> None:
        if self._within:
            text, kind = self.rows[-1][-1]
            self.rows[-1][-1] = (text + data, kind)
