"""The modules in docs/ that write pages of the documentation site, for tests."""

import sys
from importlib import import_module
from typing import Any

from places import ROOT

FOLDER = ROOT / "docs"


def module(name: str) -> Any:
    """A module in docs/, such as "pages.tasks"."""
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))  # last: nothing there takes the place of another module
    return import_module(name)
