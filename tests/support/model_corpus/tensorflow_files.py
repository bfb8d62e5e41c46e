"""Files written by TensorFlow 1 and 2 and Sonnet, in the manner of their programs."""

import numpy as np
import tensorflow as tf
from tf1_programs import loops
from tf_keras.src.layers.rnn import legacy_cells as rnn_cell

from model_corpus.case import Case, Made

v1 = tf.compat.v1
F, H, T, TOKENS = 3, 5, 6, 11
CHECKPOINT, GRAPH = "TensorFlow 1 checkpoint", "TensorFlow 1 checkpoint with its graph"
SAVED, OBJECTS = "SavedModel folder", "TensorFlow 2 checkpoint"


def numbers(seed, *shape):
    return np.random.default_rng([seed, 3]).normal(size=shape).astype("float32") / 1.5


# --- programs of TensorFlow 1 ---


def session(write, graph=True, saved_model=False):
    """A program's checkpoint, trained by Adam in name only, and what its session gives."""

    def make(folder):
        with loops(False), tf.Graph().as_default() as own, v1.Session(graph=own) as running:
            inputs, output = write()
            targets = v1.placeholder("float32", output.shape)
            v1.train.AdamOptimizer().minimize(tf.reduce_mean((output - targets) ** 2))
            running.run(v1.global_variables_initializer())
            for n, variable in enumerate(v1.trainable_variables()):
                variable.load(numbers(n, *variable.shape), running)
            words = np.random.default_rng(4).integers(0, TOKENS, (2, T)).astype("int32")
            x = words if inputs.dtype == tf.int32 else numbers(99, 2, T, int(inputs.shape[-1]))
            expected = running.run(output, {inputs: x})
            if saved_model:
                v1.saved_model.simple_save(running, str(folder / "saved"), {"x": inputs}, {"y": output})
                return Made(folder / "saved", (x,), expected)
            v1.train.Saver().save(running, str(folder / "model.ckpt-100"), write_meta_graph=graph)
            return Made(folder / "model.ckpt-100", (x,), expected)

    return make


def array(features=F):
    return v1.placeholder("float32", [None, T, features])


def variable(name, *shape):
    return v1.get_variable(name, shape)


def stock_forecast():
    """The input through a linear layer, one cell, the last step through another, as in many forecasts of prices."""
    x = array(1)
    flat = tf.reshape(x, [-1, 1])
    inner = tf.reshape(tf.matmul(flat, variable("w_in", 1, H)) + variable("b_in", H), [-1, T, H])
    y, _ = v1.nn.dynamic_rnn(rnn_cell.BasicLSTMCell(H), inner, dtype="float32")
    return x, tf.matmul(y[:, -1], variable("w_out", H, 1)) + variable("b_out", 1)


def stock_forecast_of_all_steps():
    x = array(1)
    inner = tf.tensordot(x, variable("w_in", 1, H), 1) + variable("b_in", H)
    y, _ = v1.nn.dynamic_rnn(rnn_cell.BasicLSTMCell(H), inner, dtype="float32")
    return x, tf.tensordot(y, variable("w_out", H, 1), 1) + variable("b_out", 1)


def unnamed_forecast():
    x = array(1)
    inner = tf.tensordot(x, variable("w1", 1, H), 1) + variable("b1", H)
    y, _ = v1.nn.dynamic_rnn(rnn_cell.GRUCell(H), inner, dtype="float32")
    return x, tf.tensordot(y, variable("w2", H, 1), 1) + variable("b2", 1)


def language_model():
    words = v1.placeholder("int32", [None, T])
    x = tf.nn.embedding_lookup(variable("embedding", TOKENS, F), words)
    keep = v1.placeholder_with_default(1.0, [], name="keep_prob")
    cell = rnn_cell.MultiRNNCell([rnn_cell.BasicLSTMCell(H, forget_bias=0.0), rnn_cell.BasicLSTMCell(4, forget_bias=0.0)])
    y, _ = v1.nn.dynamic_rnn(cell, tf.nn.dropout(x, rate=1 - keep), dtype="float32")
    logits = tf.matmul(tf.reshape(y, [-1, 4]), variable("softmax_w", 4, TOKENS)) + variable("softmax_b", TOKENS)
    return words, tf.reshape(logits, [-1, T, TOKENS])


