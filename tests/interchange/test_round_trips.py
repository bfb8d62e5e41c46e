"""Properties of models that travel: whatever the network, it computes the same at the other end, and comes back.

Networks are drawn by hypothesis: cell × layers × directions × biases × sizes × every step or the last × embedding × head ×
masks × first states. What they compute is compared with NumPy, step by step, and with the framework at the other end, whose
modules and nodes are put together here: no reader and no writer of the package has a part in that.
"""

import sys
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import compute, dtype_of, examples, inputs, networks, relative, uniform

from gru_tf.interchange import building, keras_model
from gru_tf.interchange.network import Linear, Network, Recurrent
from gru_tf.recurrent import gates
from gru_tf.recurrent.gates import GATES, GateWeights

WITHIN = {"float32": 1e-5, "float64": 1e-10}
STOCK = {"gru": {True: "keras", False: "keras_reset_before"}, "lstm": {None: "keras_lstm"}, "rnn": {None: "keras_rnn"}}


def parts(network):
    """A network as plain values and bytes; missing biases are zeros, for Keras' layers have some."""
    layers = []
    for layer in network.layers:
        sides = [side.write(STOCK[side.cell][side.reset_after], biases=True) for side in layer.directions]
        gate = layer.recurrent_activation if layer.forward.cell != "rnn" else None
        layers.append((layer.forward.cell, layer.reverse, layer.activation, gate, *(_bytes(side) for side in sides)))
    head = [_bytes({"kernel": linear.kernel, "bias": linear.bias}) for linear in network.head]
    embedding = _bytes({"embedding": network.embedding})
    return {"layers": layers, "head": head, "embedding": embedding} | {
        name: getattr(network, name) for name in ("every_step", "masked", "scale")
    }


def _bytes(arrays):
    return {name: None if a is None else (a.shape, str(a.dtype), a.tobytes()) for name, a in arrays.items()}


def call(model, network, x, lengths, first=()):
    """Outputs at the real steps of each sequence, and the final states, from the model called eagerly."""
    inputs = [keras.ops.convert_to_tensor(x, model.inputs[0].dtype)]
    if network.masked:
        inputs.append(keras.ops.convert_to_tensor(np.arange(x.shape[1]) < lengths[:, None]))
    inputs += [keras.ops.convert_to_tensor(state, dtype_of(network)) for state in first]
    outputs = model(inputs if len(inputs) > 1 else inputs[0])
    out, *states = outputs if isinstance(outputs, list) else [outputs]
    return real(network, np.asarray(out), lengths), [np.asarray(state) for state in states]


def real(network, out, lengths):
    """What of an output is no padding, sequence by sequence."""
    return [row[:length] if network.every_step else row for row, length in zip(out, lengths, strict=True)]


def apart(received, expected):
    """The largest relative difference of outputs and states."""
    return max(
        relative(a, b) for one, other in zip(received, expected, strict=True) for a, b in zip(one, other, strict=True)
    )


shapes = {"timesteps": st.integers(1, 6), "batch": st.integers(1, 3), "seed": st.integers(0, 2**32 - 1)}


@examples(40)
@given(network=networks(), initial=st.booleans(), **shapes)
def test_a_network_becomes_a_keras_model_that_computes_it_and_comes_back(network, initial, timesteps, batch, seed):
    dtype = dtype_of(network)
    x, lengths = inputs(network, timesteps, batch, seed)
    rng = np.random.default_rng(seed)
    first = [rng.uniform(-1, 1, (batch, units)) for _, units in network.states()] if initial else None
    model = building.build(network, states=True, initial=initial, dtype=dtype)
    assert apart(call(model, network, x, lengths, first or ()), compute(network, x, lengths, first)) <= WITHIN[dtype]
    names = [name for name, _ in network.states()]
    assert [i.name for i in model.inputs[-len(names) :]] == names or not initial
    plain = building.build(network, dtype=dtype)
    assert parts(keras_model.network_of(plain)) == parts(network)


