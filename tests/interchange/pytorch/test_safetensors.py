"""State dicts without PyTorch: read, verified against a stored reference, written; mistakes are refused by name.

What is compared with: PyTorch's equations in NumPy (`pytorch_equations`), and the safetensors library.
"""

import hashlib
import json
import struct
from dataclasses import replace

import keras
import numpy as np
import pytest
from pytorch_equations import run, weights
from refusals import refused
from safetensors.numpy import load_file, save_file

import gru_tf
from gru_tf.foundation import extras
from gru_tf.interchange import building, importing, keras_model, provenance, pytorch
from gru_tf.interchange.network import Network
from gru_tf.interchange.pytorch import checkpoint, reading, safetensors
from gru_tf.interchange.pytorch.options import StateDictOptions
from gru_tf.interchange.tensor import Tensor
from gru_tf.recurrent import gates
from gru_tf.recurrent.gates import layouts
from gru_tf.recurrent.gates.packing import Layout

FLOAT64, FLOAT32 = 1e-10, 1e-5
X = np.random.default_rng(7).normal(size=(3, 6, 3))
EMBEDDING = np.random.default_rng(8).normal(size=(11, 3)).astype("float32")


def linear(outputs, inputs, name, bias=True, seed=9):
    rng = np.random.default_rng(seed)
    arrays = {f"{name}.weight": rng.normal(size=(outputs, inputs)).astype("float32")}
    return arrays | ({f"{name}.bias": rng.normal(size=outputs).astype("float32")} if bias else {})


def tensors(arrays):
    """Entries as a file gives them, without a file."""
    return {name: Tensor(name, a.shape, a.dtype.name, lambda a=a: a) for name, a in arrays.items()}


def read(arrays, **options):
    return reading.read(tensors(checkpoint.find_tensors(arrays, np.ndarray)), StateDictOptions(**options))


@pytest.fixture
def file(tmp_path):
    """A function that writes arrays as a safetensors file."""

    def write(arrays, name="weights.safetensors"):
        save_file({key: np.ascontiguousarray(a) for key, a in arrays.items()}, tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture
def no_torch(monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda name: None)


# --- the same function ---


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
@pytest.mark.parametrize(("directions", "biases", "layers"), [(1, True, 2), (2, True, 2), (1, False, 1), (2, False, 1)])
def test_a_stack_computes_what_pytorch_s_equations_do(file, cell, directions, biases, layers):
    arrays = weights(cell, directions=directions, biases=biases, layers=layers, dtype="float64")
    expected, final = run(cell, arrays, X)
    found = importing.import_file(file(arrays), verify=False, dtype="float64")
    np.testing.assert_allclose(found.model(X), expected, rtol=0, atol=FLOAT64)
    output, *states = building.build(found.network, states=True, dtype="float64")(X)
    np.testing.assert_allclose(output, expected, rtol=0, atol=FLOAT64)
    for one, other in zip(states, final, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=FLOAT64)


def test_a_language_model_with_an_embedding_and_a_head_of_the_last_step(file):
    arrays = weights("lstm", directions=2) | {"emb.weight": EMBEDDING} | linear(5, 8, "out")
    tokens = np.random.default_rng(1).integers(11, size=(3, 6))
    model = gru_tf.import_model(file(arrays), verify=False, every_step=False)
    _, states = run("lstm", arrays, EMBEDDING[tokens])
    both = np.concatenate([states[-4], states[-2]], axis=-1)  # h of the last layer, forward and backward
    np.testing.assert_allclose(model(tokens), both @ arrays["out.weight"].T + arrays["out.bias"], rtol=0, atol=FLOAT32)
    assert [type(layer) for layer in model.layers[1:]] == [
        keras.layers.Embedding,
        keras.layers.Bidirectional,
        keras.layers.Bidirectional,
        keras.layers.Dense,
    ]


def test_relu_is_an_option_and_tanh_is_assumed(file):
    arrays = weights("rnn", layers=1)
    x = X[:, :3]
    model = gru_tf.import_model(file(arrays), verify=False, activation="relu")
    np.testing.assert_allclose(model(x), run("rnn", arrays, x, nonlinearity=lambda a: np.maximum(a, 0))[0], rtol=1e-5)
    assert "nonlinearity, which is taken for tanh" in " ".join(read(arrays).uncovered)
    assert not any("taken for" in phrase for phrase in read(arrays, activation="relu").uncovered)
    refused(lambda: read(weights("gru"), activation="relu"), "activation", "GRU", "only torch.nn.RNN")
    refused(lambda: read(arrays, activation="tanhh"), "Did you mean 'tanh'?")


def test_padding_changes_nothing_where_lengths_are_given(file):
    arrays = weights("gru", directions=2, layers=1)
    model = gru_tf.import_model(file(arrays), verify=False, masked=True)
    x = X.astype("float32")
    mask = np.arange(6) < np.array([2, 6, 4])[:, None]
    for row, length in enumerate((2, 6, 4)):
        expected, _ = run("gru", arrays, x[row : row + 1, :length])
        np.testing.assert_allclose(model([x, mask])[row : row + 1, :length], expected, rtol=0, atol=FLOAT32)


def test_a_wrong_option_is_refused_with_the_nearest(file):
    known = "Options: prefix, embedding, head, every_step, activation, masked"
    path = file(weights("gru", layers=1))
    refused(lambda: gru_tf.import_model(path, every_stop=0), "every_stop: no option", "Did you mean 'every_step'", known)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_read_exactly(tmp_path, dtype):
    arrays = weights("gru", layers=1)
    halves = {k: (a.view(np.uint32) & 0xFFFF0000).view(np.float32) for k, a in arrays.items()}  # bfloat16's numbers
    if dtype == "float16":
        halves = {k: a.astype("float16").astype("float32") for k, a in arrays.items()}
    path = tmp_path / "half.safetensors"
    _write_raw(path, {k: ("BF16" if dtype == "bfloat16" else "F16", a) for k, a in halves.items()})
    network = pytorch.read(path).network
    expected = gates.read({k.removeprefix("rnn.").removesuffix("_l0"): a for k, a in halves.items()}, "pytorch_gru")
    for name, block in network.layers[0].forward.blocks.items():
        np.testing.assert_array_equal(block, expected.blocks[name])
        assert block.dtype == np.float32


def test_every_bfloat16_is_the_upper_half_of_a_float32(tmp_path):
    bits = np.arange(1 << 16, dtype=np.uint32) << 16  # nan and infinity among them
    _write_raw(tmp_path / "all.safetensors", {"all": ("BF16", bits.view(np.float32))})
    tensor = safetensors.read(tmp_path / "all.safetensors")["all"]
    assert (tensor.shape, tensor.dtype) == ((1 << 16,), "bfloat16")
    numbers = tensor.load()
    assert numbers.dtype == np.float32
    np.testing.assert_array_equal(numbers.view(np.uint32), bits)


def _write_raw(path, typed, length=None):
    """The format by hand: length of the header, header, numbers."""
    header, body = {}, b""
    for name, (kind, array) in typed.items():
        stored = {
            "BF16": lambda a: (a.view(np.uint32) >> 16).astype("<u2"),
            "F16": lambda a: a.astype("<f2"),
            "F32": lambda a: a,
        }[kind](np.ascontiguousarray(array)).tobytes()
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": [len(body), len(body) + len(stored)]}
        body += stored
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + body)


