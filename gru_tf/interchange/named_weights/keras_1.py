"""Names of weights in files of Keras 1: an array for each gate, "lstm_1_W_i", "lstm_1_U_i", "lstm_1_b_i" and so on."""

import re
from collections.abc import Mapping

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange.named_weights.contents import Entry, FileLayer
from gru_tf.recurrent.gates import GATES

KEY = re.compile(r"(?P<layer>[^/]+)_(?P<letter>[WUb])(?:_(?P<gate>[zrhifco]))?(?::\d+)?")
ROLES = {"W": "kernel", "U": "recurrent_kernel", "b": "bias"}
EMBEDDING, DIRECTION = "embedding", re.compile(r"(forward|backward)_.+")


def read(name: str, arrays: Mapping[str, Array]) -> FileLayer | None:
    """A layer with such names, its gates' arrays joined as Keras 2 does; None where the names are others.

    Args:
        name: of the layer.
        arrays: by their names, in the file's order, which is kept in `FileLayer.original`.
    """
    matches = {key: KEY.fullmatch(key) for key in arrays}
    parts: dict[str, dict[str, dict[str, Array]]] = {}  # part of the layer → letter → gate
    for key, match in matches.items():
        if match is None or (match["layer"] != name and not DIRECTION.fullmatch(match["layer"])):
            return None
        part = "" if match["layer"] == name else match["layer"]
        parts.setdefault(part, {}).setdefault(match["letter"], {})[match["gate"] or ""] = arrays[key]
    entries: list[Entry] = []
    for part, letters in parts.items():
        for letter, gates in letters.items():
            joined = _joined(gates)
            if joined is None:
                return None
            alone = letters.keys() == {"W"} and name.startswith(EMBEDDING)
            entries.append(Entry(f"{part or name}_{letter}", part, "embeddings" if alone else ROLES[letter], joined))
    return FileLayer(name, tuple(entries), original=tuple(arrays.values()))


def _joined(gates: Mapping[str, Array]) -> Array | None:
    """The arrays of all gates side by side, in Keras 2's order; None where they are those of no cell."""
    if list(gates) == [""]:
        return gates[""]
    order = next((names for names in GATES.values() if sorted(names) == sorted(gates)), None)
    if order is None or len({array.shape[:-1] for array in gates.values()}) > 1:
        return None
    return np.concatenate([gates[gate] for gate in order], axis=-1)