def test_what_a_builder_could_do_wrong_changes_what_is_computed():
    """All but the weights, whose every mutation test_gates_layouts tries."""
    network = some_network()
    x, lengths = inputs(network, 5, 3, seed=1)
    expected = compute(network, x, lengths)
    one, two = network.layers
    mistakes = {
        "read backwards": replace(network, layers=(one, replace(two, reverse=True))),
        "directions exchanged": replace(network, layers=(replace(one, forward=one.backward, backward=one.forward), two)),
        "another activation": replace(network, layers=(one, replace(two, activation="relu"))),
        "other gates": replace(network, layers=(replace(one, recurrent_activation="hard_sigmoid"), two)),
        "another scale": replace(network, scale=0.5),
        "no bias in the head": replace(network, head=(replace(network.head[0], bias=None),)),
    }
    for name, wrong in mistakes.items():
        assert apart(compute(wrong, x, lengths), expected) > 1e-3, name
    padded = np.full_like(lengths, 5)
    assert relative(compute(network, x, padded)[1][0], expected[1][0]) > 1e-3  # padding read as steps


def some_network():
    def weights(cell, features, seed):
        rng = np.random.default_rng(seed)
        shapes = {"W": (features, 4), "U": (4, 4), "b": (4,)}
        blocks = {f"{k}_{g}": uniform(rng, "float64", 4, *shape) for k, shape in shapes.items() for g in GATES[cell]}
        return GateWeights(blocks, None, None, cell)

    both = Recurrent(weights("lstm", 3, 1), weights("lstm", 3, 2), name="both")
    rng = np.random.default_rng(4)
    head = Linear(uniform(rng, "float64", 4, 4, 2), uniform(rng, "float64", 4, 2))
    return Network((both, Recurrent(weights("rnn", 8, 3), name="one")), head=(head,), masked=True)


# --- PyTorch ---


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Many threads on few numbers wait for each other."""
    torch = sys.modules.get("torch") or (find_spec("torch") and import_module("torch"))
    if not torch:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def in_pytorch(network, seed):
    """PyTorch's own modules of the network's shape and with PyTorch's own first weights, under usual names."""
    import torch

    torch.manual_seed(seed)
    one, dtype = network.layers[0].forward, getattr(torch, dtype_of(network))
    both, biases = network.layers[0].backward is not None, one.biased
    kind = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM, "rnn": torch.nn.RNN}[one.cell]
    options = {"bias": biases, "bidirectional": both, "batch_first": True, "dtype": dtype}
    parts = {"rnn": kind(one.features, one.units, len(network.layers), **options)}
    if network.embedding is not None:
        parts["embedding"] = torch.nn.Embedding(*network.embedding.shape, dtype=dtype)
    head = [torch.nn.Linear(*a.kernel.shape, bias=a.bias is not None, dtype=dtype) for a in network.head]
    if head:
        parts["head"] = head[0] if len(head) == 1 else torch.nn.Sequential(*head)
    return torch.nn.ModuleDict(parts)


def by_pytorch(modules, network, x, lengths):
    """Outputs and states as `call` gives them: each sequence by itself, so that nothing is padded."""
    import torch

    outputs, finals = [], []
    with torch.no_grad():
        for sequence, length in zip(x, lengths, strict=True):
            steps = torch.tensor(sequence[None, :length])
            steps = modules["embedding"](steps) if "embedding" in modules else steps.to(getattr(torch, dtype_of(network)))
            out, final = modules["rnn"](steps)
            final = final if isinstance(final, tuple) else (final,)
            sides = 2 if modules["rnn"].bidirectional else 1
            out = out[0] if network.every_step else torch.cat([state[0] for state in final[0][-sides:]])
            outputs.append((modules["head"](out) if "head" in modules else out).numpy())
            finals.append([kind[n, 0].numpy() for n in range(len(final[0])) for kind in final])
    return outputs, [np.array(state) for state in zip(*finals, strict=True)]


