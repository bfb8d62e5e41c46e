"""CSV beside every table of a page: what a CSV reader gets is what the table shows."""

import csv
import io
import re
from urllib.parse import unquote

from made_evidence import experiment, results

from gru_tf import suite
from gru_tf.analysis.report import csv_links
from gru_tf.analysis.report.findings import Findings
from gru_tf.analysis.report.page import render
from gru_tf.analysis.wording import interval


def files(page: str) -> dict[str, list[list[str]]]:
    links = re.findall(r'download="([^"]+)" href="data:text/csv;charset=utf-8,([^"]*)"', page)
    return {name: list(csv.reader(io.StringIO(unquote(text)))) for name, text in links}


def test_every_table_has_its_file_and_the_numbers_of_the_results() -> None:
    one = experiment()
    made = suite.Results(one, tuple(results(one)))
    page = render(Findings.from_results(made))
    saved = files(page)
    assert len(saved) == page.count("<table")
    head, *rows = saved["one-digits-results-by-cell.csv"]
    assert head[:3] == ["cell", "mean [95 % interval]", "verdict"], "the column of drawings is left out"
    expected = {row.cell: interval(row.test) for row in made.table() if row.task == "digits"}
    assert {row[0]: row[1] for row in rows} == expected
    assert all(len(row) == len(head) for row in rows)


def test_commas_quotes_minus_and_markup_come_through() -> None:
    table = "<table><tr><th>a</th><th class='n bar-head'>drawn</th><th>ms <br>per</th></tr>"
    table += "<tr><td>x, &quot;y&quot;</td><td><svg/></td><td>\N{MINUS SIGN}1.5 &lt; 2</td></tr></table>"
    rows = list(csv.reader(io.StringIO(csv_links.as_csv(table))))
    assert rows == [["a", "ms per"], ['x, "y"', "-1.5 < 2"]]
    linked = csv_links.add(f'<div class="scroll" tabindex="0" aria-label="A &amp; B">{table}</div>', "one")
    assert files(linked) == {"one-a-b.csv": rows}
    twice = csv_links.add(2 * f'<div class="scroll">{table}</div>', "one")
    assert list(files(twice)) == ["one-table.csv", "one-table-2.csv"]