# --- found by name ---


@pytest.mark.parametrize(
    "prefix", ["", "rnn.", "encoder.rnn.", "module.rnn.", "_orig_mod.rnn.", "module._orig_mod.a.b.", "a._orig_mod."]
)
def test_a_stack_is_found_at_any_prefix(prefix):
    network = read(weights("gru", prefix=prefix)).network
    expected = read(weights("gru")).network
    for one, other in zip(network.layers, expected.layers, strict=True):
        for name, block in one.forward.blocks.items():
            np.testing.assert_array_equal(block, other.forward.blocks[name])
    bare = prefix.replace("_orig_mod.", "").removeprefix("module.")
    assert [layer.name for layer in network.layers] == [f"{bare}l0", f"{bare}l1"]


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
def test_a_state_dict_is_found_in_a_checkpoint(key):
    optimizer = {"state": {0: {"exp_avg": np.zeros((12, 4))}}, "param_groups": [{"lr": 0.1}]}
    state_dict = read({key: weights("gru") | linear(5, 4, "fc"), "optimizer": optimizer, "epoch": 3})
    assert [linear.name for linear in state_dict.network.head] == ["fc"]
    assert not [note for note in state_dict.uncovered if "exp_avg" in note]


def test_of_several_stacks_the_prefix_says_which():
    both = weights("gru", prefix="encoder.rnn.") | weights("lstm", prefix="decoder.rnn.", units=5, seed=2)
    both |= linear(6, 5, "decoder.out") | {"encoder.emb.weight": EMBEDDING, "decoder.emb.weight": EMBEDDING}
    assert "list" not in refused(lambda: read(both), "`prefix`", "'encoder.rnn' (2 layers)", "'decoder.rnn' (2 layers)")
    decoder = read(both, prefix="decoder.rnn", leave_out="encoder").network
    assert (decoder.layers[0].forward.cell, decoder.outputs, decoder.tokens) == ("lstm", 6, 11)
    encoder = read(both, leave_out=["decoder"]).network
    assert (encoder.layers[0].forward.cell, encoder.head, encoder.tokens) == ("gru", (), 11)
    refused(lambda: read(both, prefix="encoder.rnn."), "decoder.rnn: expected `prefix='decoder.rnn'` too", "leave_out")
    refused(lambda: read(both, prefix="encoder.rn"), "Did you mean 'encoder.rnn'?")


def test_a_dict_that_holds_itself_is_looked_through_once():
    tree = {"state_dict": weights("gru")}
    tree |= {f"again{n}": tree for n in range(50)} | {"best": tree["state_dict"]}
    tree["state_dict"]["up"] = tree
    assert [layer.name for layer in read(tree).network.layers] == ["rnn.l0", "rnn.l1"]


