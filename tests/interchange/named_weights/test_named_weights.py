"""Files with the weights of a Keras model alone: what must be stated, what is refused, and hostile files."""

import io
import zipfile

import h5py
import numpy as np
import pytest
from refusals import refused

import gru_tf
from gru_tf.interchange import importing, named_weights, npz
from gru_tf.interchange.named_weights import names, running

FEATURES, UNITS = 4, 5
GRU = {"kernel": (FEATURES, 3 * UNITS), "recurrent_kernel": (UNITS, 3 * UNITS), "bias": (2, 3 * UNITS)}


def normal(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def arrays(shapes, layer="gru"):
    return {f"{layer}/{role}": normal(shape, n) for n, (role, shape) in enumerate(shapes.items())}


def dense(takes, gives, layer="dense"):
    return {f"{layer}/kernel": normal((takes, gives), 8), f"{layer}/bias": normal(gives, 9)}


def in_npz(tmp_path, content):
    np.savez(tmp_path / "weights.npz", **content)
    return tmp_path / "weights.npz"


def in_hdf5(tmp_path, layers, version="2.15.0"):
    """As Keras 2 writes it."""
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file.attrs["layer_names"], file.attrs["keras_version"] = list(layers), version
        for name, content in layers.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = list(content)
            for key, array in content.items():
                group[key] = array
    return tmp_path / "weights.h5"


# --- what must be stated ---


def test_every_layer_is_in_the_order_or_left_out(tmp_path):
    path = in_npz(tmp_path, arrays(GRU) | dense(UNITS, 3) | {"step": np.array(7)})
    refused(lambda: gru_tf.import_model(path), "step", "leave_out")
    refused(lambda: gru_tf.import_model(path, leave_out="stop"), "leave_out", "Did you mean 'step'?")
    refused(lambda: gru_tf.import_model(path, leave_out="step", order="gru"), "without dense", "order='gru,dense'")
    refused(lambda: gru_tf.import_model(path, leave_out="step", order="gru,gru,dense"), "gru more than once")
    refused(lambda: gru_tf.import_model(path, leave_out="step", order="gru,dens"), "Did you mean 'dense'?")
    refused(lambda: gru_tf.import_model(path, leave_out="step", order="gru=linear,dense"), "gru=recurrent")
    refused(lambda: gru_tf.import_model(path, leave_out="step", order="gru:3,dense"), "'gru:3'")
    refused(lambda: gru_tf.import_model(path, leave_out="step", between=["relu", "none", "relu"]), "at most 2 values")
    refused(lambda: gru_tf.import_model(path, leave_out="step", between="dense"), "activations alone among the items")
    refused(lambda: gru_tf.import_model(path, leave_out="step", between="relu", order="gru,dense"), "Received: both")
    imported = importing.import_file(path, leave_out="step", verify=False)
    assert "left out: step" in imported.uncovered


def test_functions_that_keras_has_in_two_forms_are_stated_in_full(tmp_path):
    path = in_npz(tmp_path, arrays(GRU) | dense(UNITS, 3))
    refused(lambda: gru_tf.import_model(path, between="leaky_relu"), "leaky_relu:0.3", "leaky_relu:0.2")
    model = gru_tf.import_model(path, between="leaky_relu:0.3", verify=True)
    linear = gru_tf.import_model(path, verify=True)
    steep = gru_tf.import_model(path, between="leaky_relu:1", verify=True)
    x = normal((2, 6, FEATURES))
    assert np.abs(np.asarray(model(x)) - np.asarray(linear(x))).max() > 1e-3
    np.testing.assert_allclose(steep(x), linear(x), atol=1e-6)
    path = in_hdf5(tmp_path, {"gru": {f"gru/{role}:0": normal(shape) for role, shape in GRU.items()}})
    refused(lambda: gru_tf.import_model(path, order="gru,hard_sigmoid"), "Keras 2's hard_sigmoid")


def test_a_gru_without_biases_needs_its_reset(tmp_path):
    path = in_npz(tmp_path, arrays({role: GRU[role] for role in ("kernel", "recurrent_kernel")}))
    refused(lambda: gru_tf.import_model(path), "reset_after=True", "without biases")
    after, before = (gru_tf.import_model(path, reset_after=each, verify=True) for each in (True, False))
    x = normal((2, 6, FEATURES))
    assert np.abs(np.asarray(after(x)) - np.asarray(before(x))).max() > 1e-3


def test_a_reset_that_the_biases_deny_is_refused(tmp_path):
    refused(lambda: gru_tf.import_model(in_npz(tmp_path, arrays(GRU)), reset_after=False), "reset_after=True", "(2, 15)")


def test_a_normalization_goes_where_its_width_proves_or_is_stated(tmp_path):
    norm = {"norm/gamma": normal(UNITS), "norm/beta": normal(UNITS, 1)}
    path = in_npz(tmp_path, arrays(GRU) | norm | dense(UNITS, 3))
    assert "gru → norm → dense" in importing.import_file(path, verify=False).scope
    path = in_npz(tmp_path, arrays(GRU) | norm | dense(UNITS, UNITS))
    refused(lambda: gru_tf.import_model(path), "order", "several orders")
    x = normal((2, 6, FEATURES))
    low, high = (
        gru_tf.import_model(path, verify=True, **options)
        for options in ({"between": "norm:1e-6"}, {"order": "gru,dense,norm"})
    )
    assert np.abs(np.asarray(low(x)) - np.asarray(high(x))).max() > 1e-3


def test_layers_of_a_checkpoint_are_in_the_order_of_their_numbers():
    square = arrays({**GRU, "kernel": (UNITS, 3 * UNITS)}, "cell")
    content = {f"layer_with_weights-{n}/{key}": array for n in (1, 0) for key, array in square.items()}
    file = names.read(content, "Keras weights of a checkpoint")
    assert file.ordered
    assert [layer.name for layer in file.layers] == ["layer_with_weights-0", "layer_with_weights-1"]
    foreign = named_weights.network_of(file, named_weights.WeightsOptions(), "ckpt")
    assert [layer.name for layer in foreign.network.layers] == ["layer_with_weights-0", "layer_with_weights-1"]


@pytest.mark.parametrize("form", ["model.h5", "model.weights.h5", "names.npz"])
@pytest.mark.parametrize(
    ("kinds", "told"),
    [([("LSTM", 4), ("GRU", 5)], True), ([("LSTM", 4), ("GRU", 4)], False), ([("GRU", 4), ("GRU", 4)], None)],
)
def test_stacked_cells_are_in_their_order(tmp_path, form, kinds, told):
    """A numbered file numbers cells of each class apart, and names alone say no order at all."""
    tf_keras = pytest.importorskip("tf_keras")
    cells = [getattr(tf_keras.layers, f"{kind}Cell")(units) for kind, units in kinds]
    model = tf_keras.Sequential([tf_keras.layers.RNN(cells, return_sequences=True)])
    x = normal((2, 6, FEATURES))
    model(x)
    path = tmp_path / form
    if form.endswith(".npz"):
        np.savez(path, **{weight.name: weight.numpy() for weight in model.weights})
    else:
        model.save_weights(path)
    if form == "model.h5" or told or (told is None and form == "model.weights.h5"):
        np.testing.assert_allclose(gru_tf.import_model(path, verify=True)(x), model(x), atol=1e-6)
    else:
        refused(lambda: gru_tf.import_model(path), "rnn", "widths tell their order")


def test_numbered_cells_of_a_checkpoint_are_in_their_order():
    square = {**GRU, "kernel": (UNITS, 3 * UNITS)}
    content = {key: array for n in (1, 0) for key, array in arrays(square, f"layer_with_weights-0/cell/cells/{n}").items()}
    content = {key: array + (0 if "/0/" in key else 1) for key, array in content.items()}
    foreign = named_weights.network_of(names.read(content, "Keras weights"), named_weights.WeightsOptions(), "ckpt")
    first, second = (content[f"layer_with_weights-0/cell/cells/{n}/kernel"] for n in (0, 1))
    for layer, kernel in zip(foreign.network.layers, (first, second), strict=True):
        np.testing.assert_array_equal(layer.forward.blocks["W_z"], kernel[:, :UNITS])


def test_layers_may_come_in_order():
    content = arrays({**GRU, "kernel": (UNITS, 15)}, "b/cell") | arrays({**GRU, "kernel": (UNITS, 15)}, "a/cell")
    file = names.read(content, "Keras weights of a checkpoint", ordered=True)
    foreign = named_weights.network_of(file, named_weights.WeightsOptions(), "ckpt")
    assert [layer.name for layer in foreign.network.layers] == ["b", "a"]
    refused(
        lambda: named_weights.network_of(names.read(content, "x"), named_weights.WeightsOptions(), "ckpt"), "several orders"
    )


@pytest.mark.parametrize(
    ("version", "activation"), [("2.2.4", "keras2_hard_sigmoid"), ("2.3.1", "sigmoid"), ("2.15.0", "sigmoid")]
)
def test_gates_have_the_default_of_the_keras_that_wrote_the_file(tmp_path, version, activation):
    path = in_hdf5(tmp_path, {"gru": {f"gru/{role}:0": normal(shape) for role, shape in GRU.items()}}, version)
    assert importing.import_file(path, verify=False).network.layers[0].recurrent_activation == activation


def test_the_comparison_notices_another_function(tmp_path, monkeypatch):
    path = in_npz(tmp_path, arrays(GRU) | dense(UNITS, 3))
    assert importing.import_file(path, verify=True).verified.largest < 1e-5
    monkeypatch.setattr(running, "_tf_keras_function", lambda name: "softsign")
    refused(lambda: gru_tf.import_model(path, verify=True), "not the same")


# --- what is refused ---


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (arrays({**GRU, "bias": (7,)}), ("gru", "bias", "(7,)")),
        (arrays({**GRU, "peephole": (5,)}), ("gru/peephole (5,)",)),
        (arrays({**GRU, "kernel": (4, 5, 15)}), ("gru/kernel (4, 5, 15)",)),
        (arrays({**GRU, "kernel": (4, 10), "recurrent_kernel": (5, 10)}), ("gru", "kernel")),
        (dense(4, 5), ("GRU, LSTM or SimpleRNN",)),
        (
            {**arrays(GRU), "a/embeddings": normal((9, 4)), "b/embeddings": normal((9, 4))},
            ("one embedding", "leave_out='b'"),
        ),
        ({**arrays(GRU), "group_normalization/gamma": normal(5), "group_normalization/beta": normal(5)}, ("group",)),
        ({**arrays(GRU), "dense/kernel": np.ones((5, 3), "int32")}, ("dense/kernel", "int32")),
        ({**arrays(GRU), **dense(7, 3)}, ("no order",)),
    ],
)
def test_what_no_network_has_is_refused(tmp_path, content, words):
    refused(lambda: gru_tf.import_model(in_npz(tmp_path, content)), "weights.npz", *words)


