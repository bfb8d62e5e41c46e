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
    refused(lambda: gru_tf.import_model(path, order="inp,rnn,rnn,fc"), "order: expected each stack once")
    refused(lambda: gru_tf.import_model(path, order="inp,rnn,fc,fc"), "order: expected each module once")


# --- what may belong elsewhere ---


def state_dict(folder, **modules):
    """The entries of these modules, under their names with "_" for "."."""
    torch.manual_seed(0)
    entries = {}
    for name, module in modules.items():
        own = module.state_dict() if isinstance(module, nn.Module) else {"": module}
        entries |= {f"{name.replace('__', '.')}.{key}".strip("."): tensor for key, tensor in own.items()}
    torch.save(entries, folder / "entries.pt")
    return folder / "entries.pt"


STACK, NEXT, FC = nn.GRU(4, 5), nn.GRU(5, 5), nn.Linear(5, 2)
ELSEWHERE = {  # entries, options, words of the refusal
    "a linear layer between the stacks": (
        {"a": nn.GRU(4, 5), "mid": nn.Linear(5, 5), "b": NEXT},
        {"prefix": ["a", "b"]},
        ["mid.weight: could be a layer in front", "`head='mid'` if it is on top"],
    ),
    "two of them": (
        {"a": STACK, "mid": nn.Sequential(nn.Linear(5, 3), nn.Linear(3, 5)), "b": NEXT},
        {"prefix": ["a", "b"]},
        ["mid.1.weight: could be a layer in front"],
    ),
    "a norm of what is left out": (
        {"a": STACK, "b": nn.GRU(4, 5), "norm_b": nn.BatchNorm1d(5)},
        {"prefix": "a", "leave_out": "b"},
        ["norm_b: expected its place", "which may belong to what is left out (b)"],
    ),
    "a state of what is left out": (
        {"enc__rnn": STACK, "dec__rnn": nn.GRU(4, 5), "dec__h0": torch.zeros(1, 1, 5)},
        {"leave_out": "dec.rnn"},
        ["dec.h0: could be a learned initial state", "a name that tells it from those of what is left out (dec.rnn)"],
    ),
    "a norm within a cell": (
        {"cell": nn.LSTMCell(4, 5), "cell__ln": nn.LayerNorm(5), "fc": FC},
        {},
        ["cell.ln: expected its place", "within cell, and may be computed at every step"],
    ),
    "a norm beside a cell": (
        {"cell": nn.LSTMCell(4, 5), "ln": nn.LayerNorm(5), "fc": FC},
        {},
        ["ln: expected its place", "may be computed on a cell's state at every step"],
    ),
    "a layer within a cell": ({"cell": nn.GRUCell(4, 5), "cell__proj": FC}, {}, ["cell.proj", "neither read nor left out"]),
    "an embedding with a bias": (
        {"embed": nn.Linear(4, 4), "rnn": STACK},
        {"order": "embed=embedding,rnn"},
        ["expected an embedding, a matrix without bias, as first module. Received: 'embed' with a bias"],
    ),
    "an embedding with a bias, as an option": (
        {"embed": nn.Linear(4, 4), "rnn": STACK},
        {"embedding": "embed"},
        ["embedding: embed: expected a matrix without bias. Received: embed.bias"],
    ),
    "an embedding that is not there": (
        {"table": nn.Embedding(4, 4), "rnn": STACK},
        {"order": "table,rnn", "embedding": "tabel"},
        ["expected an embedding, a matrix without bias, as first module. Received: tabel"],
    ),
    "an embedding that is not first": (
        {"table": nn.Embedding(4, 4), "rnn": STACK},
        {"order": "relu,table=embedding,rnn"},
        ["as first module. Received: table"],
    ),
    "an RMS norm by another name": (
        {"rnn": STACK, "layer_norm": nn.RMSNorm(5), "fc": FC},
        {},
        ["layer_norm: expected a batch norm"],
    ),
    "a norm of several axes": (
        {"norm": nn.LayerNorm((7, 4), bias=False), "rnn": STACK},
        {},
        ["norm.weight", "neither read nor left out"],
    ),
    "a module's bias as a state": (
        {"rnn": nn.GRU(4, 2), "fc": nn.Linear(2, 2)},
        {"initial_state": ["fc.bias"]},
        ["initial_state: expected none, as every key is a module's, or 'zeros'", "Received: 'fc.bias'"],
    ),
    "the same norm twice": (
        {"rnn": STACK, "ln": nn.LayerNorm(5), "fc": nn.Linear(5, 5)},
        {"between": ["ln", "ln"]},
        ["between: expected each module once. Received: 'ln' twice"],
    ),
    "no order": ({"rnn": STACK, "fc": FC}, {"order": ","}, ["order: expected at least one name, or 'none'"]),
    "an empty gap": ({"rnn": STACK, "fc": FC}, {"between": ""}, ["between: expected at least one name, or 'none'"]),
    "a number": ({"rnn": STACK, "fc": FC}, {"order": 5}, ["order: expected names. Received: 5"]),
    "a negative slope": ({"rnn": STACK}, {"order": "rnn,leaky_relu:-0.2"}, ["expected a finite number of at least 0"]),
    "an infinite epsilon": ({"rnn": STACK, "ln": nn.LayerNorm(5)}, {"order": "rnn,ln:1e400"}, ["expected a finite number"]),
    "another spelling": ({"rnn": STACK, "ln": nn.LayerNorm(5)}, {"order": "rnn,ln:1_0"}, ["expected a finite number"]),
    "a typing error in the order": ({"rnn": STACK, "fc": FC}, {"order": "rn,fc"}, ["order: expected a module", "'rnn'?"]),
    "an order without a stack": ({"rnn": STACK, "fc": FC}, {"order": "fc"}, ["order: expected a recurrent stack, of rnn"]),
    "an order without one of two": (
        {"a": STACK, "b": NEXT},
        {"order": "a"},
        ["b: expected its place in `order`, or `leave_out='b'`"],
    ),
    "weight norm in an order": (
        {"rnn": STACK, "fc": nn.utils.parametrizations.weight_norm(nn.Linear(5, 2))},
        {"order": "rnn,fc"},
        ["fc.weight: expected the weight itself", "remove_parametrizations"],
    ),
    "a PReLU": ({"rnn": STACK, "act": nn.PReLU(), "fc": FC}, {}, ["act.weight", "neither read nor left out"]),
}


