"""Figures as SVG: alone in a file, or inside a page whose colours they take on."""

import re
from io import StringIO
from typing import TYPE_CHECKING

from gru_tf.foundation import palette

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# What a colour on paper becomes on a dark page: lighter, and still the same colour
DARK = {
    "#000000": "#E8E6E3",
    "#333333": "#D6D4D0",
    "#767676": "#9A9A9A",
    "#D0D0D0": "#4A4D52",
    "#E0E0E0": "#33363B",
    "#FFFFFF": "#15171A",
    "#8FA3B5": "#6F879C",
    "#E69F00": "#F0B030",
    "#0072B2": "#4BA3E3",
    "#009E73": "#2FC497",
    "#882255": "#D46A9F",
    "#D55E00": "#F0803A",
    "#CC79A7": "#E09CC4",
    "#56B4E9": "#7CC8F2",
    "#595959": "#B5B5B5",
    "#332288": "#9286E0",
    "#661100": "#D08068",
    "#556633": "#96A877",
    "#0000FF": "#7A7AFF",
    "#003300": "#6FA86F",
    "#FF0055": "#FF4D85",
    "#220077": "#9382BC",
    "#7722CC": "#A872DE",
    "#BB66FF": "#CB8CFF",
    "#772277": "#BF7ABF",
    "#330033": "#A98DA9",
}
SCALE = 1.2  # pixels a point of a figure that keeps its size


def variable(colour: str) -> str:
    """The CSS variable of a colour, with itself where none is set."""
    return f"var(--c{colour[1:].lower()}, {colour.lower()})"


def variables(dark: bool) -> str:
    """CSS declarations of all colours, for a light page or a dark one."""
    return " ".join(f"--c{light[1:].lower()}: {(other if dark else light).lower()};" for light, other in DARK.items())


def svg(figure: "Figure") -> str:
    """A figure as an SVG document with its text as text, the same for the same figure."""
    import matplotlib as mpl

    with mpl.rc_context(palette.STYLE), StringIO() as out:
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
        return out.getvalue()


def inside(figure: "Figure", name: str, title: str, wide: bool = False) -> str:
    """A figure as an element of a page: its colours are the page's variables, its identifiers are its own.

    Args:
        figure: what is shown; its paper is left out.
        name: unique on the page, for identifiers.
        title: what a screen reader says of it.
        wide: whether it keeps its size where there is less room.
    """
    import matplotlib as mpl

    figure.patch.set_alpha(0)
    for axes in figure.axes:
        axes.patch.set_alpha(0)
    with mpl.rc_context(palette.STYLE):
        text = svg(figure)
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'\b(id|xlink:href)="(#?)', rf'\1="\g<2>{name}-', text).replace("url(#", f"url(#{name}-")
    text = re.sub(r'xlink:href="#?[\w-]*?data:', 'xlink:href="data:', text)
    known = {light.lower(): variable(light) for light in DARK}
    text = re.sub(r"(?<=[ :])#[0-9a-f]{6}\b", lambda colour: known.get(colour[0], colour[0]), text)
    width, height = (float(v) for v in re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text)[0])
    size = f' style="width: {SCALE * width:.0f}px"' if wide else ""
    opening = f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{_attribute(title)}"{size}>'
    return opening + text[text.index(">") + 1 :]


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
