"""Saturation of gates, a dot for each unit."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gru_tf.foundation import palette
from gru_tf.training.diagnostics.figures.canvas import figure_of, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_saturation(cells: Mapping[str, Mapping[str, Any]], title: str = "") -> "Figure":
    """Saturation as in Karpathy et al. 2015, figure 3: a panel a cell, a dot a unit, a colour and a marker a gate.

    To the right: share of activations above the upper threshold; upwards: below the lower one. No dot lies above the
    diagonal, and one on it is saturated in every step.

    Args:
        cells: label → result of `saturation`; a cell without gates gets an empty panel with a note.
        title: of the figure.
    """
    tones = [*palette.FIXED.values(), *palette.OTHERS]
    gates = list(dict.fromkeys(gate for shares in cells.values() for gate in shares))
    with styled():
        figure = figure_of((0.8 + 2.6 * len(cells), 3.5))
        axes = figure.subplots(1, len(cells), sharex=True, sharey=True, squeeze=False)[0]
        for panel, (label, shares) in zip(axes, cells.items(), strict=True):
            panel.plot([0, 1], [1, 0], color="#767676", lw=0.8, ls=(0, (4, 3)))
            for gate, share in shares.items():
                rank = gates.index(gate)
                sign = {"marker": palette.MARKERS[rank % len(palette.MARKERS)], "color": tones[rank % len(tones)]}
                panel.plot(share.high, share.low, ls="", ms=5, alpha=0.7, mew=0, label=gate, clip_on=False, **sign)
            if shares:
                panel.legend(frameon=False, fontsize=8, title="gate", loc="upper right", handletextpad=0.2)
            else:
                panel.text(0.05, 0.05, "no gates", color="#767676")
            panel.set_title(label, fontsize=9, loc="left")
            panel.set(xlabel="share saturated high", xlim=(0, 1), ylim=(0, 1), box_aspect=1)
            panel.tick_params(length=0, pad=6)
        axes[0].set_ylabel("share saturated low")
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure
