"""Small model files in the forms that are met in the wild, each with what its own program gives.

A module per writer; each lists its `CASES`. `tests/interchange/test_model_corpus.py` imports them all, and
`docs/models.py` counts what is read.
"""

import importlib.util
from importlib import import_module

from model_corpus.case import Case, Made

WRITERS = ("pytorch_files", "keras_2_files", "keras_3_files", "weights_files", "onnx_files", "tensorflow_files")
NEEDS = {
    "pytorch_files": "torch",
    **dict.fromkeys(("keras_2_files", "weights_files", "tensorflow_files"), "tf_keras"),
}

__all__ = ["Case", "Made", "cases"]


def cases() -> list[Case]:
    """All cases whose writer is installed."""
    found = []
    for writer in WRITERS:
        needed = NEEDS.get(writer)
        if needed is None or importlib.util.find_spec(needed) is not None:
            found += import_module(f"model_corpus.{writer}").CASES
    return found