def test_a_name_without_an_array_is_refused(tmp_path):
    path = in_hdf5(tmp_path, {"gru": {f"gru/{role}:0": normal(shape) for role, shape in GRU.items()}})
    with h5py.File(path, "a") as file:
        del file["gru/gru/bias:0"]
    refused(lambda: gru_tf.import_model(path), "gru/gru/bias:0", "expected an array")


def test_an_array_that_no_name_lists_is_refused(tmp_path):
    path = in_hdf5(tmp_path, {"gru": {f"gru/{role}:0": normal(shape) for role, shape in GRU.items()}})
    with h5py.File(path, "a") as file:
        file["gru/more"] = normal(3)
    refused(lambda: gru_tf.import_model(path), "gru/more", "leave_out")


def test_two_layers_of_one_name_are_refused(tmp_path):
    own = {f"gru/{role}:0": normal(shape) for role, shape in GRU.items()}
    path = in_hdf5(tmp_path, {"gru": own})
    with h5py.File(path, "a") as file:
        file["more"] = normal(3)
        file.attrs["layer_names"] = ["gru", "more"]
    refused(lambda: gru_tf.import_model(path), "more more than once")


# --- hostile files ---


def member(array=None, *, raw=None):
    stream = io.BytesIO()
    if raw is None:
        np.lib.format.write_array(stream, array)
    return stream.getvalue() if raw is None else raw


