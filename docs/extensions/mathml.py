"""Formulas as MathML, which every browser draws by itself: no page needs a script or a font from elsewhere."""

from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError


def mathml(formula: str, display: str) -> str:
    """A formula in LaTeX as a `math` element.

    Raises:
        ExtensionError: where something is not known, which would be drawn as its name.
    """
    drawn = convert(formula.replace("{aligned}", "{align*}"), display=display)
    if "<mi>&</mi>" in drawn or "<mi>\\" in drawn:
        raise ExtensionError(f"cannot be drawn as MathML: {formula}")
    return drawn


def inline(translator: Any, node: nodes.math) -> None:
    """A formula within a line."""
    translator.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def displayed(translator: Any, node: nodes.math_block) -> None:
    """A formula of its own, which scrolls where it is wider than the page."""
    translator.body.append(f'<div class="formula">{mathml(node.astext(), "block")}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer under the name "mathml"."""
    app.add_html_math_renderer("mathml", (inline, None), (displayed, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
