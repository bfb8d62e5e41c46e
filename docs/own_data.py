"""Has `compare` answer ten public data sets and keeps what it says: `python docs/own_data.py [NAME …]`.

GRU_TF_DATA names the folder of the files. What was measured before stays, so that sets can be measured one by one.
"""

import argparse
import json
import math
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from pages.own_data import MEASURED, MINUTES, SETS, PublicSet

import gru_tf
from gru_tf.analysis.answer.beside import against
from gru_tf.analysis.evidence import CellEvidence
from gru_tf.suite.comparison.answer import Comparison


def measure(one: PublicSet, data: Path, folder: Path) -> dict[str, Any]:
    """What `compare` answers on a set."""
    file = str(data / one.file) if one.file else _spoken(folder)
    test, store = str(data / one.test) if one.test else None, f"sqlite:///{folder}/{one.name}.db"
    began = time.monotonic()
    answer = gru_tf.compare(file, test=test, name=one.name, store=store, minutes=MINUTES, **one.options)
    return {"seconds": round(time.monotonic() - began, 1), **said(answer)}


def said(answer: Comparison) -> dict[str, Any]:
    """The recommendation and the numbers that it rests on."""
    (task,), advice = answer.results.evidence.tasks, answer.recommendation
    other = task.best_baseline
    machine = max(answer.results.runs, key=lambda result: result.started).environment
    return {
        "recommended": advice.cell or advice.other or "the trivial answer",
        "network": advice.cell is not None,
        "metric": task.metric,
        "direction": task.direction,
        "trivial": task.chance,
        "cell": _numbers(task.cell(task.best)) if task.best else None,
        "other": _numbers(other) if other else None,
        "words": against(task, other.cell) if other and task.best else "not tested",
        "advice": str(advice),
        "device": machine["device"],
        "versions": {package: machine["versions"][package] for package in ("tensorflow", "keras")},
    }


def _numbers(model: CellEvidence) -> dict[str, Any]:
    row = model.row
    test = [None if math.isnan(end) else end for end in row.test or ()]
    return {"name": model.cell, "test": test, "parameters": row.parameters, "seeds": row.seeds}


def _spoken(folder: Path) -> str:
    """The recordings as log-mel frames, padded, with their speakers, as a user might have them in one archive."""
    from gru_tf.tasks.audio.spoken_digits import SPEAKERS, _features

    arrays = _features()
    lengths = np.asarray(arrays["lengths"])
    frames = np.zeros((len(lengths), lengths.max(), arrays["frames"].shape[1]), np.float32)
    frames[np.arange(lengths.max()) < lengths[:, None]] = arrays["frames"]
    file = folder / "digits_spoken.npz"
    speaker = np.array(SPEAKERS)[arrays["speakers"]]
    np.savez(file, X=frames, y=arrays["digits"], lengths=lengths, speaker=speaker)
    return str(file)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="sets to measure (default: all)")
    names = parser.parse_args().names
    data = Path(os.environ["GRU_TF_DATA"])
    with tempfile.TemporaryDirectory() as folder:
        for one in SETS:
            if not names or one.name in names:
                measured = json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.is_file() else {}
                measured[one.name] = measure(one, data, Path(folder))
                ordered = {each.name: measured[each.name] for each in SETS if each.name in measured}
                MEASURED.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
