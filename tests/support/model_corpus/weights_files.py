"""Files with weights alone: of TF-Keras, Keras 3, earlier Keras by hand, NumPy and TorchScript."""

import warnings
from pathlib import Path

import h5py
import keras
import numpy as np

from model_corpus.case import Case, Made

TOKENS, FEATURES, STEPS, BATCH = 11, 4, 6, 3
FORM, NPZ, SCRIPT = "Keras: weights alone", "NumPy: weights by name or position", "PyTorch: TorchScript"


def _tokens():
    return np.random.default_rng(5).integers(0, TOKENS, (BATCH, STEPS)).astype("int32")


def _numbers():
    return np.random.default_rng(6).normal(size=(BATCH, STEPS, FEATURES)).astype("float32")


def _random(model):
    """The model with random weights, variances positive."""
    rng = np.random.default_rng(7)
    model.set_weights(
        [_drawn(rng, weight.name, array.shape) for weight, array in zip(model.weights, model.get_weights(), strict=True)]
    )
    return model


def _drawn(rng, name, shape):
    drawn = rng.normal(0, 0.5, shape)
    return abs(drawn) + 0.1 if "variance" in name else drawn


def _tf_keras(*layers, inputs=_tokens, name="model.h5", save=None):
    """A maker of the weights of a TF-Keras Sequential; layers are functions of `tf_keras.layers`."""

    def make(folder: Path) -> Made:
        import tf_keras

        tf_keras.backend.clear_session()
        model = tf_keras.Sequential([layer(tf_keras.layers) for layer in layers])
        return _made(model, inputs(), folder / name, save)

    return make


def _keras(*layers, inputs=_tokens, save=None):
    def make(folder: Path) -> Made:
        keras.backend.clear_session()
        model = keras.Sequential([layer(keras.layers) for layer in layers])
        return _made(model, inputs(), folder / "model.weights.h5", save)

    return make


def _made(model, inputs, path, save=None) -> Made:
    model(inputs)
    _random(model)
    output = np.asarray(model(inputs, training=False))
    (save or (lambda each, file: each.save_weights(file)))(model, path)
    return Made(path, (inputs,), output)


def _embedding(layers):
    return layers.Embedding(TOKENS, FEATURES)


def _gru(units, **options):
    return lambda layers: layers.GRU(units, return_sequences=True, **options)


def _lstm(units, **options):
    return lambda layers: layers.LSTM(units, return_sequences=True, **options)


def _both(units):
    return lambda layers: layers.Bidirectional(layers.LSTM(units, return_sequences=True))


def _dense(units, activation=None):
    return lambda layers: layers.Dense(units, activation=activation)


def _activation(name):
    return lambda layers: layers.Activation(name)


def _dropout(layers):
    return layers.Dropout(0.3)


def _batch_norm(layers):
    return layers.BatchNormalization()


def _layer_norm(layers):
    return layers.LayerNormalization()


# --- by hand, as programs that are no longer installed wrote them ---


def _write(path, layers, version):
    """A file of Keras 1 or 2: name → arrays by name, for each layer, those without weights included."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in layers]
        file.attrs["backend"] = b"tensorflow"
        if version:
            file.attrs["keras_version"] = version.encode()
        for name, arrays in layers.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = [key.encode() for key in arrays]
            for key, array in arrays.items():
                group[key] = array
    return path


def _recurrent(kind, units, options, both=False):
    """A layer of TF-Keras with random weights; its arrays."""
    import tf_keras

    layer = getattr(tf_keras.layers, kind)(units, return_sequences=True, **options)
    layer = tf_keras.layers.Bidirectional(layer) if both else layer
    layer.build((None, None, FEATURES))
    rng = np.random.default_rng(8)
    layer.set_weights([rng.normal(0, 0.5, w.shape).astype("float32") for w in layer.get_weights()])
    return layer, layer.get_weights()


OLD = {"recurrent_activation": "hard_sigmoid"}


def _keras_2(kind, version, options):
    """As Keras 2.0 to 2.2 and tf.keras of TensorFlow 1 named a layer's weights."""

    def make(folder):
        layer, (kernel, recurrent, bias) = _recurrent(kind, 5, options)
        name = f"{kind.lower()}_1"
        arrays = {f"{name}/kernel:0": kernel, f"{name}/recurrent_kernel:0": recurrent, f"{name}/bias:0": bias}
        path = _write(folder / "old.h5", {name: arrays, "dropout_1": {}}, version)
        return Made(path, (_numbers(),), layer(_numbers()).numpy())

    return make


