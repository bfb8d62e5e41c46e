"""How a cell looks in every figure and key: colour, marker and line, so that it is known without the colour as well."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gru_tf.experiment.specs import Choice
from gru_tf.foundation import palette

PAPER = "#FFFFFF"


@dataclass(frozen=True)
class CellStyle:
    """A cell's look.

    Args:
        label: the cell's.
        colour: "#RRGGBB"; marker: in matplotlib's letters; dash: of a line.
        hollow, half: whether the marker is an outline, or filled on its left: a second and a third cell of the same name,
            with other options.
    """

    label: str
    colour: str
    marker: str
    dash: Any
    hollow: bool = False
    half: bool = False

    def dots(self, **changes: Any) -> dict[str, Any]:
        """Arguments of `Axes.plot` for points."""
        face = PAPER if self.hollow else self.colour
        usual = {"ls": "", "marker": self.marker, "mfc": face, "mec": self.colour, "mew": 0.9, "ms": 5}
        half = {"fillstyle": "left", "markerfacecoloralt": PAPER} if self.half else {}
        return {**usual, **half, **changes}

    def line(self, **changes: Any) -> dict[str, Any]:
        """Arguments of `Axes.plot` for a line."""
        return {"color": self.colour, "ls": self.dash, "lw": 1.6, **changes}

    def handle(self) -> Any:
        """Its entry in a matplotlib legend."""
        from matplotlib.lines import Line2D

        return Line2D([], [], label=self.label, **{**self.dots(), **self.line()})

    def path(self, radius: float = 4.5) -> str:
        """The marker as the path of an SVG element around (0, 0)."""
        from matplotlib.markers import MarkerStyle

        style = MarkerStyle(self.marker)
        lines: Any = style.get_path().transformed(style.get_transform()).to_polygons()
        largest = max(abs(float(value)) for line in lines for point in line for value in point)
        scale = radius / largest
        return " ".join("M" + "L".join(f"{x * scale:.2f},{-y * scale:.2f}" for x, y in line) + "Z" for line in lines)


def styles(cells: Iterable[Choice]) -> dict[str, CellStyle]:
    """Label → sign of each cell; cells of one name share its colour and marker and differ in filling and dashes."""
    by_label: dict[str, CellStyle] = {}
    names: list[str] = []
    for cell in cells:
        before = names.count(cell.name)
        names.append(cell.name)
        dash = palette.dash(cell.name, before)
        colour, marker = palette.colour(cell.name), palette.marker(cell.name)
        by_label[cell.label] = CellStyle(cell.label, colour, marker, dash, hollow=before % 3 == 1, half=before % 3 == 2)
    return by_label
