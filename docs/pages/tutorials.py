"""The tutorials: the notebooks as they are kept, without outputs; building the site executes them."""

import json
from importlib.util import find_spec
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NEEDS = {"03_bring_a_pytorch_model": "torch"}
MISSING = (
    "```{{note}}\nThis page was built without the package `{package}`, so the outputs below are missing; "
    "the notebook itself shows them where it is installed.\n```"
)


def notebooks() -> dict[str, str]:
    """File name → text."""
    return {file.name: _shown(file) for file in sorted(FOLDER.glob("*.ipynb"))}


def not_executed() -> list[str]:
    """File names of notebooks whose packages are not installed."""
    return [f"{stem}.ipynb" for stem, package in NEEDS.items() if find_spec(package) is None]


def _shown(file: Path) -> str:
    """The notebook; with a note below its heading where it cannot be executed here."""
    text = file.read_text(encoding="utf-8")
    if file.name not in not_executed():
        return text
    content = json.loads(text)
    note = {"cell_type": "markdown", "id": "missing", "metadata": {}, "source": MISSING.format(package=NEEDS[file.stem])}
    content["cells"].insert(1, note)
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