def _cudnn(folder):
    """CuDNNGRU: matrices transposed gate by gate in the same shape, and two biases in one vector."""
    layer, (kernel, recurrent, bias) = _recurrent("GRU", 5, {"reset_after": True})
    swapped = [
        np.concatenate([gate.T.reshape(gate.shape) for gate in np.split(array, 3, axis=1)], axis=1)
        for array in (kernel, recurrent)
    ]
    names = [f"cu_dnngru_1/{role}:0" for role in ("kernel", "recurrent_kernel", "bias")]
    arrays = dict(zip(names, [*swapped, bias.ravel()], strict=True))
    return Made(_write(folder / "gpu.h5", {"cu_dnngru_1": arrays}, "2.2.4"), (_numbers(),), layer(_numbers()).numpy())


def _cudnn_both(folder):
    """CuDNNLSTM in both directions; of its two biases only the sum counts."""
    layer, arrays = _recurrent("LSTM", 5, {}, both=True)
    rng, old = np.random.default_rng(10), {}
    for direction, own in (("forward", arrays[:3]), ("backward", arrays[3:])):
        *matrices, bias = own
        swapped = [
            np.concatenate([gate.T.reshape(gate.shape) for gate in np.split(array, 4, axis=1)], axis=1) for array in matrices
        ]
        part = rng.normal(size=bias.shape).astype("float32")
        for role, array in zip(
            ("kernel", "recurrent_kernel", "bias"), [*swapped, np.concatenate([part, bias - part])], strict=True
        ):
            old[f"bidirectional_1/{direction}_cu_dnnlstm_1/{role}:0"] = array
    path = _write(folder / "gpu.h5", {"bidirectional_1": old}, "2.2.4")
    return Made(path, (_numbers(),), layer(_numbers()).numpy())


def _keras_1(folder):
    """An array for each gate, with a version that had no other gates than hard sigmoids by default."""
    layer, (kernel, recurrent, bias) = _recurrent("LSTM", 5, OLD)
    gates = dict(zip("ifco", range(4), strict=True))
    arrays = {}
    for gate in "icfo":
        own = slice(5 * gates[gate], 5 * (gates[gate] + 1))
        arrays |= {f"lstm_1_W_{gate}": kernel[:, own], f"lstm_1_U_{gate}": recurrent[:, own], f"lstm_1_b_{gate}": bias[own]}
    rng = np.random.default_rng(9)
    w, b = rng.normal(size=(5, 3)).astype("float32"), rng.normal(size=3).astype("float32")
    dense = {"timedistributed_1_W": w, "timedistributed_1_b": b}
    path = _write(folder / "one.h5", {"lstm_1": arrays, "dropout_1": {}, "timedistributed_1": dense}, "1.2.2")
    return Made(path, (_numbers(),), layer(_numbers()).numpy() @ w + b)


# --- NumPy ---


def _by_name(model, path):
    np.savez(path, **{weight.name: weight.numpy() for weight in model.weights})


def _by_path(model, path):
    np.savez_compressed(path, **{weight.path: weight.numpy() for weight in model.weights})


def _by_position(model, path):
    np.savez(path, *model.get_weights())


def _of_keras_3_in_npz(*layers, save):
    def make(folder):
        made = _keras(*layers, save=lambda model, path: save(model, folder / "weights.npz"))(folder)
        return Made(folder / "weights.npz", made.inputs, made.output)

    return make


# --- PyTorch ---


