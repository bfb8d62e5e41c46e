"""Draws docs/gates.svg and docs/gradients.svg from what `gru-tf run memory` stored: `python docs/looking_inside.py [STORE]`.

Both are of seed 0. What remains of the gradient over all steps goes into docs/explanation/gradients.json, of every seed.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf import suite
from gru_tf.training import diagnostics


def remaining(diagnosed: list[Any]) -> dict[str, dict[str, list[float]]]:
    """Cell → "before" and "after" training → of each seed, the gradient at the largest lag by that at none, medians both."""
    shares: dict[str, dict[str, list[float]]] = {}
    for result, inside in diagnosed:
        of_cell = shares.setdefault(result.run.cell.label, {"before": [], "after": []})
        for when, values in of_cell.items():
            median = getattr(inside, when)[0].gradients["state"].median
            values.append(float(f"{median[-1] / median[0]:.4g}"))
    return shares


if __name__ == "__main__":
    folder = Path(__file__).parent
    diagnosed = suite.diagnostics("memory", *sys.argv[1:2])
    text = json.dumps(remaining(diagnosed), indent=1) + "\n"
    (folder / "explanation" / "gradients.json").write_text(text, encoding="utf-8")
    found = {r.run.cell.label: inside for r, inside in diagnosed if r.run.seed == 0}

    marks = np.flatnonzero(np.array(found["gru"].inputs)[:, 1]).tolist()  # the second feature marks what is to be added
    title = "Adding, length 30, after training: one validation sequence; the triangles mark the two numbers to add"
    gates = {cell: found[cell].after[0].gates for cell in ("rnn", "gru", "lstm")}
    drawn = {"gates": diagnostics.draw_gates(gates, marks, title)}

    panels = {
        f"{when} training": {cell: getattr(found[cell], when)[0].gradients["state"] for cell in ("rnn", "lstm", "gru")}
        for when in ("before", "after")
    }
    title = f"Adding, length 30: median and quartiles of {found['gru'].examples} validation sequences"
    drawn["gradients"] = diagnostics.draw_gradients(panels, title)
    for name, figure in drawn.items():
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
