"""What all figures of diagnostics are drawn on; matplotlib is imported here, on use."""

from typing import TYPE_CHECKING, Any

from gru_tf.foundation import palette

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure_of(size: tuple[float, float]) -> "Figure":
    """An empty figure of (width, height) in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained")


def styled() -> Any:
    """A context in which matplotlib draws in the project's style."""
    import matplotlib as mpl

    return mpl.rc_context(palette.STYLE)
