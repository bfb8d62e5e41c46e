"""Results as a page that people can read: one file, no network, no script, light and dark, on a phone and on paper.

    from gru_tf.analysis import report

    report.write(gru_tf.results("quickstart"), "quickstart.html")
    report.figures.draw("pareto", gru_tf.results("quickstart")).savefig("pareto.svg")

The page shows what is in `gru_tf.analysis.evidence`; nothing here tests, averages or decides anything of its own.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gru_tf.analysis.report import figures
    from gru_tf.analysis.report.page import save_figures as save_figures
    from gru_tf.analysis.report.page import write as write

_HOMES = {"write": "gru_tf.analysis.report.page", "save_figures": "gru_tf.analysis.report.page"}

__all__ = ["figures", "save_figures", "write"]


def __getattr__(name: str) -> Any:
    if name == "figures":
        return import_module("gru_tf.analysis.report.figures")
    if name not in _HOMES:
        raise AttributeError(f"module 'gru_tf.analysis.report' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
