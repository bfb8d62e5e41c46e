"""One colour for each cell, the same in every figure, distinguishable with any kind of colour vision."""

from typing import Any
from zlib import crc32

# Okabe and Ito 2008, "Color universal design", without its yellow, which is too pale for lines on white, and with the
# wine of Tol's "muted" in its place
FIXED = {
    "rnn": "#E69F00",
    "lstm": "#0072B2",
    "gru": "#009E73",
    "gru_reset_before": "#882255",
    "janet": "#D55E00",
    "mgu": "#CC79A7",
    "min_gru": "#56B4E9",
    "min_lstm": "#000000",
    # no two of all these are nearer than the nearest of those above, in CIELAB, for any kind of colour vision
    "layer_norm_rnn": "#556633",
    "layer_norm_lstm": "#0000FF",
    "layer_norm_gru": "#003300",
    "indrnn": "#FF0055",
    "lru": "#220077",
    "qrnn": "#7722CC",
    "sru": "#BB66FF",
    "slstm": "#772277",
    "mlstm": "#330033",
}
OTHERS = ("#595959", "#332288", "#661100")
MARKERS = "osD^vPX*<>hpdH8+x|123"  # a second sign beside the colour
DASHES: Any = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)), (0, (8, 3)), (0, (3, 1.5)))  # and a third
STYLE: Any = {  # of matplotlib, the same in every figure
    "svg.fonttype": "none",  # text stays text: searchable, selectable, read aloud
    "svg.hashsalt": "gru_tf",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#767676",
}


def colour(cell: str) -> str:
    """The colour of a cell, as "#rrggbb": fixed for this project's, by its name for others."""
    return FIXED[cell] if cell in FIXED else OTHERS[_rank(cell) % len(OTHERS)]


def marker(cell: str) -> str:
    """The marker of a cell, in matplotlib's letters."""
    return MARKERS[_place(cell) % len(MARKERS)]


def dash(cell: str, variant: int = 0) -> Any:
    """The dashes of a cell's line, in matplotlib's terms; another one for each variant of the cell."""
    return DASHES[(_place(cell) + variant) % len(DASHES)]


def _place(cell: str) -> int:
    return list(FIXED).index(cell) if cell in FIXED else len(FIXED) + _rank(cell)


def _rank(cell: str) -> int:
    return crc32(cell.encode())  # the same whichever other cells there are