def test_two_models_in_one_checkpoint_have_different_prefixes():
    both = {"generator": weights("gru") | linear(5, 4, "fc"), "critic": weights("gru", seed=3)}
    refused(lambda: read(both), "'generator.rnn'", "'critic.rnn'")
    assert read(both, leave_out="critic").network.outputs == 5
    assert read(both, prefix="critic.rnn", leave_out="generator").network.head == ()


def test_a_list_of_modules_is_one_stack_where_the_prefix_says_so():
    parts = weights("gru", layers=1, prefix="rnns.10.", features=5, units=2)
    parts |= weights("lstm", layers=1, prefix="rnns.9.", units=5)
    advice = "(`prefix='rnns'` for the whole list, in order), and `leave_out` for others. Received: "
    refused(lambda: read(parts), f"{advice}'rnns.10' (1 layer)")
    two = parts | {name.replace("rnns", "net.cells"): array for name, array in parts.items()}
    refused(lambda: read(two), "(`prefix='rnns'` or `prefix='net.cells'` for the whole list")
    network = read(parts, prefix="rnns").network
    assert [(layer.name, layer.forward.cell) for layer in network.layers] == [("rnns.9.l0", "lstm"), ("rnns.10.l0", "gru")]


def test_a_list_whose_modules_have_several_stacks_is_refused():
    parts = weights("gru", prefix="nets.0.b.") | weights("gru", prefix="nets.0.a.") | weights("gru", prefix="nets.1.")
    words = "prefix: expected one recurrent stack in each module of 'nets'. Received: 'nets.0.b' (2 layers), 'nets.0.a'"
    refused(lambda: read(parts, prefix="nets"), words)
    read_a = read(parts, prefix="nets.0.a", leave_out=["nets.0.b", "nets.1"])
    assert [layer.name for layer in read_a.network.layers] == ["nets.0.a.l0", "nets.0.a.l1"]


def test_a_cell_s_keys_name_no_layer():
    cell = {name.replace("_l0", ""): array for name, array in weights("gru", layers=1, prefix="cell.").items()}
    x = X.astype("float32")
    network = read(cell).network
    expected, _ = run("gru", {f"{name}_l0": a for name, a in cell.items()}, x, prefix="cell.")
    np.testing.assert_allclose(building.build(network)(x), expected, rtol=0, atol=FLOAT32)


# --- what lies around ---

AROUND = {  # entries beside a GRU 4 → 4 → (embedding, heads)
    "an embedding has no bias": ({"a": (9, 4, False), "b": (9, 4, True)}, "a", ["b"]),
    "a name tells": ({"embed": (9, 4, False), "out": (9, 4, False)}, "embed", ["out"]),
    "modules without a gap in one Sequential": (
        {"head.0": (6, 4, True), "head.1": (5, 6, True)},
        None,
        ["head.0", "head.1"],
    ),
    "nothing": ({}, None, []),
}


@pytest.mark.parametrize("case", AROUND)
def test_an_embedding_and_heads_are_found(case):
    modules, embedding, heads = AROUND[case]
    arrays = weights("gru", features=4)
    for seed, (name, (outputs, inputs, bias)) in enumerate(modules.items()):
        arrays |= linear(outputs, inputs, name, bias, seed)
    state_dict = read(arrays)
    assert (state_dict.embedding and state_dict.embedding.name) == embedding
    assert [linear.name for linear in state_dict.network.head] == heads
    for linear_, name in zip(state_dict.network.head, heads, strict=True):
        np.testing.assert_array_equal(linear_.kernel.T, arrays[f"{name}.weight"])


def test_what_is_neither_read_nor_left_out_is_refused():
    arrays = weights("gru", features=4) | linear(7, 9, "conv") | {"temperature": np.array(2.0)}
    advice = "conv.weight: expected `leave_out='conv'`, `leave_out='temperature'`"
    refused(lambda: read(arrays), advice, "conv.bias (7,), temperature ()", "neither read nor left out")
    assert any("conv.bias" in phrase for phrase in read(arrays, leave_out=["conv", "temperature"]).uncovered)


def test_tied_weights_are_an_embedding_and_a_head():
    tied = {"encoder.weight": EMBEDDING, "decoder.weight": EMBEDDING}
    network = read(weights("gru", units=3) | tied).network
    np.testing.assert_array_equal(network.embedding, EMBEDDING)
    np.testing.assert_array_equal(network.head[0].kernel.T, EMBEDDING)


