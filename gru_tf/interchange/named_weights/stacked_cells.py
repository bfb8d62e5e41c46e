"""The order of stacked cells in a layer, where the file does not have it: it numbers the cells of each class apart."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, permutations

from gru_tf.foundation.errors import UserError, several
from gru_tf.interchange import option_names
from gru_tf.interchange.named_weights.contents import Entry, FileLayer

MOST = 6  # cells, of which all orders are tried
NUMBERED = re.compile(r"(?P<kind>(?:.*/)?cells/[a-z_]*?)(?:_?(?P<number>\d+))?")  # in files that number arrays or cells
Part = tuple[str, tuple[Entry, ...]]


def in_order(layer: FileLayer, where: str) -> FileLayer:
    """The layer with the arrays of stacked cells in the order in which the cells compute.

    Args:
        layer: any; returned as it is where it has no stacked cells or its order is known.
        where: the file, for messages.

    Raises:
        UserError: where several orders fit, or none.
    """
    names = list(dict.fromkeys(entry.within for entry in layer.entries))
    if layer.in_order or len(names) < 2 or not all("cells" in name.split("/") or "stacked" in name for name in names):
        return layer
    parts = [(name, tuple(entry for entry in layer.entries if entry.within == name)) for name in names]
    orders = [order for order in permutations(parts) if _fits(order)] if len(parts) <= MOST else []
    if len(orders) != 1:
        leave = option_names.called("leave_out", layer.name)
        expected = f"cells whose widths tell their order, or {leave}"
        raise UserError(f"{where}: {layer.name}: expected {expected}. Received: {several(layer.described())}")
    return replace(layer, entries=tuple(entry for _, own in orders[0] for entry in own))


def _fits(order: Sequence[Part]) -> bool:
    """Whether each cell takes what the one before it gives, and those that the file numbers keep their order."""
    if any(_sizes(later)[0] != _sizes(earlier)[1] for earlier, later in pairwise(order)):
        return False
    numbers: dict[str, int] = {}
    for name, _ in order:
        match = NUMBERED.fullmatch(name)
        if match and int(match["number"] or 0) < numbers.get(match["kind"], 0):
            return False
        if match:
            numbers[match["kind"]] = int(match["number"] or 0)
    return True


def _sizes(part: Part) -> tuple[int, int]:
    """What a cell takes and gives."""
    rows = {entry.role: entry.array.shape[0] for entry in part[1] if entry.array.ndim == 2}
    return rows.get("kernel", 0), rows.get("recurrent_kernel", 0)
