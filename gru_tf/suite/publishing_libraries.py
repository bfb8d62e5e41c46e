"""The large libraries that publishing computes and draws with: their import takes two seconds."""

import os
from functools import cache
from importlib import import_module

from gru_tf.foundation import startup

REPORT_SWITCH = "GRU_TF_REPORT"  # "no" where many small experiments are run: a page takes seconds to draw
STATISTICS = ("scipy.stats",)
REPORT = (
    "gru_tf.analysis.report.page",
    "jinja2",
    "matplotlib.figure",
    "matplotlib.backends.backend_svg",
    "sklearn.ensemble",
)


def report_is_on() -> bool:
    """Whether a report is drawn of an experiment whose runs are done."""
    return os.environ.get(REPORT_SWITCH) != "no"


@cache
def load() -> None:
    """Import them now, so that publishing does not have to; the second time it does nothing."""
    with startup.without_garbage_collection():
        for name in (*STATISTICS, *(REPORT if report_is_on() else ())):
            import_module(name)
