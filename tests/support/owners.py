"""What the owner of each layout computes with it: nothing of `gru_tf.recurrent.gates` has a part in it.

An owner takes arrays by name as they lie in its layout, whether the reset acts after the product, the convention, inputs
(batch, T, I) and the first states, each (batch, H), and gives the states after the last step, in float64.
"""

import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy.special import expit as sigmoid

Array = np.ndarray
STATES = {"gru": 1, "lstm": 2, "rnn": 1}
KERAS = {"gru": keras.layers.GRU, "lstm": keras.layers.LSTM, "rnn": keras.layers.SimpleRNN}


def over_time(step: Callable[[Array, list[Array]], list[Array]], x: Array, states: list[Array]) -> list[Array]:
    """The states after a step for every time step."""
    for t in range(x.shape[1]):
        states = step(x[:, t], states)
    return [np.asarray(state, "float64") for state in states]


def new_state(z: Array, h: Array, candidate: Array, convention: str) -> Array:
    """Of a GRU."""
    return z * h + (1 - z) * candidate if convention == "keep" else (1 - z) * h + z * candidate


# --- Keras ---


def by_keras(cell: str, arrays: list[Array], reset_after: bool, x: Array, states: list[Array]) -> list[Array]:
    """Keras' own layer with these weights, in float64."""
    layer = _keras_layer(cell, states[0].shape[1], x.shape, reset_after)
    layer.set_weights(arrays)
    _, *final = layer(tf.constant(x), initial_state=[tf.constant(state) for state in states])
    return [state.numpy() for state in final]


def _keras_layer(cell: str, units: int, shape: tuple[int, ...], reset_after: bool) -> Any:
    options = {"reset_after": reset_after} if cell == "gru" else {}
    layer = KERAS[cell](units, return_state=True, dtype="float64", **options)
    layer.build(shape)
    return layer


def keras_layer(cell: str) -> Callable[..., list[Array]]:
    """`keras.layers` in their own layout."""
    return lambda arrays, convention, reset_after, x, states: by_keras(cell, list(arrays.values()), reset_after, x, states)


def legacy_cudnn(cell: str) -> Callable[..., list[Array]]:
    """Weights of CuDNNGRU and CuDNNLSTM, brought to Keras' layers by the converter that Keras 2 reads its files with."""

    def compute(arrays: Any, convention: str, reset_after: bool, x: Array, states: list[Array]) -> list[Array]:
        converted = keras_2_converter()(_keras_layer(cell, states[0].shape[1], x.shape, True), list(arrays.values()))
        return by_keras(cell, converted, True, x, states)

    return compute


def keras_2_converter() -> Callable[[Any, list[Array]], list[Array]]:
    """Layer and weights in cuDNN's or Keras' layout → weights in the layer's, as TensorFlow 2 brings it along."""
    from tensorflow.python.keras.saving import hdf5_format

    return hdf5_format._convert_rnn_weights


# --- cuDNN: from its documentation ---

ORDER = {"gru": "rih", "lstm": "ifgo", "rnn": "h"}  # linear layers 0, 1, 2 …; i of a GRU is the update gate


def cudnn_pieces(cell: str, parameters: Array, features: int, units: int) -> dict[str, Array]:
    """All W by linear layer, all R, then all biases b_W and b_R: matrices (H, I) and (H, H), row by row."""
    found, start = {}, 0
    for kind, shape in (("W", (units, features)), ("R", (units, units)), ("bW", (units,)), ("bR", (units,))):
        for gate in ORDER[cell]:
            size = int(np.prod(shape))
            found[f"{kind}_{gate}"] = parameters[start : start + size].reshape(shape)
            start += size
    assert start == parameters.size
    return found