def classifier_with_hidden_layer():
    x = array()
    _, state = v1.nn.dynamic_rnn(rnn_cell.GRUCell(H), x, dtype="float32")
    hidden = tf.nn.relu(tf.matmul(state, variable("fc1/kernel", H, 4)) + variable("fc1/bias", 4))
    return x, tf.nn.softmax(tf.matmul(hidden, variable("fc2/kernel", 4, 2)) + variable("fc2/bias", 2))


def two_directions():
    x = array()
    y, _ = v1.nn.bidirectional_dynamic_rnn(rnn_cell.LSTMCell(H), rnn_cell.LSTMCell(H), x, dtype="float32")
    return x, tf.tensordot(tf.concat(y, -1), variable("output/kernel", 2 * H, 2), 1) + variable("output/bias", 2)


def static_steps():
    x = array()
    y, _ = v1.nn.static_rnn(rnn_cell.BasicRNNCell(H, activation=tf.nn.relu), tf.unstack(x, T, axis=1), dtype="float32")
    w, b = variable("W", H, 2), variable("b", 2)
    return x, tf.stack([tf.matmul(each, w) + b for each in y], axis=1)


def mean_of_steps():
    x = array()
    y, _ = v1.nn.dynamic_rnn(rnn_cell.GRUCell(H), x, dtype="float32")
    return x, tf.matmul(tf.reduce_mean(y, 1), variable("out/kernel", H, 2))


def residual():
    x = array(H)
    y, _ = v1.nn.dynamic_rnn(rnn_cell.GRUCell(H), x, dtype="float32")
    return x, tf.tensordot(x + y, variable("out/kernel", H, 2), 1)


def sonnet_1(folder):
    """Variables in Sonnet's names; its LSTM is BasicLSTMCell."""
    w, b, x = numbers(1, F + H, 4 * H), numbers(2, 4 * H), numbers(3, 2, T, F)
    tensors = {"core/lstm/w_gates": w, "core/lstm/b_gates": b, "linear/w": numbers(4, H, 2), "linear/b": numbers(5, 2)}
    tf.raw_ops.SaveV2(
        prefix=str(folder / "sonnet"), tensor_names=list(tensors), shape_and_slices=[""] * 4, tensors=list(tensors.values())
    )
    zeros = np.zeros((2, H), "float32")
    peepholes = dict.fromkeys(("wci", "wcf", "wco"), zeros[0])
    y = tf.raw_ops.BlockLSTM(
        seq_len_max=T,
        x=np.swapaxes(x, 0, 1),
        cs_prev=zeros,
        h_prev=zeros,
        w=w,
        b=b,
        forget_bias=1.0,
        cell_clip=-1,
        **peepholes,
    ).h
    return Made(folder / "sonnet", (x,), np.swapaxes(y, 0, 1) @ tensors["linear/w"] + tensors["linear/b"])


# --- TensorFlow 2: Keras' folders and checkpoints ---


def keras_model(keras):
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((None, F)),
            layers.Bidirectional(layers.LSTM(H, return_sequences=True)),
            layers.GRU(4),
            layers.BatchNormalization(),
            layers.Dense(2, activation="tanh"),
        ]
    )
    for n, weight in enumerate(model.weights):
        weight.assign(np.abs(numbers(n, *weight.shape)))
    return model


def branches_of_keras_2():
    import tf_keras

    layers = tf_keras.layers
    words = tf_keras.Input((None,), dtype="int32")
    x = layers.Embedding(TOKENS, F)(words)
    one, other = layers.GRU(H, reset_after=False)(x), layers.LSTM(H, recurrent_activation="hard_sigmoid")(x)
    return tf_keras.Model(words, layers.Dense(2)(layers.Concatenate()([one, other])))


def folder_of_keras_2(build):
    def make(folder):
        model = build()
        words = np.random.default_rng(4).integers(0, TOKENS, (2, T)).astype("int32")
        x = words if model.inputs[0].dtype == tf.int32 else numbers(9, 2, T, F)
        model.save(folder / "saved", save_format="tf")
        return Made(folder / "saved", (x,), np.asarray(model(x)))

    return make


