"""Draws docs/gates.svg and docs/gradients.svg from the record of `gru-tf run memory`: `python docs/looking_inside.py`."""

from pathlib import Path

import numpy as np

from gru_tf import suite
from gru_tf.training import diagnostics

if __name__ == "__main__":
    folder = Path(__file__).parent
    found = {r.run.cell.label: inside for r, inside in suite.diagnostics("memory") if r.run.seed == 0}

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
