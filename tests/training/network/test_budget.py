"""Equal budgets: the size found is the nearest of all, and every count is that of the network Keras builds."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from gru_tf.experiment.specs import ModelSpec
from gru_tf.foundation.errors import UserError
from gru_tf.recurrent.cells import CELLS
from gru_tf.tasks import Signature
from gru_tf.training.network.budget import TOLERANCE, Size, size, solve
from gru_tf.training.network.model import build
from gru_tf.training.network.resolution import resolve

MUSIC = Signature(timesteps=9, features=88, outputs=88, target="binary", per_step=True)
SHAPES = [Signature(timesteps=9, features=i, outputs=o, target="class") for i, o in ((1, 10), (2, 1), (8, 10), (88, 88))]
BUDGETS = [1, 37, 100, 999, 1000, 12_000, 20_001]


def variants() -> list[Any]:
    """Every cell with its default options and with each other value of each option."""
    found = []
    for name in CELLS.names():
        cell = CELLS.find(name)
        settings = [{}, *({option: value} for option in cell.options for value in cell.examples(option)[1:])]
        found += [pytest.param(cell, options, id=f"{name}{options or ''}") for options in settings]
    return found


every_cell = pytest.mark.parametrize(("cell", "options"), variants())


def nearest(cell: Any, options: Any, signature: Signature, model: ModelSpec) -> int:
    """The units whose network is nearest to the budget, by trying all up to one twice too large; the fewer of equals."""
    best, distance, units = 0, float("inf"), cell.least_units - 1
    while True:
        units += cell.step_of_units(options)
        parameters = size(cell, options, signature, model, units).parameters
        if abs(parameters - model.parameters) < distance:
            best, distance = units, abs(parameters - model.parameters)
        if parameters > 2 * model.parameters + 2:
            return best


def check_nearest(solver: Any, cell: Any, options: Any) -> int:
    """Compare with all sizes at many shapes, depths, directions and budgets; returns how many were met."""
    met = 0
    for signature, layers, both, parameters in product(SHAPES, (1, 2, 3), (False, True), BUDGETS):
        model = ModelSpec(parameters=parameters, layers=layers, bidirectional=both)
        units = nearest(cell, options, signature, model)
        missed = abs(size(cell, options, signature, model, units).parameters - parameters) / parameters
        if missed > TOLERANCE:
            with pytest.raises(UserError):
                solver(cell, options, signature, model)
            continue
        met += 1
        assert solver(cell, options, signature, model).units == units
    return met


@every_cell
def test_the_size_is_the_nearest_of_all(cell, options):
    assert check_nearest(solve, cell, options) > 50


def test_the_search_through_all_sizes_is_able_to_fail():
    def below(cell: Any, options: Any, signature: Signature, model: ModelSpec) -> Size:
        found = solve(cell, options, signature, model)
        above = found.parameters > model.parameters and found.units > cell.least_units
        return size(cell, options, signature, model, found.units - 1) if above else found

    with pytest.raises(AssertionError):
        check_nearest(below, CELLS.find("gru"), {})


BUILT = [
    ModelSpec(units=5),
    ModelSpec(units=5, layers=3),
    ModelSpec(units=5, layers=2, bidirectional=True, dropout=0.1),
    ModelSpec(parameters=3000, layers=2),
]


@pytest.mark.parametrize("model", BUILT, ids=lambda model: f"{model.budget} {model.layers} {model.bidirectional}")
@pytest.mark.parametrize("signature", [SHAPES[2], MUSIC], ids=["last", "each"])
@every_cell
def test_counts_are_those_of_the_network_that_keras_builds(cell, options, signature, model):
    model = model.but(implementation="custom")
    if model.units:
        model = model.but(units=model.units * cell.step_of_units(options))
    if model.parameters and signature is MUSIC:
        model = model.but(parameters=30_000)
    found = solve(cell, options, signature, model)
    network = build(resolve(model, signature, cell, options))
    head = network.get_layer("head").count_params()
    assert found.parameters == network.count_params()
    assert found.recurrent_parameters == network.count_params() - head
    width = cell.state_sizes(found.units, options)[0]
    assert head == ((1 + model.bidirectional) * width + 1) * signature.outputs


@pytest.mark.parametrize("name", ["slstm", "mlstm"])
def test_units_that_heads_cannot_share_are_refused(name):
    with pytest.raises(UserError, match=r"^model\.units: received 5, expected a multiple of 2 for .lstm with heads=2$"):
        solve(CELLS.find(name), {"heads": 2}, SHAPES[0], ModelSpec(units=5))


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_counts_are_those_of_the_stock_layers(name):
    model = ModelSpec(units=5, layers=2, bidirectional=True)
    network = build(resolve(model, SHAPES[2], CELLS.find(name), {}))
    assert solve(CELLS.find(name), {}, SHAPES[2], model).parameters == network.count_params()


def test_a_miscount_is_seen():
    cell = CELLS.find("lstm")
    wrong = replace(cell, parameters=lambda features, units: 4 * units * (features + units))
    network = build(resolve(BUILT[0], SHAPES[2], cell, {}))
    assert solve(wrong, {}, SHAPES[2], BUILT[0]).parameters != network.count_params()


# Chung et al. 2014, arXiv 1412.3555: the sizes of the polyphonic models, 88 notes in and an 88-way head.
@pytest.mark.parametrize(
    ("name", "options", "units", "recurrent", "total"),
    [
        ("lstm", {}, 36, 4 * 36 * (88 + 36 + 1), 21_256),
        ("gru", {}, 46, 3 * 46 * (88 + 46 + 2), 22_904),  # two biases a gate, as cuDNN has
        ("gru", {"reset_after": False}, 46, 3 * 46 * (88 + 46 + 1), 22_766),  # one, as the paper has
        ("rnn", {}, 100, 100 * (88 + 100 + 1), 27_788),
    ],
)
def test_the_published_sizes(name, options, units, recurrent, total):
    found = solve(CELLS.find(name), options, MUSIC, ModelSpec(units=units))
    assert found == Size(units, total, recurrent)
    assert total - recurrent == (units + 1) * 88


@pytest.mark.parametrize(("name", "units"), [("lstm", 37), ("gru", 46), ("rnn", 99)])
def test_a_budget_of_the_recurrent_layers_alone(name, units):
    """Chung and others have 36, 46 and 100 units, "about 20K parameters"; gate by gate: 4H(I + H + 1), 3H(I + H + 2), …."""
    model = ModelSpec(parameters=18_700, counted="recurrent")
    weights = {
        "lstm": lambda h: 4 * h * (88 + h + 1),
        "gru": lambda h: 3 * h * (88 + h + 2),
        "rnn": lambda h: h * (88 + h + 1),
    }
    solved = solve(CELLS.find(name), {}, MUSIC, model)
    assert (solved.units, solved.recurrent_parameters) == (units, weights[name](units))
    assert all(abs(weights[name](h) - 18_700) > abs(weights[name](units) - 18_700) for h in (units - 1, units + 1))
    assert solve(CELLS.find(name), {}, MUSIC, model.but(counted="whole")).units < units


def test_of_two_sizes_equally_near_the_smaller_is_taken():
    linear = replace(CELLS.find("rnn"), parameters=lambda features, units: 10 * units)
    one = Signature(timesteps=3, features=1, outputs=1, target="value")
    counts = [size(linear, {}, one, ModelSpec(units=1), units).parameters for units in (9, 10)]
    assert counts == [100, 111]
    assert [solve(linear, {}, one, ModelSpec(parameters=n)).units for n in (105, 106)] == [9, 10]
    even = replace(linear, parameters=lambda features, units: 9 * units)
    assert solve(even, {}, one, ModelSpec(parameters=96)).units == 9, "91 and 101 are equally far from 96"


@every_cell
def test_a_larger_budget_never_gives_a_smaller_network(cell, options):
    found = [solve(cell, options, SHAPES[2], ModelSpec(parameters=n)).units for n in range(2000, 12000, 17)]
    assert found == sorted(found)
    assert len(set(found)) > 5


def test_a_budget_that_no_network_is_near_says_which_are():
    # one unit: 4 · 1 · (88 + 1 + 1) recurrent and (1 + 1) · 88 in the head; two: 4 · 2 · (88 + 2 + 1) and (2 + 1) · 88
    with pytest.raises(UserError) as refused:
        solve(CELLS.find("lstm"), {}, MUSIC, ModelSpec(parameters=200))
    assert str(refused.value) == (
        "model.parameters: received 200, expected a larger budget or one near a size of this cell:"
        " the lstm networks nearest to it have 536 and 992 parameters"
    )


@pytest.mark.parametrize(("budget", "fine"), [(910, True), (909, False), (1111, True), (1112, False)])
def test_a_tenth_from_the_budget_is_the_most(budget, fine):
    cell = replace(CELLS.find("rnn"), parameters=lambda features, units: 998 if units == 1 else 100_000 * units)
    one = Signature(timesteps=3, features=1, outputs=1, target="value")
    assert size(cell, {}, one, ModelSpec(units=1), 1).parameters == 1000
    if fine:
        assert solve(cell, {}, one, ModelSpec(parameters=budget)).units == 1
    else:
        with pytest.raises(UserError, match="1,000 and"):
            solve(cell, {}, one, ModelSpec(parameters=budget))