AMBIGUOUS = {
    "two heads": (
        {"policy": (6, 4, True), "value": (1, 4, True)},
        {},
        ["policy.weight (6, 4)", "value.weight", "`head`", "`head=False`"],
    ),
    "a gap, where an activation may be": (
        {"net.0": (6, 4, True), "net.2": (5, 6, True)},
        {},
        ["net.0.weight", "net.2.weight", "activation"],
    ),
    "two embeddings": (
        {"source": (9, 3, False), "target": (8, 3, False)},
        {},
        ["source.weight", "target.weight", "`embedding='KEY'`"],
    ),
    "embedding or head": ({"table": (9, 4, False)}, {"features": 4}, ["table.weight", "`embedding=False`"]),
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_ambiguous_entries_are_refused_with_the_option(case):
    modules, sizes, words = AMBIGUOUS[case]
    arrays = weights("gru", **sizes)
    for name, (outputs, inputs, bias) in modules.items():
        arrays |= linear(outputs, inputs, name, bias)
    refused(lambda: read(arrays), *words)


IN_FRONT = {  # modules before a stack of 8 features and 4 units, modules after it, options → words of the message
    "a linear layer": ({"inp": (8, 5, True)}, {}, {}, ["inp.weight: could be a layer in front", "`leave_out='inp'`"]),
    "without a bias": ({"inp": (8, 5, False)}, {}, {}, ["inp.weight: could be a layer in front", "(8, 5)"]),
    "of two, the nearer": (
        {"a.0": (6, 5, True), "a.2": (8, 6, True)},
        {},
        {},
        ["a.2.weight: could be", "`leave_out='a.2'`"],
    ),
    "beside a head": ({"inp": (8, 5, True)}, {"out": (3, 4, True)}, {}, ["inp.weight: could be a layer in front"]),
    "beside a head that is named": ({"inp": (8, 5, True)}, {"out": (3, 4, True)}, {"head": "out"}, ["inp.weight: could be"]),
    "behind an embedding": ({"emb": (9, 5, False), "inp": (8, 5, True)}, {}, {}, ["inp.weight: could be a layer in front"]),
    "as wide as a head": ({"fc": (8, 4, True)}, {}, {}, ["fc.weight: could be", "`head='fc'` if it is on top"]),
    "as an embedding": ({"a": (8, 8, False)}, {}, {}, ["a.weight: could be", "`embedding='a'` if it is one"]),
    "left out, and another": (
        {"inp": (8, 5, True), "more": (8, 7, True)},
        {},
        {"leave_out": ["inp"]},
        ["more.weight: could be a layer in front"],
    ),
    "a wrong name": ({"inp": (8, 5, True)}, {}, {"leave_out": ["imp"]}, ["leave_out: expected one of inp.weight", "'inp'?"]),
    "the stack": ({}, {}, {"leave_out": ["rnn"]}, ["expected recurrent weights", "Received: no tensors"]),
}


def placed(before, after):
    """A state_dict in the order of its modules."""
    arrays = {}
    for modules in (before, None, after):
        for name, (outputs, inputs, bias) in (modules or {}).items():
            arrays |= linear(outputs, inputs, name, bias)
        arrays |= weights("gru", features=8) if modules is None else {}
    return arrays


@pytest.mark.parametrize("case", IN_FRONT)
def test_a_possible_layer_in_front_of_the_stack_is_refused(case):
    before, after, options, words = IN_FRONT[case]
    refused(lambda: read(placed(before, after), **options), *words)


NOT_IN_FRONT = {  # modules before and after, options → embedding, heads
    "left out": ({"inp": (8, 5, True)}, {"out": (3, 4, True)}, {"leave_out": ["inp"]}, None, ["out"]),
    "left out by its key": ({"inp": (8, 5, False)}, {}, {"leave_out": "inp.weight"}, None, []),
    "named as the head": ({"fc": (8, 4, True)}, {}, {"head": "fc"}, None, ["fc"]),
    "left out, though it fits as a head": ({"fc": (8, 4, True)}, {}, {"leave_out": ["fc"]}, None, []),
    "no head": ({}, {"fc": (3, 4, True)}, {"head": False}, None, []),
    "after the stack": ({}, {"fc": (8, 4, True)}, {}, None, ["fc"]),
    "called a head": ({"decoder": (8, 4, True)}, {}, {}, None, ["decoder"]),
    "named as the embedding": ({"a": (8, 8, False)}, {}, {"embedding": "a"}, "a", []),
    "called an embedding": ({"emb": (8, 8, False)}, {}, {}, "emb", []),
}


def test_in_alphabetical_order_the_position_of_a_matrix_says_nothing(file):
    """As safetensors writes it: a forecaster's head, as many outputs as inputs, called fc."""
    arrays = placed({}, {"fc": (8, 4, True)})
    words = "fc.weight: could be a layer in front of the stack", "`head='fc'` if it is on top"
    refused(lambda: gru_tf.import_model(file({name: arrays[name] for name in sorted(arrays)})), *words)
    network = read(arrays)
    assert [linear.name for linear in network.network.head] == ["fc"]
    assert "that fc stands behind the stack, as in the file's order, though its shape fits in front" in network.uncovered
    refused(lambda: read(placed({}, {"inp": (8, 4, True)})), "inp.weight: could be a layer in front")


@pytest.mark.parametrize("case", NOT_IN_FRONT)
def test_matrices_that_are_named_or_cannot_be_in_front_are_read(case):
    before, after, options, embedding, heads = NOT_IN_FRONT[case]
    state_dict = read(placed(before, after), **options)
    assert (state_dict.embedding and state_dict.embedding.name) == embedding
    assert [linear.name for linear in state_dict.network.head] == heads
    left = [name for name in {**before, **after} if name not in (embedding, *heads)]
    assert all(any("left out" in note and f"{name}.weight" in note for note in state_dict.uncovered) for name in left)


def test_options_decide_what_is_meant():
    arrays = (
        weights("gru") | linear(6, 4, "net.0") | linear(5, 6, "net.2") | linear(8, 3, "a", False) | linear(9, 3, "b", False)
    )
    network = read(arrays, head=["net.0.weight", "net.2"], embedding="b", leave_out=["a"]).network
    assert [linear.name for linear in network.head] == ["net.0", "net.2"]
    assert network.tokens == 9
    bare = read(arrays, head=False, embedding=False).network
    assert (bare.head, bare.embedding) == ((), None)
    refused(lambda: read(arrays, head="nett.0", embedding=False), "head", "Did you mean 'net.0'?")
    refused(lambda: read(arrays, head="net.2", embedding=False), "net.2.weight", "head (O, 4)", "(5, 6)")
    refused(lambda: read(arrays, head=False, embedding="net.0"), "net.0: expected a matrix without bias")


# --- refused ---


def changed(**changes):
    """A GRU of two layers with other arrays under some keys; None takes one away."""
    arrays = weights("gru") | {f"rnn.{name}": a for name, a in changes.items()}
    return {name: a for name, a in arrays.items() if a is not None}


def ones(*shape, dtype="float32"):
    return np.ones(shape, dtype)


REFUSED = {
    "one unit": (
        weights("gru", features=1, units=1, layers=1) | {"rnn.bias_ih_l0": ones(4)},
        ["rnn.bias_ih_l0: expected shape (3,) for 3 gates of 1 unit and 1 feature. Received: (4,)"],
    ),
    "no recurrent key": ({"fc.weight": ones(3, 3)}, ["expected recurrent weights", "fc.weight"]),
    "no tensor": ({"a": 3}, ["expected a state_dict", "Received: dict"]),
    "nothing at all": ({}, ["expected a state_dict", "Received: an empty dict"]),
    "one without a module beside another": (
        weights("gru", prefix="") | weights("gru", prefix="b."),
        ["`prefix` for each in their order", "'' (at the top level; 2 layers), 'b' (2 layers)"],
    ),
    "two gates": (
        changed(weight_hh_l0=ones(8, 4)),
        ["rnn.weight_hh_l0", "expected 1 gate (RNN), 3 gates (GRU) or 4 gates (LSTM)", "2 gates"],
    ),
    "a broken gate": (
        changed(weight_hh_l0=ones(13, 4)),
        ["rnn.weight_hh_l0", "expected 1 gate (RNN), 3 gates (GRU) or 4 gates (LSTM)", "3.25 gates"],
    ),
    "no matrix": (changed(weight_hh_l0=ones(12)), ["rnn.weight_hh_l0", "expected a matrix"]),
    "no units": (changed(weight_hh_l0=ones(0, 0)), ["rnn.weight_hh_l0", "expected a matrix"]),
    "no features": (changed(weight_ih_l0=ones(12, 0)), ["rnn.weight_ih_l0", "expected a matrix"]),
    "another width": (changed(weight_ih_l1=ones(12, 7)), ["rnn.weight_ih_l1", "(12, 4)", "(12, 7)"]),
    "another cell above": (
        changed(weight_ih_l1=ones(16, 4), weight_hh_l1=ones(16, 4)),
        ["rnn.weight_ih_l1", "(12, 4)", "(16, 4)"],
    ),
    "a bias of another length": (changed(bias_hh_l1=ones(9)), ["rnn.bias_hh_l1", "(12,)", "(9,)"]),
    "a missing matrix": (changed(weight_hh_l1=None), ["rnn.weight_hh_l1: missing"]),
    "a missing bias": (changed(bias_hh_l1=None), ["rnn.bias_hh_l1: missing", "biases"]),
    "biases in one layer": (changed(bias_ih_l1=None, bias_hh_l1=None), ["rnn.bias_ih_l1: missing", "biases"]),
    "a layer missing in the middle": (
        {name.replace("_l1", "_l2"): a for name, a in weights("gru").items()},
        ["rnn.weight_ih_l1: missing", "layers 0, 2"],
    ),
    "one layer in both directions": (
        weights("gru") | {f"{n}_reverse": a for n, a in weights("gru", layers=1).items()},
        ["rnn.weight_ih_l1_reverse: missing"],
    ),
    "a projection": (changed(weight_hr_l0=ones(2, 4)), ["rnn.weight_hr_l0", "without projection", "proj_size > 0"]),
    "whole numbers": (changed(weight_hh_l1=ones(12, 4, dtype="int8")), ["rnn.weight_hh_l1", "int8", "float32"]),
    "not finite": (changed(weight_hh_l1=ones(12, 4) * np.nan), ["rnn.weight_hh_l1", "48 of 48 nan"]),
    "a head's bias": (weights("gru") | linear(5, 4, "fc") | {"fc.bias": ones(3)}, ["fc.bias", "(5,)", "(3,)"]),
    "a cell's key and a layer's": (
        changed(weight_ih=ones(12, 3)),
        ["rnn.weight_ih: expected one entry", "rnn.weight_ih_l0"],
    ),
    "a backward direction alone": (
        {f"{n}_reverse": a for n, a in weights("gru", layers=1).items()},
        ["rnn.weight_ih_l0: missing"],
    ),
    "a name that a terminal obeys": (
        weights("gru") | {"\x1b[2J\nrnn.x": ones(2)},
        ["expected printable names", r"\x1b[2J\nrnn.x"],
    ),
    "weight dropout": (
        {n.replace("weight_hh_l0", "weight_hh_l0_raw"): a for n, a in weights("gru", layers=1).items()},
        ["rnn.weight_hh_l0: expected the weight itself", "rnn.weight_hh_l0_raw, from which weight dropout computes it"],
    ),
    "what nothing is known of": (
        {n.replace("weight_hh_l0", "weight_hh_l0_g"): a for n, a in weights("gru", layers=1).items()},
        ["rnn.weight_hh_l0: missing"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_parts_that_do_not_fit_together_are_refused_by_key(case):
    arrays, words = REFUSED[case]
    refused(lambda: read(arrays), *words)


def test_a_message_names_file_and_key(file):
    path = file(changed(weight_ih_l1=ones(12, 7)))
    assert refused(lambda: gru_tf.import_model(path)).startswith(f"{path}: rnn.weight_ih_l1: expected shape (12, 4)")


@pytest.mark.parametrize("keep", [0, 4, 40, 0.5, -1])
def test_a_truncated_file_is_refused(file, keep):
    path = file(weights("gru"))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep) if isinstance(keep, float) else keep])
    refused(lambda: gru_tf.import_model(path), str(path), "expected a complete safetensors file")


LIES = {
    "an offset behind the end": lambda h: h["rnn.weight_hh_l0"]["data_offsets"].__setitem__(1, 10**9),
    "an overlap": lambda h: h["rnn.weight_hh_l0"].update(data_offsets=h["rnn.bias_ih_l0"]["data_offsets"]),
    "a larger shape": lambda h: h["rnn.weight_hh_l0"].update(shape=[1200000, 400000]),
    "a shape beyond 64 bits": lambda h: h["rnn.weight_hh_l0"].update(shape=[2**40, 2**40]),
    "a negative shape": lambda h: h["rnn.weight_hh_l0"].update(shape=[-12, -4]),
    "an unknown type": lambda h: h["rnn.weight_hh_l0"].update(dtype="PICKLE"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_header_that_lies_is_refused(file, lie):
    path = file(weights("gru", layers=1))
    whole = path.read_bytes()
    (length,) = struct.unpack("<Q", whole[:8])
    header = json.loads(whole[8 : 8 + length])
    LIES[lie](header)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + whole[8 + length :])
    refused(lambda: gru_tf.import_model(path), str(path), "expected a complete safetensors file")


def test_a_header_longer_than_the_file_is_refused(tmp_path):
    _write_raw(tmp_path / "long.safetensors", {"a": ("F32", ones(2))}, length=2**62)
    refused(lambda: gru_tf.import_model(tmp_path / "long.safetensors"), "expected a complete safetensors file")


def test_what_is_no_model_is_refused(tmp_path):
    (tmp_path / "notes.pt").write_text("hello world")
    refused(lambda: gru_tf.import_model(tmp_path / "notes.pt"), "notes.pt: expected a file of torch.save", "hello wor")
    (tmp_path / "notes.txt").write_text("hello world")
    refused(lambda: gru_tf.import_model(tmp_path / "notes.txt"), "notes.txt: expected a PyTorch state_dict")
    assert refused(lambda: gru_tf.import_model(tmp_path / "xyz.pt")).endswith("xyz.pt: no such file")
    refused(lambda: gru_tf.import_model(tmp_path / "nootes.pt"), "no such file. Did you mean 'notes.pt'?")
    refused(lambda: gru_tf.import_model("models:/gru@best"), "registry")


def test_a_pt_file_without_pytorch_says_what_to_do(no_torch, tmp_path):
    (tmp_path / "a.pt").write_bytes(b"\x80\x02}.")
    refused(
        lambda: gru_tf.import_model(tmp_path / "a.pt"),
        "a.pt: expected PyTorch to be installed",
        "safetensors.torch.save_file",
    )


def test_an_option_of_another_kind_of_file_is_refused(file):
    refused(lambda: gru_tf.import_model(file(weights("gru")), prefx="rnn"), "prefx", "Did you mean 'prefix'?")


# --- verified by a reference ---


def reference(path, inputs=X, **arrays):
    np.savez(path, inputs=inputs, **arrays)
    return path


@pytest.fixture
def measured(file, tmp_path):
    """A file of a GRU, and its reference by NumPy with states."""
    arrays = weights("gru", directions=2)
    outputs, states = run("gru", arrays, X)
    names = [f"layer{n}_{way}_h" for n in range(2) for way in ("forward", "backward")]
    return file(arrays), reference(tmp_path / "ref.npz", outputs=outputs, **dict(zip(names, states, strict=True)))


def test_a_reference_verifies_and_is_kept_with_the_model(measured, no_torch, tmp_path):
    path, ref = measured
    found = importing.import_file(path, reference=ref, verify=True)
    assert 0 < found.verified.largest < FLOAT32
    assert found.verified.states
    found.model.save(tmp_path / "model.keras")
    kept = provenance.record_of(tmp_path / "model.keras")
    assert kept == provenance.record_of(found.model) == found.record
    assert kept["source"] == "PyTorch state_dict"
    assert kept["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert kept["verified"]["by"] == "the reference ref.npz"
    assert kept["verified"]["largest"] == found.verified.largest
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(X), found.model(X), rtol=0, atol=FLOAT32)  # without the fused kernels
    assert provenance.record_of(loaded) is None


def test_a_file_without_a_record_has_none(tmp_path):
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "plain.keras")
    assert provenance.record_of(tmp_path / "plain.keras") is None
    (tmp_path / "no.keras").write_text("no")
    refused(lambda: provenance.record_of(tmp_path / "no.keras"), "no.keras: expected a .keras file")


def swapped():
    """PyTorch's GRU layout with gates as Keras has them: what nothing complains of."""
    right = layouts.LAYOUTS["pytorch_gru"]
    arrays = tuple(replace(p, rows=(tuple(f"{p.rows[0][0][0]}_{g}" for g in "zrh"),)) for p in right.arrays)
    return Layout("pytorch_gru", arrays, "keep", True, right.reference)


def test_gates_that_are_not_swapped_are_noticed(measured, monkeypatch):
    path, ref = measured
    monkeypatch.setitem(layouts.LAYOUTS, "pytorch_gru", swapped())
    message = refused(lambda: gru_tf.import_model(path, reference=ref), "not the same", "the reference ref.npz")
    assert float(message.partition("a difference of ")[2].split()[0]) > 0.01


@pytest.mark.parametrize("scale", [1e-4, 1.0])
def test_gates_that_are_not_swapped_are_noticed_however_small_the_numbers(file, tmp_path, monkeypatch, scale):
    arrays = {name: a * np.float32(scale) for name, a in weights("gru", layers=1).items()}
    ref = reference(tmp_path / "ref.npz", outputs=run("gru", arrays, X)[0])
    gru_tf.import_model(file(arrays), reference=ref)
    monkeypatch.setitem(layouts.LAYOUTS, "pytorch_gru", swapped())
    refused(lambda: gru_tf.import_model(file(arrays), reference=ref), "not the same")


def test_a_state_that_is_wrong_is_noticed(measured):
    path, ref = measured
    arrays = dict(np.load(ref))
    arrays["layer1_backward_h"] = arrays["layer1_backward_h"] + 1e-3
    np.savez(ref, **arrays)
    refused(lambda: gru_tf.import_model(path, reference=ref), "not the same", "layer1_backward_h")


BAD_REFERENCES = {
    "no outputs": ({"inputs": X}, ["expected 'inputs' and 'outputs'", "inputs"]),
    "other features": ({"inputs": X[..., :2], "outputs": X}, ["inputs: expected shape (batch, T, 3)", "(3, 6, 2)"]),
    "time first": ({"inputs": X, "outputs": np.zeros((6, 3, 8))}, ["outputs: expected shape (3, 6, 8)", "batch_first=True"]),
    "objects": ({"inputs": np.array([{}]), "outputs": X}, ["numbers alone"]),
    "words": ({"inputs": np.array(["a"]), "outputs": X}, ["inputs: expected numbers"]),
    "an unknown name": ({"inputs": X, "outputs": np.zeros((3, 6, 8)), "layer9_h": X}, ["layer9_h", "layer1_backward_h"]),
    "lengths": ({"inputs": X, "outputs": np.zeros((3, 6, 8)), "lengths": [1, 2, 3]}, ["lengths", "not masked"]),
    "not finite": (
        {"inputs": X, "outputs": np.full((3, 6, 8), np.nan)},
        ["expected finite numbers of the reference", "nan or infinite"],
    ),
}


@pytest.mark.parametrize("case", BAD_REFERENCES)
def test_a_reference_that_is_none_is_refused(measured, tmp_path, case):
    arrays, words = BAD_REFERENCES[case]
    np.savez(tmp_path / "bad.npz", **arrays)
    refused(lambda: gru_tf.import_model(measured[0], reference=tmp_path / "bad.npz"), *words)


def test_a_reference_that_is_no_archive_is_refused(measured, tmp_path):
    np.save(tmp_path / "one.npy", X)
    for content in (measured[1].read_bytes()[:300], b"", b"hello", (tmp_path / "one.npy").read_bytes()):
        (tmp_path / "bad.npz").write_bytes(content)
        refused(lambda: gru_tf.import_model(measured[0], reference=tmp_path / "bad.npz"), "bad.npz: expected ")
    refused(lambda: gru_tf.import_model(measured[0], reference=tmp_path / "none.npz"), "none.npz: no such file")


def test_without_framework_and_reference_it_is_not_verified(measured, no_torch):
    found = importing.import_file(measured[0])
    assert found.verified is None
    assert found.record["verified"] is None
    refused(lambda: gru_tf.import_model(measured[0], verify=True), "expected it to be verified", "not installed")


# --- written ---


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_reading_and_writing_again_changes_no_bit(file, tmp_path, no_torch, cell):
    around = {"embedding.weight": EMBEDDING} | linear(5, 8, "head.0") | linear(2, 5, "head.1")
    arrays = weights(cell, directions=2) | around
    network = pytorch.read(file(arrays)).network
    message = pytorch.write(network, tmp_path / "back.safetensors")
    assert message.startswith("not verified: PyTorch is not installed")
    back = load_file(tmp_path / "back.safetensors")
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array)