@pytest.mark.parametrize("case", ELSEWHERE)
def test_what_may_belong_elsewhere_is_refused(tmp_path, case):
    modules, options, words = ELSEWHERE[case]
    path = state_dict(tmp_path, **modules)
    refused(lambda: gru_tf.import_model(path, **options), *words)


def test_a_negative_variance_is_called_one(tmp_path):
    norm = nn.BatchNorm1d(5)
    norm.running_var[2] = -1.0
    path = state_dict(tmp_path, rnn=STACK, bn=norm)
    refused(lambda: gru_tf.import_model(path), "bn.running_var: expected variances of at least 0. Received: -1")


def test_a_stack_at_the_top_level_is_called_by_a_dot(tmp_path):
    class Named(nn.GRU):
        def __init__(self):
            super().__init__(4, 4, batch_first=True)
            self.norm, self.fc = nn.LayerNorm(4), nn.Linear(4, 2)

        def forward(self, x):
            return self.fc(self.norm(super().forward(x)[0]))

    path = saved(program := Named(), tmp_path)
    refused(lambda: gru_tf.import_model(path), "order='.,norm=layer_norm,fc'", "before . and behind .")
    check(gru_tf.import_model(path, order=".,norm=layer_norm,fc", verify=True), program, X)


def test_names_may_hold_what_separates_items(tmp_path):
    steps = [("a,b", nn.GRU(4, 5, batch_first=True)), ("n:1", nn.LayerNorm(5)), ("f=c", nn.Linear(5, 2))]
    path = saved(program := Program(steps), tmp_path)
    for order in ("a,b,n:1=layer_norm:1e-5,f=c", ["a,b", "n:1=layer_norm", "f=c"]):
        check(gru_tf.import_model(path, order=order, verify=True), program, X)


@pytest.mark.parametrize("names", [["h0", "zeros"], ["zeros", "c0"]])
def test_one_learned_state_of_two_is_stated_with_zeros(tmp_path, names):
    class Half(Program):
        def forward(self, x):
            learned = self.h0 if hasattr(self, "h0") else self.c0
            state = learned.repeat(1, len(x), 1)
            zeros = torch.zeros_like(state)
            return self.rnn(x, (state, zeros) if names[0] == "h0" else (zeros, state))[0]

    only = next(name for name in names if name != "zeros")
    program = Half([("rnn", nn.LSTM(4, 5, batch_first=True))], initial={"rnn": {only: torch.zeros(1, 1, 5)}})
    path = saved(program, tmp_path)
    refused(lambda: gru_tf.import_model(path), f"{only}: could be a learned initial state", "'zeros' for one that is none")
    check(gru_tf.import_model(path, initial_state=names, verify=True), program, X)


def test_states_of_each_layer_are_stated_one_by_one(tmp_path):
    class Listed(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.LSTM(4, 5, 2, batch_first=True)
            self.h, self.c = (nn.ParameterList(torch.zeros(1, 5) for _ in range(2)) for _ in "hc")

        def forward(self, x):
            states = [torch.stack([s.expand(len(x), 5) for s in each]) for each in (self.h, self.c)]
            return self.rnn(x, tuple(states))[0]

    path = saved(program := Listed(), tmp_path)
    refused(lambda: gru_tf.import_model(path), "`initial_state` for learned initial states")
    check(gru_tf.import_model(path, initial_state=["h.0", "h.1", "c.0", "c.1"], verify=True), program, X)


@pytest.mark.parametrize("both", [False, True])
def test_the_line_says_which_step_is_read(tmp_path, both):
    path = state_dict(tmp_path, rnn=nn.GRU(4, 5, bidirectional=both), fc=nn.Linear(10 if both else 5, 2))
    line = str(importing.import_file(path, verify=True, every_step=False).verified)
    assert f"compared: rnn.l0 → last step{' of each direction' if both else ''} → fc, with nothing else" in line


def test_what_the_suggested_order_says_can_be_typed(tmp_path):
    path = state_dict(tmp_path, table=nn.Embedding(9, 5), rnn=nn.GRU(5, 5, batch_first=True), norm=nn.LayerNorm(5))
    message = refused(lambda: gru_tf.import_model(path, head=False), "order='table=embedding,")
    suggested = re.search(r"order='([^']*)'", message)[1]
    assert gru_tf.import_model(path, order=suggested, verify=True).output_shape == (None, None, 5)


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
    return list(dict.fromkeys(re.sub(r"\.l\d+( with learned initial states)?$", "", name) for name in names))


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
