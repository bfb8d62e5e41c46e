"""Arguments of recurrent layers that convolve, checked."""

from typing import Any

from gru_tf.recurrent.cells._arguments import expect, is_whole, whole

PADDINGS = ("valid", "same")


def checked_convolution(
    who: str, rank: int, filters: Any, kernel_size: Any, strides: Any, padding: Any, dilation_rate: Any
) -> dict[str, Any]:
    """The cell's arguments of these names, whole numbers a tuple with one for each axis; raises ValueError."""
    filters = whole(filters)
    expect(is_whole(filters) and filters > 0, who, "filters", "a positive integer", filters)
    sizes = {"kernel_size": kernel_size, "strides": strides, "dilation_rate": dilation_rate}
    of_axes = {}
    for name, value in sizes.items():
        plain = value.tolist() if hasattr(value, "tolist") else value
        several = [whole(v) for v in plain] if isinstance(plain, (list, tuple)) else [plain] * rank
        fits = len(several) == rank and all(is_whole(v) and v > 0 for v in several)
        expect(fits, who, name, f"a positive integer, or a tuple of {rank}", value)
        of_axes[name] = tuple(several)
    if max(of_axes["strides"]) > 1 and max(of_axes["dilation_rate"]) > 1:
        received = f"strides={strides!r}, dilation_rate={dilation_rate!r}"
        raise ValueError(f"{who}: Specifying `strides > 1` is not compatible with `dilation_rate > 1`. Received: {received}")
    known = isinstance(padding, str) and padding.lower() in PADDINGS
    expect(known, who, "padding", "'valid' or 'same'", padding)
    return {"filters": filters, "padding": padding.lower(), **of_axes}