def cudnn_parameters(cell: str) -> Callable[..., list[Array]]:
    """The equations of cudnnRNNForward with its one vector of parameters, for column vectors."""

    def compute(arrays: Any, convention: str, reset_after: bool, x: Array, states: list[Array]) -> list[Array]:
        p = cudnn_pieces(cell, arrays["parameters"], x.shape[2], states[0].shape[1])

        def both(gate: str, x_t: Array, h: Array) -> Array:
            return p[f"W_{gate}"] @ x_t + p[f"R_{gate}"] @ h + (p[f"bW_{gate}"] + p[f"bR_{gate}"])[:, None]

        def step(x_t: Array, now: list[Array]) -> list[Array]:
            x_t, h = x_t.T, now[0].T
            if cell == "rnn":
                return [np.tanh(both("h", x_t, h)).T]
            if cell == "gru":
                i, r = sigmoid(both("i", x_t, h)), sigmoid(both("r", x_t, h))
                inner = p["R_h"] @ h + p["bR_h"][:, None]
                new = np.tanh(p["W_h"] @ x_t + r * inner + p["bW_h"][:, None])
                return [((1 - i) * new + i * h).T]
            i, f, o = (sigmoid(both(gate, x_t, h)) for gate in "ifo")
            c = f * now[1].T + i * np.tanh(both("g", x_t, h))
            return [(o * np.tanh(c)).T, c.T]

        return over_time(step, x, states)

    return compute


# --- PyTorch ---


def pytorch(cell: str) -> Callable[..., list[Array]]:
    """`torch.nn`, in float64."""

    def compute(arrays: Any, convention: str, reset_after: bool, x: Array, states: list[Array]) -> list[Array]:
        import torch

        kind = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM, "rnn": torch.nn.RNN}[cell]
        layer = kind(x.shape[2], states[0].shape[1], batch_first=True, dtype=torch.float64)
        layer.load_state_dict({f"{name}_l0": torch.tensor(array) for name, array in arrays.items()})
        first = [torch.tensor(state)[None] for state in states]
        with torch.no_grad():
            _, final = layer(torch.tensor(x), tuple(first) if cell == "lstm" else first[0])
        return [state[0].numpy() for state in (final if cell == "lstm" else [final])]

    return compute


# --- ONNX ---


def onnx_node(cell: str, runtime: bool) -> Callable[..., list[Array]]:
    """A node made by ONNX's own helper, computed by ONNX Runtime in float32 or ONNX's reference evaluator in float64."""

    def compute(arrays: Any, convention: str, reset_after: bool, x: Array, states: list[Array]) -> list[Array]:
        import onnx
        from onnx import helper

        kind = "float32" if runtime else "float64"
        number = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
        units, known = states[0].shape[1], dict(zip(("initial_h", "initial_c"), states, strict=False))
        given = {"X": x.transpose(1, 0, 2)} | {name: state[None] for name, state in known.items()}
        given = {name: array.astype(kind) for name, array in given.items()}
        outputs = ["Y_h", "Y_c"][: len(states)]
        options = {"linear_before_reset": int(reset_after)} if cell == "gru" else {}
        names = ["X", "W", "R", "B", "", *known]
        node = helper.make_node(cell.upper(), names, ["", *outputs], hidden_size=units, **options)
        tensors = [onnx.numpy_helper.from_array(array[None].astype(kind), name) for name, array in arrays.items()]
        graph = helper.make_graph(
            [node],
            "one",
            [helper.make_tensor_value_info(name, number, array.shape) for name, array in given.items()],
            [helper.make_tensor_value_info(name, number, (1, len(x), units)) for name in outputs],
            tensors,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return [state[0].astype("float64") for state in (_by_runtime if runtime else _by_reference)(model, given)]

    return compute


def _by_runtime(model: Any, given: dict[str, Array]) -> list[Array]:
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, given)


def _by_reference(model: Any, given: dict[str, Array]) -> list[Array]:
    from onnx.reference import ReferenceEvaluator

    return ReferenceEvaluator(model).run(None, given)


# --- TensorFlow 1 ---


def gru_block(arrays: Any, convention: str, reset_after: bool, x: Array, states: list[Array]) -> list[Array]:
    """The kernel of GRUBlockCellV2, in float32."""
    names = {"gates_kernel": "w_ru", "candidate_kernel": "w_c", "gates_bias": "b_ru", "candidate_bias": "b_c"}
    weights = {names[name]: _float32(array) for name, array in arrays.items()}
    return over_time(
        lambda x_t, now: [tf.raw_ops.GRUBlockCell(x=_float32(x_t), h_prev=_float32(now[0]), **weights).h], x, states
    )


def lstm_block(arrays: Any, convention: str, reset_after: bool, x: Array, states: list[Array]) -> list[Array]:
    """The kernel of LSTMBlockCell, in float32; without a forget bias of its own."""

    def step(x_t: Array, now: list[Array]) -> list[Array]:
        h, c = map(_float32, now)
        found = tf.raw_ops.LSTMBlockCell(x=_float32(x_t), h_prev=h, cs_prev=c, **_block(arrays), forget_bias=0, cell_clip=-1)
        return [found.h, found.cs]

    return over_time(step, x, states)