@pytest.mark.torch
@examples(40)
@given(network=networks(foreign=True), suffix=st.sampled_from([".pt", ".safetensors"]), **shapes)
def test_pytorch_to_keras(network, suffix, timesteps, batch, seed):
    torch = pytest.importorskip("torch")
    from gru_tf.interchange import pytorch

    modules = in_pytorch(network, seed)
    x, lengths = inputs(network, timesteps, batch, seed)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"model{suffix}"
        if suffix == ".pt":
            torch.save(modules.state_dict(), path)
        else:
            pytest.importorskip("safetensors.torch").save_file(modules.state_dict(), path)
        embedding = "embedding" if "embedding" in modules else False  # found by itself, unless shapes fit more than one
        heads = [f"head.{n}" if len(network.head) > 1 else "head" for n in range(len(network.head))]
        options = {"every_step": network.every_step, "masked": network.masked}
        read = pytorch.read(path, pytorch.Options(embedding=embedding, head=heads or False, **options)).network
    model = building.build(read, states=True, dtype=dtype_of(network))
    assert dtype_of(read) == dtype_of(network)
    expected = by_pytorch(modules, network, x, lengths)
    assert apart(call(model, network, x, lengths), expected) <= WITHIN[dtype_of(network)]


@pytest.mark.torch
@examples(40)
@given(network=networks(foreign=True), **shapes)
def test_keras_to_pytorch(network, timesteps, batch, seed):
    torch = pytest.importorskip("torch")
    from gru_tf.interchange.pytorch import writing

    x, lengths = inputs(network, timesteps, batch, seed)
    model = building.build(network, dtype=dtype_of(network))
    arrays, _ = writing.state_dict(keras_model.network_of(model))  # what a .pt holds; test_pytorch writes files
    modules = in_pytorch(with_biases(network), seed)
    modules.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()})  # every name, every shape
    expected, _ = by_pytorch(modules, network, x, lengths)
    received, _ = call(model, network, x, lengths)
    assert apart([received], [expected]) <= WITHIN[dtype_of(network)]


def with_biases(network):
    """As Keras' layers have them: always."""
    one = network.layers[0]
    name = f"pytorch_{one.forward.cell}"
    first = replace(one, forward=gates.read(one.forward.write(name, biases=True), name))
    return replace(network, layers=(first, *network.layers[1:]))


# --- ONNX ---


