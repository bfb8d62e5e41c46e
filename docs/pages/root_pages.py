"""Pages that lie at the repository's root, where others look for them: their links are made those of the site."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILES = {"changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md"}
RELATIVE = re.compile(r"\]\((?!\w+:|#)([^)]+)\)")


def pages() -> dict[str, str]:
    """File name in docs/ → text."""
    return {name: RELATIVE.sub(_from_docs, (ROOT / file).read_text(encoding="utf-8")) for name, file in FILES.items()}


def _from_docs(link: re.Match[str]) -> str:
    """A link as a page in docs/ has it."""
    target, pages = link[1], {file: name for name, file in FILES.items()}
    if target in pages:
        return f"]({pages[target]})"
    return f"]({target.removeprefix('docs/') if target.startswith('docs/') else f'../{target}'})"
