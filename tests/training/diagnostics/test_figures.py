"""Diagnostics drawn: the figures show the numbers that they are given, and nothing of what is left out."""

import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest
from matplotlib.figure import Figure

from gru_tf.experiment.reading import Quartiles, Shares
from gru_tf.foundation import palette
from gru_tf.training import diagnostics

RNG = np.random.default_rng(0)
GRU = {name: RNG.random((9, 5)) for name in ("z", "r")} | {"h": RNG.normal(size=(9, 5))}
LSTM = {name: RNG.random((9, 4)).tolist() for name in ("i", "f", "c", "o")}


def drawn(figure, tmp_path):
    """The figure, rendered: what cannot be drawn, or needs a missing glyph, raises or warns there."""
    assert isinstance(figure, Figure)
    figure.savefig(BytesIO(), format="png")
    figure.savefig(tmp_path / "figure.svg")
    pyplot = sys.modules.get("matplotlib.pyplot")  # where some other package loaded it
    assert pyplot is None or pyplot.get_fignums() == [], "no window, no state"
    return figure


def shown(figure):
    """Title → panel, of the panels that are visible and have one."""
    return {a.get_title(loc="left"): a for a in figure.axes if a.get_visible() and a.get_title(loc="left")}


def test_gates_are_heat_maps_of_units_over_steps(tmp_path):
    panels = shown(drawn(diagnostics.draw_gates(GRU, marks=[2, 6], title="One sequence"), tmp_path))
    assert list(panels) == ["z", "r", "h  (candidate)"]
    order = np.argsort(-GRU["z"].mean(axis=0))
    for (title, panel), values in zip(panels.items(), GRU.values(), strict=True):
        (image,) = panel.images
        np.testing.assert_array_equal(np.asarray(image.get_array()), values.T[order])
        assert image.get_clim() == ((-1, 1) if "candidate" in title else (0, 1))
        assert image.get_extent() == [0.5, 9.5, 5, 0], "step 1 is the first column"
        assert panel.lines[0].get_xdata().tolist() == [3, 7]


def test_several_cells_are_rows_and_empty_panels_are_not_shown(tmp_path):
    figure = drawn(diagnostics.draw_gates({"gru": GRU, "lstm": LSTM}), tmp_path)
    assert list(shown(figure)) == ["gru: z", "gru: r", "gru: h  (candidate)", "lstm: i", "lstm: f", "lstm: c  (candidate)",
                                   "lstm: o"]  # fmt: skip
    assert sum(not a.get_visible() for a in figure.axes) == 1


def test_drawing_a_record_loads_neither_tensorflow_nor_keras():
    draw = "from gru_tf.training.diagnostics import draw_gates; draw_gates({'z': [[0.5]]})"
    code = f"import sys; {draw}; assert not {{'tensorflow', 'keras'}} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def quartiles(*median):
    return Quartiles(low=[m / 2 for m in median], median=list(median), high=[2 * m for m in median])


def test_gradients_are_lines_in_bands_on_one_logarithmic_scale(tmp_path):
    before = {"rnn": quartiles(1.0, 0.1, 0.01), "gru(reset_after=False)": quartiles(2.0, 0.2)}
    panels = shown(drawn(diagnostics.draw_gradients({"before": before, "after": {"rnn": quartiles(3.0, 0.0)}}), tmp_path))
    assert list(panels) == ["before", "after"]
    rnn, gru = panels["before"].lines
    assert rnn.get_ydata().tolist() == [1.0, 0.1, 0.01]
    assert gru.get_xdata().tolist() == [0, 1]
    assert (rnn.get_color(), gru.get_color()) == (palette.colour("rnn"), palette.colour("gru"))
    assert (rnn.get_marker(), gru.get_marker()) == (palette.marker("rnn"), palette.marker("gru"))
    assert rnn._unscaled_dash_pattern != gru._unscaled_dash_pattern, "told apart where there is no colour"
    assert len(panels["before"].collections) == 2
    band = panels["before"].collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (0.005, 2.0)
    assert {panel.get_yscale() for panel in panels.values()} == {"log"}
    assert panels["before"].get_ylim() == panels["after"].get_ylim()
    assert np.isnan(panels["after"].lines[0].get_ydata()[1]), "nothing of a gradient is infinitely low"


def test_lines_of_one_colour_differ_in_their_dashes(tmp_path):
    lines = {label: quartiles(1.0) for label in ("gru before", "gru after", "mine", "yours", "lstm")}
    drawn_lines = shown(drawn(diagnostics.draw_gradients({"all": lines}), tmp_path))["all"].lines
    assert len({(line.get_color(), str(line._unscaled_dash_pattern)) for line in drawn_lines}) == len(lines)


def test_the_key_of_gradients_names_each_line_once_and_lies_beside_the_axes(tmp_path):
    lines = {"gru": quartiles(1.0, 0.5), "lstm": quartiles(1.0, 0.9)}
    figure = drawn(diagnostics.draw_gradients({"before": lines, "after": lines}, "Adding"), tmp_path)
    key = figure.legends[0]
    assert [text.get_text() for text in key.get_texts()] == ["gru", "lstm"]
    assert key.get_title().get_text() == "Adding"
    assert key.get_window_extent().y0 >= max(axes.get_tightbbox().y1 for axes in figure.axes)


@pytest.mark.parametrize("kind", [Shares, diagnostics.Saturation])
def test_saturation_is_a_dot_a_unit(tmp_path, kind):
    cells = {"gru": {"z": kind(low=[0.1, 0.2], high=[0.9, 0.7]), "r": kind(low=[0.0, 1.0], high=[0.0, 0.0])}, "rnn": {}}
    panels = shown(drawn(diagnostics.draw_saturation(cells, "Saturation"), tmp_path))
    _, z, r = panels["gru"].lines
    assert (list(z.get_xdata()), list(z.get_ydata())) == ([0.9, 0.7], [0.1, 0.2])
    assert z.get_color() != r.get_color()
    assert z.get_marker() != r.get_marker()
    assert [text.get_text() for text in panels["rnn"].texts] == ["no gates"]


def test_sequences_of_two_lengths_under_long_names_have_room(tmp_path):
    """Each row has its own steps, no title runs into the next, and colour bars stand where the figure begins."""
    short = {name: values[:4] for name, values in LSTM.items()}
    cells = {"gru": GRU, "lstm": short}
    rows = {f"a task of long name · {cell} {k}": gates for k in range(3) for cell, gates in cells.items()}
    figure = drawn(diagnostics.draw_gates(rows), tmp_path)
    panels = [axes for axes in figure.axes if axes.get_visible() and axes.images]
    for panel in panels:
        assert panel.get_xlim() == (0.5, panel.images[0].get_array().shape[1] + 0.5)
    headings = [axes.get_title(loc="left") for axes in panels]
    assert [heading for heading in headings if "a task" in heading] == [
        f"{label}\n{next(iter(gates))}" for label, gates in rows.items()
    ], "a long name once a row, on a line of its own"
    extents = [axes._left_title.get_window_extent() for axes in panels if "\n" not in axes.get_title(loc="left")]
    assert len(extents) > 6
    assert not any(a.overlaps(b) for place, a in enumerate(extents) for b in extents[:place])
    bars = [axes.get_window_extent() for axes in figure.axes if axes.get_ylabel() in ("gate", "candidate")]
    assert len(bars) == 2
    assert min(bar.y1 for bar in bars) > 0.8 * figure.bbox.height
