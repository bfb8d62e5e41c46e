"""Programs of PyTorch whose state_dict does not say how they call their modules: read as they are, or refused.

What is compared with: the program itself, run by PyTorch.
"""

import random
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from refusals import refused

import gru_tf
from gru_tf.foundation.errors import UserError
from gru_tf.interchange import importing

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")
nn = torch.nn

RELATIVE = 1e-5
KINDS = {"gru": nn.GRU, "lstm": nn.LSTM, "rnn": nn.RNN}


class Program(nn.Module):
    """Modules and functions, called in the order of `steps`, whatever the order in which they are defined.

    Args:
        steps: (name, module or function) from the lowest to the highest.
        defined: names in the order of definition.
        initial: name of a stack → its learned initial states by name.
    """

    def __init__(self, steps, defined=None, initial=None):
        super().__init__()
        modules = {name: step for name, step in steps if isinstance(step, nn.Module)}
        for name in defined or modules:
            self.add_module(name, modules[name])
        self.steps, self.initial = [(name, step) for name, step in steps], initial or {}
        for states in self.initial.values():
            for name, state in states.items():
                self.register_parameter(name, nn.Parameter(state))

    def forward(self, x):
        for name, step in self.steps:
            if isinstance(step, nn.RNNBase):
                own = [state.repeat(1, len(x), 1) for state in self.initial.get(name, {}).values()]
                x, _ = step(x, *([] if not own else [own[0] if len(own) == 1 else tuple(own)]))
            elif isinstance(step, nn.RNNCellBase):
                x = through(step, x)
            elif isinstance(step, nn.BatchNorm1d):
                x = step(x.transpose(1, 2)).transpose(1, 2)
            else:
                x = step(x)
        return x


def through(cell, x):
    """A cell called step by step."""
    state, outputs = None, []
    for t in range(x.shape[1]):
        state = cell(x[:, t], state)
        outputs.append(state[0] if isinstance(state, tuple) else state)
    return torch.stack(outputs, dim=1)


def softmax(x):
    return torch.softmax(x, dim=-1)


FUNCTIONS = {
    "relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "softmax": softmax, "dropout": lambda x: x,
    "gelu": nn.functional.gelu, "leaky_relu": nn.functional.leaky_relu,
}  # fmt: skip