def test_a_keras_lstm_has_one_bias_and_pytorch_gets_zeros_beside_it(tmp_path, no_torch):
    model = keras.Sequential([keras.Input((None, 3)), keras.layers.LSTM(4, return_sequences=True), keras.layers.Dense(2)])
    model.layers[0].set_weights([np.random.default_rng(3).normal(size=w.shape) for w in model.layers[0].get_weights()])
    message = gru_tf.export_model(model, tmp_path / "lstm.safetensors")
    back = load_file(tmp_path / "lstm.safetensors")
    assert not back["rnn.bias_hh_l0"].any()
    assert back["rnn.bias_ih_l0"].any()
    expected = run("lstm", back, X)[0] @ back["head.weight"].T + back["head.bias"]
    np.testing.assert_allclose(model(X), expected, rtol=0, atol=FLOAT32)
    assert "not verified" in message


def test_layers_of_several_sizes_are_written_as_a_list_of_modules(tmp_path, no_torch):
    layers = [keras.layers.GRU(4, return_sequences=True), keras.layers.LSTM(2, return_sequences=True)]
    model = keras.Sequential([keras.Input((None, 3)), keras.layers.Rescaling(0.5), *layers])
    message = gru_tf.export_model(model, tmp_path / "two.safetensors")
    assert "rnn.0 to rnn.1" in message
    assert "scale 0.5" in message
    back = load_file(tmp_path / "two.safetensors")
    hidden = run("gru", back, X, prefix="rnn.0.")[0]
    np.testing.assert_allclose(model(X), run("lstm", back, hidden, prefix="rnn.1.")[0], rtol=0, atol=FLOAT32)
    again = gru_tf.import_model(tmp_path / "two.safetensors", prefix="rnn")
    np.testing.assert_allclose(again(X), model(X), rtol=0, atol=FLOAT32)