def block_lstm(arrays: Any, convention: str, reset_after: bool, x: Array, states: list[Array]) -> list[Array]:
    """The kernel of LSTMBlockFusedCell, over all steps at once, in float32."""
    h, c = map(_float32, states)
    found = tf.raw_ops.BlockLSTM(
        seq_len_max=tf.constant(x.shape[1], "int64"),
        x=_float32(x.transpose(1, 0, 2)),
        h_prev=h,
        cs_prev=c,
        **_block(arrays),
        forget_bias=0,
        cell_clip=-1,
    )
    return [found.h[-1].numpy().astype("float64"), found.cs[-1].numpy().astype("float64")]


def _block(arrays: Any) -> dict[str, Any]:
    kernel, bias = _float32(arrays["kernel"]), _float32(arrays["bias"])
    peepholes = dict.fromkeys(("wci", "wcf", "wco"), tf.zeros(len(bias) // 4))  # not used
    return {"w": kernel, "b": bias, **peepholes}


def _float32(array: Array) -> Any:
    return tf.constant(array, "float32")


def rnn_cell(kind: str, **options: Any) -> Callable[..., list[Array]]:
    """A cell of `tf.nn.rnn_cell` in a graph of its own, in float64."""

    def compute(arrays: Any, convention: str, reset_after: bool, x: Array, states: list[Array]) -> list[Array]:
        from tensorflow.python.keras.layers.legacy_rnn import rnn_cell_impl

        with tf.Graph().as_default(), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # it is deprecated, which is why people bring it here
            cell = getattr(rnn_cell_impl, kind)(states[0].shape[1], dtype=tf.float64, **options)
            cell.build((None, x.shape[2]))
            now = [tf.constant(state) for state in states]
            for t in range(x.shape[1]):
                given = rnn_cell_impl.LSTMStateTuple(c=now[1], h=now[0]) if len(now) == 2 else now[0]
                _, new = cell(tf.constant(x[:, t]), given)
                now = [new.h, new.c] if len(now) == 2 else [new]
            with tf.compat.v1.Session() as session:
                for variable in cell.variables:
                    name = "_".join(variable.name.removesuffix(":0").split("/")[1:])  # gru_cell/gates/kernel:0
                    session.run(variable.initializer, {variable.initializer.inputs[1]: arrays[name]})
                return session.run(now)

    return compute


# --- texts ---


def text(columns: bool) -> Callable[..., list[Array]]:
    """W·[h, x] as texts print it: one matrix a gate over the state and the input, for row or column vectors."""

    def compute(arrays: Any, convention: str, reset_after: bool, x: Array, states: list[Array]) -> list[Array]:
        units = states[0].shape[1]
        w = {gate: arrays[f"W_{gate}"].T if columns else arrays[f"W_{gate}"] for gate in "zrh"}

        def step(x_t: Array, now: list[Array]) -> list[Array]:
            h = now[0]
            z, r = (sigmoid(np.concatenate([h, x_t], axis=1) @ w[gate] + arrays[f"b_{gate}"]) for gate in "zr")
            if reset_after:
                inside = x_t @ w["h"][units:] + arrays["b_h"] + r * (h @ w["h"][:units])
            else:
                inside = np.concatenate([r * h, x_t], axis=1) @ w["h"] + arrays["b_h"]
            return [new_state(z, h, np.tanh(inside), convention)]

        return over_time(step, x, states)

    return compute


def six_matrices(w: Any, convention: str, reset_after: bool, x: Array, states: list[Array]) -> list[Array]:
    """W_zx x + W_zh h, for column vectors, without biases: section 2 of the derivation."""

    def step(x_t: Array, now: list[Array]) -> list[Array]:
        x_t, h = x_t.T, now[0].T
        z, r = (sigmoid(w[f"W_{gate}x"] @ x_t + w[f"W_{gate}h"] @ h) for gate in "zr")
        candidate = np.tanh(w["W_hx"] @ x_t + w["W_hh"] @ (r * h))
        return [((1 - z) * h + z * candidate).T]

    return over_time(step, x, states)
