"""Files written by TF-Keras, which is Keras 2, and by hand in the manner of its older versions."""

import warnings
from functools import partial

import numpy as np
import tensorflow as tf
import tf_keras
from keras_2_files import normal, old_config, write

from model_corpus.case import Case, Made

RIGHT = "Keras 2: right but refused"
B, T, F, H = 2, 5, 4, 3
old = tf_keras.layers
X = normal(1, B, T, F)
TOKENS = np.array([[1, 2, 3, 0, 0], [4, 4, 5, 6, 1]], "int32")


# --- in the manner of old versions ---


def gru_without_the_option(version, *, after=False, bias=True, kind="GRU"):
    """A GRU as it was written before the option `reset_after`, or by a program that leaves it out."""

    def make(folder):
        options = {"units": H, "activation": "tanh", "recurrent_activation": "hard_sigmoid", "use_bias": bias}
        if kind == "GRU":
            first = old_config("GRU", "gru", batch_input_shape=[None, T, F], return_sequences=True, **options)
            names = ("gru", "gru/gru_cell")
        else:
            cell = old_config("GRUCell", "cell", **options)
            first = old_config("RNN", "rnn", cell=cell, batch_input_shape=[None, T, F], return_sequences=True)
            names = ("rnn", "rnn/cell")
        shapes = {"kernel": (F, 3 * H), "recurrent_kernel": (H, 3 * H)}
        shapes |= {"bias": (2, 3 * H) if after else (3 * H,)} if bias else {}
        weights = {f"{names[1]}/{key}:0": normal([7, n], *shape) for n, (key, shape) in enumerate(shapes.items())}
        config = {"class_name": "Sequential", "config": {"name": "old", "layers": [first]}}
        path = write(folder / "old.h5", config, {names[0]: weights}, version)
        options = {"recurrent_activation": "hard_sigmoid", "use_bias": bias, "reset_after": after}
        own = tf_keras.Sequential([tf_keras.Input((T, F)), old.GRU(H, return_sequences=True, **options)])
        own.set_weights(list(weights.values()))
        return Made(path, (X,), own(X).numpy())

    return make


def embedding_with_its_inputs_dtype(folder):
    """An Embedding whose dtype is that of the tokens, as Keras wrote up to 2.2."""
    first = old_config("Embedding", "words", input_dim=11, output_dim=F, batch_input_shape=[None, T], mask_zero=True)
    first["config"]["dtype"] = "int32"
    last = old_config("LSTM", "lstm", units=H, activation="tanh", recurrent_activation="sigmoid")
    shapes = {"kernel": (F, 4 * H), "recurrent_kernel": (H, 4 * H), "bias": (4 * H,)}
    weights = {"words": {"words/embeddings:0": normal(1, 11, F)}}
    weights["lstm"] = {f"lstm/{key}:0": normal([7, n], *shape) for n, (key, shape) in enumerate(shapes.items())}
    path = write(folder / "old.h5", {"class_name": "Sequential", "config": [first, last]}, weights, "2.1.6")
    own = tf_keras.Sequential([tf_keras.Input((T,)), old.Embedding(11, F, mask_zero=True), old.LSTM(H)])
    own.set_weights([array for arrays in weights.values() for array in arrays.values()])
    return Made(path, (TOKENS,), own(TOKENS).numpy())


def unreadable_gru(folder):
    return Made(gru_without_the_option("2.11.0", bias=False)(folder).path)


# --- written by TF-Keras ---


def saved(build, folder, *, suffix="keras", inputs=(X,)):
    """A model with random weights as TF-Keras saves it."""
    model = build()
    model(inputs[0] if len(inputs) == 1 else list(inputs))
    model.set_weights([normal([5, n], *w.shape) / 2 for n, w in enumerate(model.get_weights())])
    path = folder / f"model.{suffix}"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "You are saving your model as an HDF5 file")
        model.save(path)
    return Made(path, inputs, model(inputs[0] if len(inputs) == 1 else list(inputs)).numpy())


def refused_model(build, folder, suffix="keras"):
    return Made(saved(build, folder, suffix=suffix).path)


def functional(make, shape=(None, F)):
    inputs = tf_keras.Input(shape)
    return tf_keras.Model(inputs, make(inputs))


def luong(x):
    """An encoder's steps, weighed by their product with its last state (Luong et al. 2015)."""
    steps, last = old.GRU(H, return_sequences=True, return_state=True)(x)
    context = old.Attention(use_scale=True)([last[:, tf.newaxis], steps])
    return old.Dense(2)(tf.concat([context[:, 0], last], axis=-1))


def additive(x):
    steps = old.Bidirectional(old.LSTM(H, return_sequences=True))(x)
    return old.AdditiveAttention()([steps[:, -1:], steps])[:, 0]


def transformer(x):
    y = old.LayerNormalization()(x + old.MultiHeadAttention(2, 3)(x, x))
    return tf.reduce_mean(old.GRU(H, return_sequences=True)(y), axis=1)


