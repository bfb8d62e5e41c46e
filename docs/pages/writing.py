"""Writes the generated pages and the tutorials into the sources of the site, where git ignores them.

Of the page on layers, which git has, only the table is written; git has those of published numbers and of findings as well.
"""

import json
from pathlib import Path
from typing import Any

from pages import (
    baselines,
    cells,
    columns,
    command_line,
    errors,
    experiment_fields,
    layers,
    no_network,
    own_data,
    published,
    python_api,
    root_pages,
    tasks,
    tutorials,
)

FOLDER = Path(__file__).resolve().parents[1]


def generated() -> dict[str, str]:
    """Path in docs/ → text of every page that is written from the code or from measurements."""
    measured: dict[str, Any] = json.loads(tasks.MEASURED.read_text(encoding="utf-8"))
    return {
        **root_pages.pages(),
        "explanation/no_network.md": no_network.page(measured),
        "explanation/own_data.md": own_data.page(),
        "reference/baselines.md": baselines.page(),
        "reference/cells.md": cells.page(),
        "reference/columns.md": columns.page(),
        "reference/command_line.md": command_line.page(),
        "reference/errors.md": errors.page(),
        "reference/experiment_fields.md": experiment_fields.page(),
        **{f"reference/python/{name}": text for name, text in python_api.pages().items()},
        **{f"tasks/{name}": text for name, text in tasks.pages(measured).items()},
        **{f"tutorials/{name}": text for name, text in tutorials.notebooks().items()},
    }


def write() -> None:
    """Write what has changed, so that nothing else is read again."""
    for name, text in generated().items():
        file = FOLDER / name
        file.parent.mkdir(exist_ok=True)
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
    layers.refresh()
    published.refresh()