def recurrent(layer, name="layer"):
    """Its weights, with the options of a `Recurrent`."""
    layer.build((None, None, 3))
    return replace(keras_model.read_layer(layer), name=name)


UNWRITABLE = {
    "reset before": (lambda: recurrent(keras.layers.GRU(4, reset_after=False)), ["layer", "reset_after=False"]),
    "backwards alone": (lambda: recurrent(keras.layers.GRU(4, go_backwards=True)), ["layer", "a backward direction alone"]),
    "hard sigmoid": (
        lambda: recurrent(keras.layers.LSTM(4, recurrent_activation="hard_sigmoid")),
        ["layer", "hard_sigmoid"],
    ),
    "relu in a GRU": (lambda: recurrent(keras.layers.GRU(4, activation="relu")), ["layer", "activation tanh", "relu"]),
}


@pytest.mark.parametrize("case", UNWRITABLE)
def test_what_pytorch_cannot_compute_is_not_written(tmp_path, no_torch, case):
    make, words = UNWRITABLE[case]
    refused(lambda: pytorch.write(Network((make(),)), tmp_path / "no.safetensors"), *words)
    assert not list(tmp_path.iterdir())


def test_what_a_state_dict_does_not_record_is_in_the_message(tmp_path, no_torch):
    one = recurrent(keras.layers.SimpleRNN(4, activation="relu"))
    message = pytorch.write(Network((one,), every_step=False, masked=True), tmp_path / "a.safetensors")
    for words in ("nonlinearity='relu'", "pack_padded_sequence", "h_n"):
        assert words in message
    other = keras.layers.SimpleRNN(4)
    other.build((None, None, 4))
    mixed = Network((one, keras_model.read_layer(other)))
    refused(lambda: pytorch.write(mixed, tmp_path / "b.safetensors"), "one activation", "relu, tanh")