def by_hand_attention(x):
    """Attention of Keras' layers and TensorFlow's functions, as tutorials write it."""
    steps = old.LSTM(H, return_sequences=True)(x)
    scores = tf.nn.softmax(old.Dense(1, activation="tanh")(steps), axis=1)
    return tf.reduce_sum(steps * scores, axis=1)


def backend_functions(x):
    steps, state = old.GRU(H, return_sequences=True, return_state=True)(x)
    scores = tf_keras.backend.batch_dot(steps, state, axes=(2, 1))
    weights = tf_keras.backend.expand_dims(tf_keras.backend.softmax(scores), -1)
    return tf_keras.backend.sum(weights * steps, axis=1)


def statistics(x):
    steps = old.GRU(H, return_sequences=True)((x - 0.1) / 2.0)
    largest, mean = tf.reduce_max(steps, axis=1), tf.reduce_mean(steps, axis=1)
    return tf.where(largest > 0.2, tf.clip_by_value(largest, 0.0, 0.5), tf.square(mean)) + tf.math.reduce_std(steps, axis=1)


def windows(x):
    """Pairs of steps side by side, with the batch's size computed."""
    pairs = tf.reshape(x, (tf.shape(x)[0], 3, 2 * F))
    return old.SimpleRNN(H)(tf.stack([pairs[..., ::2], pairs[..., 1::2]], axis=1)[:, 0])


def films(kind, shape, **options):
    """The inputs and the maker of a model of one ConvLSTM."""
    x = normal(6, B, *shape)
    return (x,), lambda: tf_keras.Sequential([tf_keras.Input(shape), getattr(old, kind)(2, 2, **options), old.Flatten()])


FILMS = {
    "ConvLSTM1D": films("ConvLSTM1D", (3, 6, 2), return_sequences=True, dilation_rate=2),
    "ConvLSTM2D": films("ConvLSTM2D", (3, 5, 5, 2), padding="same"),
    "ConvLSTM3D": films("ConvLSTM3D", (2, 4, 4, 4, 2), recurrent_activation="sigmoid"),
}
CALLED = {
    "Luong attention": luong,
    "AdditiveAttention": additive,
    "MultiHeadAttention": transformer,
    "attention of TensorFlow's functions": by_hand_attention,
    "attention of the backend's functions": backend_functions,
    "statistics of the steps": statistics,
}
ATTENTION, CONV_LSTM = "Keras: attention, slices and operations", "Keras: ConvLSTM"

BY_HAND = "by hand, as Keras {} writes"
CASES: list[Case] = [
    Case("Keras 2.0 GRU, before reset_after", RIGHT, BY_HAND.format("2.0"), gru_without_the_option("2.0.8")),
    Case(
        "Keras 2.1 GRU without biases, before reset_after",
        RIGHT,
        BY_HAND.format("2.1"),
        gru_without_the_option("2.1.2", bias=False),
    ),
    Case(
        "Keras 2.4 GRU whose bias alone shows reset_after",
        RIGHT,
        BY_HAND.format("2.4, cut"),
        gru_without_the_option("2.4.0", after=True),
    ),
    Case(
        "Keras 2.1 RNN of a GRUCell, before reset_after",
        RIGHT,
        BY_HAND.format("2.1"),
        gru_without_the_option("2.1.2", kind="GRUCell"),
    ),
    Case("Keras 2.1 Embedding with the dtype of its input", RIGHT, BY_HAND.format("2.1"), embedding_with_its_inputs_dtype),
    Case(
        "Keras 2.11 GRU without reset_after and biases",
        RIGHT,
        BY_HAND.format("2.11, cut"),
        unreadable_gru,
        refusal=("expected reset_after in its config", "Keras 2.11.0, which always writes it"),
    ),
]
CASES += [
    Case(f"Keras 2 {name}, .{suffix}", ATTENTION, "tf_keras", partial(saved, partial(functional, make), suffix=suffix))
    for name, make in CALLED.items()
    for suffix in ("h5", "keras")
]
CASES += [
    Case(
        "Keras 2 pairs of steps, slices with an ellipsis",
        ATTENTION,
        "tf_keras",
        partial(saved, partial(functional, windows, (6, F)), suffix="h5", inputs=(normal(2, B, 6, F),)),
    ),
    Case(
        "Keras 2 top_k",
        ATTENTION,
        "tf_keras",
        partial(refused_model, partial(functional, lambda x: old.GRU(2)(tf.math.top_k(x, 2)[0]))),
        refusal=("expected a TensorFlow function that Keras 3 has, too", "Received: 'math.top_k'"),
    ),
    Case(
        "Keras 2 einsum, whose operands it does not save",
        ATTENTION,
        "tf_keras",
        partial(refused_model, partial(functional, lambda x: tf.einsum("bti,bsi->bts", x, x)), suffix="h5"),
        refusal=("einsum: expected its operands", "Keras 2 leaves them out when it saves"),
    ),
]
CASES += [
    Case(f"Keras 2 {kind}, .{suffix}", CONV_LSTM, "tf_keras", partial(saved, build, suffix=suffix, inputs=inputs))
    for kind, (inputs, build) in FILMS.items()
    for suffix in ("h5", "keras")
]