def in_onnx(network, kind):
    """A graph of the network put together by ONNX's own helper, batches first, as PyTorch's exporter arranges it."""
    from onnx import helper, numpy_helper

    nodes, tensors, inputs_ = [], [], []
    number = helper.np_dtype_to_tensor_dtype(np.dtype(kind))

    def tensor(name, array):
        tensors.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(op, inputs, *outputs, **attributes):
        nodes.append(helper.make_node(op, inputs, list(outputs), **attributes))
        return outputs[0]

    if network.embedding is None:
        inputs_.append(helper.make_tensor_value_info("x", number, ["batch", "time", network.features]))
        x = "x"
    else:
        inputs_.append(
            helper.make_tensor_value_info("x", helper.np_dtype_to_tensor_dtype(np.dtype("int64")), ["batch", "time"])
        )
        x = node("Gather", [tensor("table", network.embedding), "x"], "embedded")
    if network.masked:
        inputs_.append(
            helper.make_tensor_value_info("lengths", helper.np_dtype_to_tensor_dtype(np.dtype("int32")), ["batch"])
        )
    x = node("Transpose", [x], "time_first", perm=[1, 0, 2])
    for n, layer in enumerate(network.layers):
        both, one = len(layer.directions) == 2, layer.forward
        weights = [onnx_weights(side) for side in layer.directions]
        weights_of_node = [tensor(f"{name}{n}", np.stack([side[name] for side in weights])) for name in "WRB"]
        options = {"linear_before_reset": 1} if one.cell == "gru" else {}
        options |= {"direction": "bidirectional"} if both else {}
        names = [x, *weights_of_node, *(["lengths"] if network.masked else [])]
        node(one.cell.upper(), names, f"Y{n}", f"Y_h{n}", hidden_size=one.units, **options)
        x = node("Transpose", [f"Y{n}"], f"sides{n}", perm=[0, 2, 1, 3])
        x = node("Reshape", [x, tensor(f"shape{n}", np.array([0, 0, -1]))], f"joined{n}")
    if network.every_step:
        x = node("Transpose", [x], "batch_first", perm=[1, 0, 2])
    else:
        x = node("Transpose", [f"Y_h{n}"], "last_sides", perm=[1, 0, 2])
        x = node("Reshape", [x, tensor("flat", np.array([0, -1]))], "last")
    for n, linear in enumerate(network.head):
        x = node("MatMul", [x, tensor(f"kernel{n}", linear.kernel)], f"product{n}")
        x = x if linear.bias is None else node("Add", [x, tensor(f"bias{n}", linear.bias)], f"sum{n}")
    shape = ["batch", "time", network.outputs] if network.every_step else ["batch", network.outputs]
    graph = helper.make_graph(nodes, "drawn", inputs_, [helper.make_tensor_value_info(x, number, shape)], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def onnx_weights(side):
    """W, R and B of one direction after the standard: z r h, i o f c."""
    w, order = side.blocks, {"gru": "zrh", "lstm": "iofc", "rnn": "h"}[side.cell]
    nothing = np.zeros_like(w[f"W_{order[0]}"][0])
    biases = [w.get(f"{letter}_{gate}", nothing) for letter in "bc" for gate in order]
    kernels = (np.concatenate([w[f"{letter}_{gate}"].T for gate in order]) for letter in "WU")
    return {**dict(zip("WR", kernels, strict=True)), "B": np.concatenate(biases)}


def by_onnx(content, network, x, lengths):
    """Outputs alone: by ONNX Runtime, or in float64, where that has no recurrent nodes, by ONNX's reference evaluator."""
    if dtype_of(network) == "float64":
        from onnx.reference import ReferenceEvaluator

        (out,) = ReferenceEvaluator(content).run(None, {"x": x})
        return real(network, out, lengths)
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    first, *others = session.get_inputs()
    feeds = {first.name: x.astype("int64" if network.tokens else "float32")}
    feeds |= {other.name: lengths.astype("int32") for other in others}
    out = session.run([session.get_outputs()[0].name], feeds)[0]
    return real(network, out, lengths)


@examples(40)
@given(network=networks(foreign=True), **shapes)
def test_onnx_to_keras(network, timesteps, batch, seed):
    from gru_tf.interchange import onnx

    dtype = dtype_of(network)
    if dtype == "float64":  # the evaluator takes no lengths
        network = replace(network, masked=False)
    content = in_onnx(network, dtype).SerializeToString()
    x, lengths = inputs(network, timesteps, batch, seed)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(content)
        read = onnx.read(path).network
    assert dtype_of(read) == dtype
    received, _ = call(building.build(read, dtype=dtype), network, x, lengths)
    assert apart([received], [by_onnx(content, network, x, lengths)]) <= WITHIN[dtype]


@examples(8)
@given(network=networks(("float32",)), **shapes)
def test_keras_to_onnx(network, timesteps, batch, seed):
    from gru_tf.interchange import onnx

    x, lengths = inputs(network, timesteps, batch, seed)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.write(keras_model.network_of(building.build(network)), path)
        content = path.read_bytes()
    expected, _ = compute(network, x, lengths)
    assert apart([by_onnx(content, network, x, lengths)], [expected]) <= WITHIN["float32"]