def test_files_are_only_overwritten_on_request(tmp_path, no_torch):
    model = keras.Sequential([keras.Input((None, 3)), keras.layers.GRU(2)])
    path = tmp_path / "there.safetensors"
    path.write_text("mine")
    refused(lambda: gru_tf.export_model(model, path), "already exists")
    assert path.read_text() == "mine"
    gru_tf.export_model(model, path, overwrite=True)
    assert "rnn.weight_ih_l0" in load_file(path)
    refused(lambda: gru_tf.export_model(model, tmp_path / "a.onxx"), "Did you mean '.onnx'?")
    refused(lambda: gru_tf.export_model(model, path / "a.safetensors"), "expected a place in a folder that can be written")
    (tmp_path / "folder.safetensors").mkdir()
    into = tmp_path / "folder.safetensors"
    refused(lambda: gru_tf.export_model(model, into, overwrite=True), "expected a file's name. Received: a folder")
    into.rmdir()
    refused(lambda: gru_tf.export_model(model, tmp_path / "b.pt"), "expected PyTorch to be installed")
    refused(lambda: gru_tf.export_model(tmp_path / "none.keras", tmp_path / "b.pt"), "none.keras: no such file")
    refused(lambda: gru_tf.export_model(path, tmp_path / "c.safetensors"), "there.safetensors: expected a")
    assert {file.name for file in tmp_path.iterdir()} == {"there.safetensors"}