def shaken(module):
    """With weights, and statistics of batches, that no default has."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if tensor.dtype.is_floating_point:
                random_ = torch.rand(tensor.shape, generator=generator) - 0.5
                tensor.copy_(random_ + 1.5 if name.endswith("running_var") else random_)
    return module.eval()


def check(model, program, x):
    with torch.no_grad():
        expected = program(torch.as_tensor(x)).numpy()
    np.testing.assert_allclose(np.asarray(model(x)), expected, rtol=0, atol=RELATIVE * max(1.0, np.abs(expected).max()))


def saved(program, folder):
    torch.save(shaken(program).state_dict(), folder / "program.pt")
    return folder / "program.pt"


X = np.random.default_rng(5).normal(size=(3, 6, 4)).astype("float32")


# --- a second stack ---


def two_stacks(**gap):
    lstm = nn.LSTM(4, 5, batch_first=True)
    return Program([("lstm1", lstm), *gap.items(), ("lstm2", nn.LSTM(5, 5, batch_first=True)), ("fc", nn.Linear(5, 2))])


def test_a_second_stack_is_chained_where_the_user_says_so(tmp_path):
    path = saved(program := two_stacks(), tmp_path)
    refused(lambda: gru_tf.import_model(path), "expected one recurrent stack, or `prefix` for each in their order")
    refused(lambda: gru_tf.import_model(path, prefix="lstm1"), "lstm2: expected `prefix='lstm2'` too", "leave_out='lstm2'")
    refused(lambda: gru_tf.import_model(path, leave_out="lstm2"), "fc.weight: expected `leave_out='fc'`")
    check(gru_tf.import_model(path, prefix=["lstm1", "lstm2"], verify=True), program, X)
    check(gru_tf.import_model(path, order="lstm1,lstm2,fc", verify=True), program, X)


def test_stacks_whose_widths_do_not_follow_are_refused(tmp_path):
    path = saved(two_stacks(), tmp_path)
    refused(lambda: gru_tf.import_model(path, prefix=["lstm2", "lstm1"]), "lstm1.l0", "5 features")
    refused(lambda: gru_tf.import_model(path, prefix=["lstm1", "lstm1"]), "expected each stack once")


@pytest.mark.parametrize("kind", [nn.GRUCell, nn.LSTMCell, nn.RNNCell])
def test_cells_are_stacks_of_one_layer(tmp_path, kind):
    path = saved(program := Program([("cell1", kind(4, 5)), ("cell2", kind(5, 3)), ("out", nn.Linear(3, 2))]), tmp_path)
    refused(lambda: gru_tf.import_model(path), "`prefix` for each")
    check(gru_tf.import_model(path, prefix=["cell1", "cell2"], verify=True), program, X)


# --- normalisations and initial states ---


def test_a_normalisation_is_placed_where_its_width_proves_it(tmp_path):
    steps = [
        ("bn", nn.BatchNorm1d(4)),
        ("rnn", nn.GRU(4, 6, batch_first=True)),
        ("ln", nn.LayerNorm(6)),
        ("fc", nn.Linear(6, 2)),
    ]
    path = saved(program := Program(steps), tmp_path)
    imported = importing.import_file(path, verify=True)
    check(imported.model, program, X)
    line = str(imported.verified)
    assert "; compared: bn → rnn.l0 → ln → fc, with nothing else between them; not covered: " in line
    assert "epsilons, which are taken for bn 1e-05, ln 1e-05" in line


def test_a_normalisation_that_fits_in_two_places_is_refused_with_an_order(tmp_path):
    steps = [
        ("rnn", nn.GRU(4, 4, batch_first=True)),
        ("bn", nn.BatchNorm1d(4)),
        ("relu", torch.relu),
        ("fc", nn.Linear(4, 2)),
    ]
    path = saved(program := Program(steps), tmp_path)
    words = "bn: expected its place, such as `order='rnn,bn,fc'`", "which fits before rnn and behind rnn"
    refused(lambda: gru_tf.import_model(path), *words)
    check(gru_tf.import_model(path, order="rnn,bn,relu,fc", verify=True), program, X)
    check(gru_tf.import_model(path, between="bn,relu", verify=True), program, X)


def test_beside_an_activation_the_order_must_be_said(tmp_path):
    path = saved(
        Program([("rnn", nn.GRU(4, 5, batch_first=True)), ("ln", nn.LayerNorm(5)), ("fc", nn.Linear(5, 2))]), tmp_path
    )
    refused(lambda: gru_tf.import_model(path, between="relu"), "ln: expected its place", "where something else stands")


@pytest.mark.parametrize("norm", [nn.GroupNorm(1, 5), nn.RMSNorm(5), nn.BatchNorm1d(5, track_running_stats=False)])
def test_vectors_that_could_be_of_another_normalisation_are_refused(tmp_path, norm):
    path = saved(Program([("rnn", nn.GRU(4, 5, batch_first=True)), ("norm", norm)]), tmp_path)
    refused(lambda: gru_tf.import_model(path), "norm: expected a batch norm", "norm=layer_norm")


def test_an_epsilon_is_an_option(tmp_path):
    norm = nn.LayerNorm(5, eps=0.1)
    path = saved(program := Program([("rnn", nn.GRU(4, 5, batch_first=True)), ("norm", norm)]), tmp_path)
    check(gru_tf.import_model(path, order="rnn,norm=layer_norm:0.1", verify=True), program, X)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("both", [False, True])
def test_learned_initial_states_are_read(tmp_path, kind, both):
    count = 4 if both else 2
    stack = KINDS[kind](4, 5, 2, batch_first=True, bidirectional=both)
    names = ("h0", "c0") if kind == "lstm" else ("h0",)
    initial = {"rnn": {name: torch.zeros(count, 1, 5) for name in names}}
    path = saved(program := Program([("rnn", stack)], initial=initial), tmp_path)
    model = gru_tf.import_model(path, verify=True)
    check(model, program, X)
    model.save(tmp_path / "model.keras")
    check(importing.import_file(tmp_path / "model.keras", verify=False).model, program, X)


def test_an_initial_state_without_a_telling_name_is_refused_unless_it_is_named(tmp_path):
    stack, start = nn.LSTM(4, 5, batch_first=True), {"a": torch.zeros(1, 1, 5), "b": torch.zeros(1, 1, 5)}
    path = saved(program := Program([("rnn", stack)], initial={"rnn": start}), tmp_path)
    refused(lambda: gru_tf.import_model(path), "a: expected `leave_out='a'`", "neither read nor left out")
    check(gru_tf.import_model(path, initial_state=["a", "b"], verify=True), program, X)
    refused(lambda: gru_tf.import_model(path, initial_state=["a"]), "expected 2 keys of rnn, h before c")


def test_one_of_two_states_is_refused(tmp_path):
    path = saved(Program([("rnn", nn.LSTM(4, 5))], initial={"rnn": {"h0": torch.zeros(1, 1, 5)}}), tmp_path)
    refused(lambda: gru_tf.import_model(path), "h0: could be a learned initial state", "h0 alone")


# --- activations ---


def test_what_stands_between_is_an_option_and_the_line_says_what_was_compared(tmp_path):
    steps = [("rnn", nn.GRU(4, 5, batch_first=True)), ("relu", torch.relu), ("fc", nn.Linear(5, 2)), ("softmax", softmax)]
    path = saved(program := Program(steps), tmp_path)
    check(gru_tf.import_model(path, between=["relu,dropout", "softmax"], verify=True), program, X)
    line = str(importing.import_file(path, verify=True).verified)
    assert "; compared: rnn.l0 → fc, with nothing else between them; not covered: other operations" in line
    refused(lambda: gru_tf.import_model(path, between="rely"), "between: expected a module of the file", "'relu'?")
    refused(lambda: gru_tf.import_model(path, between=["relu"] * 3), "between: expected at most 2 gaps")
    refused(lambda: gru_tf.import_model(path, order="rnn,fc", between="relu"), "order: expected it in place of `between`")


def test_a_layer_in_front_is_read_where_the_order_says_so(tmp_path):
    steps = [
        ("inp", nn.Linear(4, 5)),
        ("relu", torch.relu),
        ("rnn", nn.GRU(5, 5, batch_first=True)),
        ("fc", nn.Linear(5, 5)),
    ]
    path = saved(program := Program(steps), tmp_path)
    refused(lambda: gru_tf.import_model(path))
    check(gru_tf.import_model(path, order="inp=linear,relu,rnn,fc", verify=True), program, X)
    refused(lambda: gru_tf.import_model(path, order="inp,rnn"), "fc.weight", "neither read nor left out")
    refused(lambda: gru_tf.import_model(path, order="inp,rnn,rnn,fc"), "prefix: expected each stack once")
    refused(lambda: gru_tf.import_model(path, order="inp,rnn,fc,fc"), "order: expected each module once")


# --- any program ---

NEUTRAL = ["a", "net", "layer", "m.b", "x1", "mod"]


@st.composite
def programs(draw):
    """Steps, the order of definition, and learned states: of widths that often coincide."""
    widths, taken = st.sampled_from([3, 4, 4, 5]), set()

    def named(*likely):
        name = draw(st.sampled_from([name for name in (*likely, *NEUTRAL) if name not in taken]))
        taken.add(name)
        return name.replace(".", "_")

    def norm(width):
        kind = draw(st.sampled_from([nn.BatchNorm1d, nn.LayerNorm, nn.LayerNorm]))
        return (named("norm", "ln1", "ln2", "bn", "layer_norm"), kind(width))

    def gap(width):
        pieces = []
        if draw(st.integers(0, 3)) == 0:
            pieces.append(norm(width))
        if draw(st.booleans()):
            function = draw(st.sampled_from(sorted(FUNCTIONS)))
            pieces.insert(draw(st.integers(0, len(pieces))), (function, FUNCTIONS[function]))
        return pieces

    steps, width, initial = [], 4, {}
    if draw(st.integers(0, 4)) == 0:
        steps += [(named("inp", "input_proj", "fc0"), nn.Linear(width, width := draw(widths)))]
    steps += gap(width)
    for n in range(draw(st.integers(1, 2))):
        kind, both, depth = draw(st.sampled_from(sorted(KINDS))), draw(st.booleans()), draw(st.integers(1, 2))
        name, units = named(f"rnn{n}", "lstm", "gru"), draw(widths)
        steps += [(name, KINDS[kind](width, units, depth, batch_first=True, bidirectional=both))]
        if n == 0 and draw(st.integers(0, 4)) == 0:
            names = ("h0", "c0") if kind == "lstm" else ("h0",)
            initial[name] = {state: torch.zeros(depth * (1 + both), 1, units) for state in names}
        width = units * (1 + both)
        steps += gap(width)
    for _ in range(draw(st.integers(0, 2))):
        steps += [(named("fc", "head", "out", "linear"), nn.Linear(width, width := draw(widths))), *gap(width)]
    modules = [name for name, step in steps if isinstance(step, nn.Module)]
    random.Random(draw(st.integers(0, 9))).shuffle(modules) if draw(st.booleans()) else None
    return steps, modules, initial


def item(name, step):
    return (
        f"{name}=layer_norm" if isinstance(step, nn.LayerNorm) else f"{name}=linear" if isinstance(step, nn.Linear) else name
    )


def without_functions(steps):
    """What a state_dict can tell at most."""
    return [(name, step) for name, step in steps if isinstance(step, nn.Module)]


def compared(line):
    """The modules that a line says were compared, in order."""
    names = re.search(r"; compared: (.*?), with nothing else between them", line)[1].split(" → ")
    return list(dict.fromkeys(re.sub(r"\.l\d+$", "", name) for name in names))


@pytest.mark.slow
@given(program=programs())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_program_is_read_in_the_order_that_is_given(program, tmp_path):
    steps, defined, initial = program
    path = saved(made := Program(steps, defined, initial), tmp_path)
    states = [f"{stack}={name}" for stack, own in initial.items() for name in own]
    order = [item(name, step) for name, step in steps]
    model = gru_tf.import_model(path, order=order, initial_state=states, verify=True)
    check(model, made, X)


@pytest.mark.slow
@given(program=programs())
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_without_an_order_any_program_is_read_as_the_line_says_or_refused(program, tmp_path):
    """Without its functions, which the file does not record and the line names as not covered; never in another order."""
    steps, defined, initial = program
    path = saved(Program(steps, defined, initial), tmp_path)
    stacks = [name for name, step in steps if isinstance(step, nn.RNNBase)]
    try:
        imported = importing.import_file(path, prefix=stacks)
    except UserError:
        return
    known, line = without_functions(steps), str(imported.verified)
    assert "not covered: other operations, which the file does not record" in line
    if compared(line) != [
        name for name, _ in known
    ]:  # a layer in front that is defined behind the stack, of no telling name
        name = known[0][0]
        assert f"that {name} stands behind the stack, as in the file's order, though its shape fits in front" in line
        assert defined.index(name) > defined.index(stacks[0])
        return
    check(imported.model, shaken(Program(known, defined, initial)), X)