def archive(tmp_path, members):
    with zipfile.ZipFile(tmp_path / "bad.npz", "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members:
            file.writestr(name, data)
    return tmp_path / "bad.npz"


def test_a_pickle_in_an_npz_is_refused(tmp_path):
    np.savez(tmp_path / "weights.npz", kernel=np.array([{"a": 1}], dtype=object))
    refused(lambda: gru_tf.import_model(tmp_path / "weights.npz"), "kernel", "a pickle")


def test_an_array_that_declares_more_than_it_holds_is_refused(tmp_path):
    data = member(normal((2, 3))).replace(b"(2, 3)", b"(9, 9)")
    refused(lambda: gru_tf.import_model(archive(tmp_path, [("gru/kernel.npy", data)])), "expected 324 bytes", "24")


def test_a_file_that_unpacks_to_far_more_than_its_size_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "LARGE", 1 << 16)
    path = archive(tmp_path, [("gru/kernel.npy", member(np.zeros((1000, 1000), "float32")))])
    refused(lambda: gru_tf.import_model(path), "unpack to 4,000,128")


@pytest.mark.parametrize("cut", [10, 200])
def test_a_file_that_is_cut_off_is_refused(tmp_path, cut):
    path = in_npz(tmp_path, arrays(GRU))
    path.write_bytes(path.read_bytes()[:-cut])
    refused(lambda: gru_tf.import_model(path), "weights.npz")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_is_refused(tmp_path):
    path = archive(tmp_path, [("gru/kernel.npy", member(normal(3)))] * 2)
    refused(lambda: gru_tf.import_model(path), "each once", "gru/kernel.npy")