def sequential_of_keras_2():
    import tf_keras

    return keras_model(tf_keras)


def of_gru_tf(folder):
    import keras

    import gru_tf

    model, x = keras_model(keras), numbers(9, 2, T, F)
    gru_tf.export_model(model, folder / "saved")
    return Made(folder / "saved", (x,), np.asarray(model(x)))


def of_keras_3(folder):
    import keras

    keras_model(keras).export(folder / "saved", verbose=False)
    return Made(folder / "saved")


def of_a_module(folder):
    tf.saved_model.save(tf.Module(), str(folder / "saved"))
    return Made(folder / "saved")


def weights_of_keras_2(folder):
    sequential_of_keras_2().save_weights(folder / "weights")
    return Made(folder / "weights")


def checkpoint_of_objects(folder):
    import keras

    return Made(folder / tf.train.Checkpoint(model=keras_model(keras)).write(str(folder / "objects")))


WRITER = "tf.compat.v1.train.Saver"
CASES: list[Case] = [
    Case("tf1 forecast, last step", GRAPH, WRITER, session(stock_forecast)),
    Case("tf1 forecast, all steps", GRAPH, WRITER, session(stock_forecast_of_all_steps)),
    Case("tf1 forecast without graph", CHECKPOINT, WRITER, session(stock_forecast_of_all_steps, graph=False)),
    Case(
        "tf1 forecast without graph or names", CHECKPOINT, WRITER, session(unnamed_forecast, graph=False),
        refusal=("w1, w2, which by shape could be before", "`before`, `head` and `leave_out` decide"),
    ),
    Case(
        "tf1 forecast without graph, by options", CHECKPOINT, WRITER, session(unnamed_forecast, graph=False),
        options={"before": "w1", "head": "w2"},
    ),
    Case("tf1 language model", GRAPH, WRITER, session(language_model)),
    Case("tf1 language model without graph", CHECKPOINT, WRITER, session(language_model, graph=False), {"forget_bias": 0.0}),
    Case("tf1 classifier with a hidden layer", GRAPH, WRITER, session(classifier_with_hidden_layer)),
    Case(
        "tf1 classifier with a hidden layer, without graph", CHECKPOINT, WRITER,
        session(classifier_with_hidden_layer, graph=False),
        refusal=("`head` with what is between fc1/kernel, fc2/kernel", "no graph (.meta)"),
    ),
    Case("tf1 two directions", GRAPH, WRITER, session(two_directions)),
    Case("tf1 static steps with a ReLU", GRAPH, WRITER, session(static_steps)),
    Case("tf1 mean of steps", GRAPH, WRITER, session(mean_of_steps), refusal=("Mean (Mean)", "not read")),
    Case("tf1 residual connection", GRAPH, WRITER, session(residual), refusal=("add (AddV2)", "not read")),
    Case("tf1 SavedModel", SAVED, "tf.compat.v1.saved_model.simple_save", session(stock_forecast, saved_model=True)),
    Case("sonnet 1 LSTM", CHECKPOINT, "by hand, as Sonnet 1 names", sonnet_1),
    Case("keras 2 SavedModel", SAVED, "tf_keras model.save(save_format='tf')", folder_of_keras_2(sequential_of_keras_2)),
    Case(
        "keras 2 SavedModel of branches", SAVED, "tf_keras model.save(save_format='tf')",
        folder_of_keras_2(branches_of_keras_2),
    ),
    Case("gru_tf SavedModel", SAVED, "gru_tf.export_model", of_gru_tf),
    Case(
        "keras 3 export", SAVED, "keras model.export", of_keras_3,
        refusal=("Keras 3's model.export", "model.save('model.keras')"),
    ),
    Case(
        "SavedModel of a module", SAVED, "tf.saved_model.save", of_a_module,
        refusal=("a graph without layers", "model.save"),
    ),
    Case(
        "keras 2 weights", OBJECTS, "tf_keras model.save_weights", weights_of_keras_2,
        refusal=("layer_with_weights-0", "model.save"),
    ),
    Case(
        "tf2 checkpoint", OBJECTS, "tf.train.Checkpoint.write", checkpoint_of_objects,
        refusal=("one of TensorFlow 2", "restore"),
    ),
]  # fmt: skip
