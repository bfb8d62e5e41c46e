"""Files written by Keras 3."""

import warnings
from functools import partial

import keras
import numpy as np
from keras import layers, ops
from keras_2_files import normal

from model_corpus.case import Case, Made

VERIFIED = "Keras 3: verified"
ATTENTION, CONV_LSTM = "Keras: attention, slices and operations", "Keras: ConvLSTM"
B, T, F, H = 2, 5, 4, 3
X = normal(1, B, T, F)
TOKENS = np.array([[1, 2, 3, 0, 0], [4, 4, 5, 6, 1]], "int32")


def saved(build, folder, *, suffix="keras", inputs=(X,)):
    """A model with random weights as Keras saves it."""
    model = build()
    model.set_weights([normal([5, n], *w.shape) / 2 for n, w in enumerate(model.get_weights())])
    path = folder / f"model.{suffix}"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "You are saving your model as an HDF5 file")
        model.save(path)
    return Made(path, inputs, np.asarray(model(inputs[0] if len(inputs) == 1 else list(inputs))))


def refused_model(build, folder):
    return Made(saved(build, folder).path)


def functional(make, shape=(None, F), dtype="float32"):
    inputs = keras.Input(shape, dtype=dtype)
    return keras.Model(inputs, make(inputs))


def line(*inner, shape=(None, F)):
    return keras.Sequential([keras.Input(shape), *inner])


# --- stacks, of which the imported model's outputs and states are compared with TF-Keras ---


def words(x):
    y = layers.Embedding(11, F, mask_zero=True)(x)
    y = layers.Bidirectional(layers.GRU(H, return_sequences=True))(y)
    return layers.Dense(2, activation="softmax")(layers.LSTM(H)(y))


def residual(x):
    y = layers.LayerNormalization()(layers.GRU(F, return_sequences=True, go_backwards=True)(x))
    return layers.TimeDistributed(layers.Dense(2, activation="gelu"))(layers.Add()([x, y]))


def cells():
    stack = layers.StackedRNNCells([layers.LSTMCell(H), layers.GRUCell(2, reset_after=False), layers.SimpleRNNCell(3)])
    return line(layers.RNN(stack, return_sequences=True), layers.RMSNormalization(), layers.GlobalMaxPooling1D())


def convolutions():
    return line(layers.SeparableConv1D(6, 2, padding="same"), layers.PReLU(shared_axes=[1]), layers.GRU(H), shape=(T, F))


# --- attention and operations ---


def luong(x):
    """An encoder's steps, weighed by their product with its last state (Luong et al. 2015)."""
    steps, last = layers.GRU(H, return_sequences=True, return_state=True)(x)
    context = layers.Attention(use_scale=True)([ops.expand_dims(last, 1), steps])
    return layers.Dense(2)(ops.concatenate([context[:, 0], last], axis=-1))


def additive(x):
    steps = layers.Bidirectional(layers.LSTM(H, return_sequences=True))(x)
    return layers.AdditiveAttention()([steps[:, -1:], steps])[:, 0]


def transformer(x):
    y = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 3)(x, x, use_causal_mask=True))
    return ops.mean(layers.GRU(H, return_sequences=True)(y), axis=1)


def by_hand_attention(x):
    """Attention of keras.ops."""
    steps = layers.LSTM(H, return_sequences=True)(x)
    scores = ops.softmax(ops.matmul(steps, ops.transpose(steps, (0, 2, 1))) / 3**0.5, axis=-1)
    return ops.max(ops.einsum("bts,bsi->bti", scores, steps), axis=1)


def normalised(x):
    """A window without its mean and deviation, which are added again to a forecast (arXiv 2305.18803)."""
    mean, deviation = ops.mean(x, axis=1, keepdims=True), ops.std(x, axis=1, keepdims=True) + 1e-3
    forecast = layers.Dense(F)(layers.GRU(H)((x - mean) / deviation))
    return forecast * deviation[:, 0] + mean[:, 0]


def masked_attention(x):
    y = layers.Embedding(11, F, mask_zero=True)(x)
    steps = layers.GRU(F, return_sequences=True)(y)
    return layers.GlobalAveragePooling1D()(layers.Attention()([steps, y]))


def films(kind, shape, **options):
    """The inputs and the maker of a model of one ConvLSTM."""
    return (normal(6, B, *shape),), lambda: line(getattr(layers, kind)(2, 2, **options), layers.Flatten(), shape=shape)


FILMS = {
    "ConvLSTM1D": films("ConvLSTM1D", (3, 6, 2), return_sequences=True),
    "ConvLSTM2D": films("ConvLSTM2D", (3, 5, 5, 2), padding="same", recurrent_activation="hard_sigmoid"),
    "ConvLSTM3D": films("ConvLSTM3D", (2, 4, 4, 4, 2), go_backwards=True),
}
STACKS = {
    "words": (partial(functional, words, (None,), "int32"), (TOKENS,)),
    "residual stack": (partial(functional, residual), (X,)),
    "stacked cells": (cells, (X,)),
    "convolution and GRU": (convolutions, (X,)),
}
CALLED = {
    "Luong attention": (partial(functional, luong), (X,)),
    "AdditiveAttention": (partial(functional, additive), (X,)),
    "MultiHeadAttention": (partial(functional, transformer), (X,)),
    "attention of keras.ops": (partial(functional, by_hand_attention), (X,)),
    "normalised windows": (partial(functional, normalised), (X,)),
    "attention with a mask": (partial(functional, masked_attention, (T,), "int32"), (TOKENS,)),
}
FORMS = {VERIFIED: STACKS, ATTENTION: CALLED, CONV_LSTM: {kind: (build, inputs) for kind, (inputs, build) in FILMS.items()}}
CASES: list[Case] = [
    Case(
        f"Keras 3 {name}, .{suffix}",
        form,
        "keras",
        partial(saved, build, suffix=suffix, inputs=inputs),
        options={"verify": True},
    )
    for form, models in FORMS.items()
    for name, (build, inputs) in models.items()
    for suffix in ("keras", "h5")
]
CASES += [
    Case(
        "Keras 3 layer that TF-Keras does not have, to be verified",
        VERIFIED,
        "keras",
        partial(refused_model, partial(line, layers.AdaptiveAveragePooling1D(2), layers.GRU(2), shape=(T, F))),
        options={"verify": True},
        refusal=("expected it to be verified", "TF-Keras has no layer AdaptiveAveragePooling1D"),
    ),
    Case(
        "Keras 3 operation that is not read",
        ATTENTION,
        "keras",
        partial(refused_model, partial(functional, lambda x: ops.sort(layers.GRU(H)(x)))),
        refusal=("expected an operation of stock Keras", "Received: 'Sort'"),
    ),
]