# --- models that are no chain ---


def with_two_heads(layers, x):
    x = layers.GRU(5, return_sequences=True)(x)
    return [layers.Dense(5)(x), layers.Dense(5)(x)]


def with_a_sum(layers, x):
    return layers.Dense(3)(layers.Add()([x, layers.GRU(4, return_sequences=True)(x)]))


def with_two_branches(layers, x):
    both = [layers.GRU(2, return_sequences=True, go_backwards=each)(x) for each in (False, True)]
    return layers.Dense(3)(layers.Concatenate()(both))


def with_attention(layers, x):
    return layers.Dense(3)(layers.Attention()([x, layers.GRU(4, return_sequences=True)(x)]))


def with_summed_directions(layers, x):
    return layers.Dense(3)(layers.Bidirectional(layers.GRU(5, return_sequences=True), merge_mode="sum")(x))


def with_pooling(layers, x):
    return layers.Dense(3)(layers.GlobalAveragePooling1D()(layers.GRU(5, return_sequences=True)(x)))


def with_recurrence_of_words(layers, x):
    return layers.Dense(3)(layers.TimeDistributed(layers.LSTM(4))(layers.Reshape((-1, 2, 4))(x)))


def with_cells_in_both_directions(layers, x):
    cells = [layers.LSTMCell(4), layers.LSTMCell(4)]
    return layers.Bidirectional(layers.RNN(cells, return_sequences=True), merge_mode="sum")(x)


@pytest.mark.parametrize("form", ["model.h5", "model.weights.h5"])
@pytest.mark.parametrize(
    "build",
    [
        with_cells_in_both_directions,
        with_two_heads, with_a_sum, with_two_branches, with_attention, with_summed_directions, with_pooling,
        with_recurrence_of_words,
    ],
)  # fmt: skip
def test_a_model_that_is_no_chain_is_refused(tmp_path, build, form):
    tf_keras = pytest.importorskip("tf_keras")
    inputs = tf_keras.Input((6, FEATURES))
    tf_keras.Model(inputs, build(tf_keras.layers, inputs)).save_weights(tmp_path / form)
    refused(lambda: gru_tf.import_model(tmp_path / form), form)


@pytest.mark.parametrize("form", ["model.h5", "model.weights.h5"])
def test_a_model_of_two_inputs_is_refused(tmp_path, form):
    tf_keras = pytest.importorskip("tf_keras")
    first, second = tf_keras.Input((None, 4)), tf_keras.Input((None, 4))
    _, h, c = tf_keras.layers.LSTM(4, return_state=True)(first)
    decoded = tf_keras.layers.LSTM(4, return_sequences=True)(second, initial_state=[h, c])
    tf_keras.Model([first, second], decoded).save_weights(tmp_path / form)
    refused(lambda: gru_tf.import_model(tmp_path / form), "expected one input", "leave_out")