def _torch_module(torch):
    class Tagger(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(TOKENS, FEATURES)
            self.rnn = torch.nn.GRU(FEATURES, 5, 2, batch_first=True, bidirectional=True)
            self.fc = torch.nn.Linear(10, 3)

        def forward(self, x):
            return self.fc(self.rnn(self.embedding(x))[0])

    torch.manual_seed(3)
    return Tagger().eval()


def _torch(write):
    def make(folder):
        import torch

        module, tokens = _torch_module(torch), _tokens()
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # that TorchScript is deprecated, which its files outlive, and what a trace fixes
            path = write(torch, module, folder, torch.tensor(tokens).long())
        return Made(path, (tokens,), module(torch.tensor(tokens).long()).detach().numpy())

    return make


def _scripted(torch, module, folder, tokens):
    torch.jit.script(module).save(str(folder / "script.pt"))
    return folder / "script.pt"


def _traced(torch, module, folder, tokens):
    torch.jit.trace(module, tokens).save(str(folder / "trace.pt"))
    return folder / "trace.pt"


def _arrays(torch, module, folder, tokens):
    np.savez(folder / "torch.npz", **{name: tensor.numpy() for name, tensor in module.state_dict().items()})
    return folder / "torch.npz"


def _subclassed(folder):
    """A Keras 3 model with a class of its own, whose layers are at the names of its attributes."""

    class Tagger(keras.Model):
        def __init__(self):
            super().__init__()
            self.out, self.hidden = keras.layers.Dense(3), keras.layers.Dense(6, activation="relu")
            self.reader = keras.layers.GRU(5, return_sequences=True)
            self.table = keras.layers.Embedding(TOKENS, FEATURES)

        def call(self, x):
            return self.out(self.hidden(self.reader(self.table(x))))

    return _made(Tagger(), _tokens(), folder / "model.weights.h5")


def _masked(folder):
    """Numbers and a mask, which the imported model takes as its second input."""
    import tf_keras

    model = tf_keras.Sequential([tf_keras.layers.Masking(), *(make(tf_keras.layers) for make in (_lstm(5), _dense(3)))])
    numbers, lengths = _numbers(), np.array([6, 4, 1])
    mask = np.arange(STEPS) < lengths[:, None]
    numbers *= mask[..., None]
    made = _made(model, numbers, folder / "model.h5")
    return Made(made.path, (numbers, mask), made.output)


TF_KERAS, KERAS_3 = "tf_keras save_weights", "keras 3 save_weights"
CASES = [
    Case("Keras 2 weights: GRU, LSTM, dense", FORM, TF_KERAS, _tf_keras(_embedding, _gru(5), _lstm(6), _dense(3))),
    Case(
        "Keras 2 weights: Bidirectional, batch normalization, softmax",
        FORM,
        TF_KERAS,
        _tf_keras(_embedding, _dropout, _both(4), _batch_norm, _gru(5), _layer_norm, _dense(3, "softmax")),
        {"order": "embedding,bidirectional,batch_normalization,gru,layer_normalization,dense,softmax"},
    ),
    Case(
        "Keras 2 weights: hidden dense layer, stated between",
        FORM,
        TF_KERAS,
        _tf_keras(_embedding, _gru(5), _dense(6, "relu"), _dropout, _dense(3, "softmax")),
        {"between": ["none", "relu", "softmax"]},
    ),
    Case(
        "Keras 2 weights: hidden dense layer",
        FORM,
        TF_KERAS,
        _tf_keras(_embedding, _gru(5), _dense(6, "relu"), _dense(3)),
        refusal=("dense", "hidden layer", "dense,relu,dense_1"),
    ),
    Case(
        "Keras 2 weights: activation layer, stated",
        FORM,
        TF_KERAS,
        _tf_keras(_embedding, _gru(5), _activation("relu"), _lstm(4), _activation("elu"), inputs=_tokens),
        {"between": ["relu", "elu"]},
    ),
    Case(
        "Keras 2 weights: activation layer",
        FORM,
        TF_KERAS,
        _tf_keras(_embedding, _gru(5), _activation("relu"), _lstm(4)),
        refusal=("activation", "behind gru", "between"),
    ),
    Case(
        "Keras 2 weights: repeated vector",
        FORM,
        TF_KERAS,
        _tf_keras(_embedding, lambda layers: layers.LSTM(5), lambda layers: layers.RepeatVector(4), _lstm(5), _dense(3)),
        refusal=("repeat_vector", "leave_out"),
    ),
    Case(
        "Keras 2 weights: convolution",
        FORM,
        TF_KERAS,
        _tf_keras(_embedding, lambda layers: layers.Conv1D(5, 3), _gru(5), _dense(3)),
        refusal=("conv1d", "expected an embedding", "leave_out"),
    ),
    Case("Keras 2 weights: mask", FORM, TF_KERAS, _masked, {"leave_out": "masking", "masked": True}),
    Case(
        "Keras 2 weights: stacked cells",
        FORM,
        TF_KERAS,
        _tf_keras(
            lambda layers: layers.RNN([layers.GRUCell(5), layers.LSTMCell(4)], return_sequences=True), inputs=_numbers
        ),
    ),
    Case(
        "Keras 2 weights: reset before, hard sigmoid, relu, last step",
        FORM,
        TF_KERAS,
        _tf_keras(
            lambda layers: layers.GRU(5, activation="relu", recurrent_activation="hard_sigmoid", reset_after=False),
            inputs=_numbers,
        ),
        {"activation": "relu", "recurrent_activation": "hard_sigmoid", "every_step": False},
    ),
    Case(
        "Keras 2 numbered weights: GRU, dense",
        FORM,
        TF_KERAS,
        _tf_keras(_embedding, _dropout, _gru(5), _dense(3), name="model.weights.h5"),
    ),
    Case(
        "Keras 2.0 weights: GRU",
        FORM,
        "by hand, as Keras 2.0.8 writes",
        _keras_2("GRU", "2.0.8", OLD | {"reset_after": False}),
    ),
    Case("Keras 2.0 weights: LSTM", FORM, "by hand, as Keras 2.1.6 writes", _keras_2("LSTM", "2.1.6", OLD)),
    Case("Keras 2.3 weights: LSTM", FORM, "by hand, as Keras 2.3.1 writes", _keras_2("LSTM", "2.3.1", {})),
    Case(
        "Keras 2.2.4-tf weights: LSTM",
        FORM,
        "by hand, as TensorFlow 1.15 and 2.1 write",
        _keras_2("LSTM", "2.2.4-tf", {}),
        refusal=("recurrent_activation", "hard_sigmoid"),
    ),
    Case("Keras 2.2 weights: CuDNNGRU", FORM, "by hand, as Keras 2.2.4 writes", _cudnn),
    Case("Keras 2.2 weights: CuDNNLSTM in both directions", FORM, "by hand, as Keras 2.2.4 writes", _cudnn_both),
    Case("Keras 1 weights: LSTM, dense", FORM, "by hand, as Keras 1.2.2 writes", _keras_1),
    Case("Keras 3 weights: two GRUs of one width", FORM, KERAS_3, _keras(_embedding, _gru(4), _gru(4), _dropout, _dense(3))),
    Case(
        "Keras 3 weights: order of two classes",
        FORM,
        KERAS_3,
        _keras(_embedding, _lstm(4), _gru(4), _dense(3)),
        {"order": "embedding,lstm,gru,dense"},
    ),
    Case(
        "Keras 3 weights: order of two classes not stated",
        FORM,
        KERAS_3,
        _keras(_embedding, _lstm(4), _gru(4), _dense(3)),
        refusal=("order", "several orders have fitting widths"),
    ),
    Case(
        "Keras 3 weights: Bidirectional, normalizations",
        FORM,
        KERAS_3,
        _keras(_embedding, _both(3), _batch_norm, _gru(5), _layer_norm, _dense(7, "tanh"), _dense(3)),
        {"between": ["none,batch_normalization", "layer_normalization", "tanh"]},
    ),
    Case("Keras 3 weights: own class", FORM, KERAS_3, _subclassed, {"between": ["none", "relu"]}),
    Case("npz by names: GRU", NPZ, "numpy.savez", _tf_keras(_embedding, _gru(5), _dense(3), name="w.npz", save=_by_name)),
    Case(
        "npz by paths: LSTM",
        NPZ,
        "numpy.savez_compressed",
        _of_keras_3_in_npz(_embedding, _both(5), _dense(3), save=_by_path),
    ),
    Case(
        "npz by positions: GRU, LSTM",
        NPZ,
        "numpy.savez",
        _of_keras_3_in_npz(_embedding, _gru(5), _both(6), _layer_norm, _dense(3), save=_by_position),
    ),
    Case(
        "npz by positions: one or two layers",
        NPZ,
        "numpy.savez",
        _tf_keras(_both(4), inputs=_numbers, name="w.npz", save=_by_position),
        refusal=("lstm, lstm", "bidirectional"),
    ),
    Case("npz with PyTorch's names", NPZ, "numpy.savez", _torch(_arrays), torch=True),
    Case("TorchScript: script", SCRIPT, "torch.jit.script", _torch(_scripted), torch=True),
    Case("TorchScript: trace", SCRIPT, "torch.jit.trace", _torch(_traced), torch=True),
]
