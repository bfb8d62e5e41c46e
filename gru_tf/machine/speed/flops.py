"""The arithmetic of a case in closed form: the floor of its time."""

from gru_tf.experiment.specs import Choice
from gru_tf.machine.speed.cases import OUTPUTS, Case
from gru_tf.recurrent.cells import CELLS


def product_weights(cell: Choice, features: int, units: int) -> tuple[int, int]:
    """Weights of a step's products with the input and with the state; I·G·H and H·G·H for G gates with both.

    Derived from the parameter count a·I·H + b·H² + c·H, so that a cell whose gates do not see the state counts correctly:
    a·I·H is what it has more than without features, 2b the second difference in units of that. Biases and weights that
    act element by element are c and no product. With a projection to P numbers the count is a·I·H + d·P·H + c·H, and d·H
    its growth by one. A cell of which this does not hold says itself what they are.
    """
    spec = CELLS.find(cell.name)
    if spec.products is not None:
        inputs, states, _ = spec.products(features, units, **spec.own(cell.options))
        return int(inputs), int(states)
    count, projection = spec.count, cell.options.get("projection")

    def at(i: int, h: int, **options: int) -> int:
        return int(count(i, h, {**cell.options, **options}))

    seen = at(features, units) - at(0, units)
    if isinstance(projection, int):
        return seen, projection * (at(features, units, projection=projection + 1) - at(features, units))
    bend = at(0, units + 1) - 2 * at(0, units) + at(0, units - 1)
    return seen, units**2 * bend // 2


def reading_products(cell: Choice, features: int, units: int) -> int:
    """Multiplications of a step's products that make its output alone, which no later step reads, as of a matrix memory."""
    spec = CELLS.find(cell.name)
    return int(spec.products(features, units, **spec.own(cell.options))[2]) if spec.products is not None else 0


def flops(case: Case) -> int:
    """Multiplications and additions in the matrix products of one training step, batch or streamed step.

    A forward pass over B sequences of T steps takes 2·B·T·(W_x + W_h + R) + 2·B·H·O, with W_x and W_h the weights that
    `product_weights` counts, R what `reading_products` does, H the width of the cell's output, and O outputs. Backwards each
    product occurs twice more, for the gradients of its weights and of its other factor, but nothing needs the gradient of
    the inputs: 2·B·T·(2·W_x + 3·W_h + 3·R) + 6·B·H·O for a training step in which every step's output counts.
    Element-wise arithmetic, clipping and Adam are left out.
    """
    inputs, states = product_weights(case.cell, case.features, case.units)
    read = reading_products(case.cell, case.features, case.units)
    head = int(CELLS.find(case.cell.name).state_sizes(case.units, case.cell.options)[0]) * OUTPUTS
    if case.what == "train":
        return 2 * case.batch * (case.timesteps * (2 * inputs + 3 * states + 3 * read) + 3 * head)
    return 2 * case.batch * (case.timesteps * (inputs + states + read) + head)
