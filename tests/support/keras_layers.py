"""An example of every layer that the reader of Keras files takes: what it is called on, and how it is made.

The makers take the layers of a library, `keras.layers` or `tf_keras.layers`, whose arguments are the same.
"""

SEQUENCE, IMAGE, VOLUME = (6, 4), (6, 5, 4), (4, 4, 4, 2)
FILMS = {1: (3, 6, 2), 2: (3, 5, 5, 2), 3: (2, 4, 4, 4, 2)}  # of images in 1, 2 and 3 dimensions
SHAPES = {1: SEQUENCE, 2: IMAGE, 3: VOLUME}


def sized(kind, *args, **options):
    """Of a layer for sequences, images and volumes."""
    return {f"{kind}{n}D": (SHAPES[n], lambda of, n=n: getattr(of, f"{kind}{n}D")(*args, **options)) for n in (1, 2, 3)}


def plain(name, shape, *args, **options):
    return {name: (shape, lambda of: getattr(of, name)(*args, **options))}


def merging(name, **options):
    return {name: ([SEQUENCE, SEQUENCE], lambda of: getattr(of, name)(**options))}


ONE_INPUT = {
    **plain("Dense", SEQUENCE, 3, activation="elu"),
    **plain("Activation", SEQUENCE, "softplus"),
    **plain("Masking", SEQUENCE, mask_value=0.5),
    **plain("Flatten", SEQUENCE),
    **plain("Reshape", SEQUENCE, (8, 3)),
    **plain("Permute", SEQUENCE, (2, 1)),
    **plain("RepeatVector", (4,), 3),
    **plain("Dropout", SEQUENCE, 0.2),
    **plain("AlphaDropout", SEQUENCE, 0.2),
    **plain("GaussianNoise", SEQUENCE, 0.2),
    **plain("GaussianDropout", SEQUENCE, 0.2),
    **plain("ActivityRegularization", SEQUENCE, 0.1),
    **sized("SpatialDropout", 0.2),
    **sized("Conv", 3, 2, padding="same", activation="relu"),
    **plain("Conv1DTranspose", SEQUENCE, 3, 2, strides=2),
    **plain("Conv2DTranspose", IMAGE, 3, 2, strides=2),
    **plain("Conv3DTranspose", VOLUME, 3, 2),
    **plain("DepthwiseConv1D", SEQUENCE, 3, depth_multiplier=2),
    **plain("DepthwiseConv2D", IMAGE, 3, depth_multiplier=2),
    **plain("SeparableConv1D", SEQUENCE, 3, 2, padding="same", dilation_rate=2),
    **plain("SeparableConv2D", IMAGE, 3, 2, depth_multiplier=2),
    **sized("MaxPooling", 2),
    **sized("AveragePooling", 2, padding="same"),
    **sized("GlobalMaxPooling", keepdims=True),
    **sized("GlobalAveragePooling"),
    **sized("ZeroPadding", 2),
    **sized("Cropping", 1),
    **sized("UpSampling", 2),
    **plain("BatchNormalization", SEQUENCE, epsilon=0.01),
    **plain("LayerNormalization", SEQUENCE, axis=-1, epsilon=0.1),
    **plain("GroupNormalization", SEQUENCE, groups=2),
    **plain("UnitNormalization", SEQUENCE),
    **plain("Normalization", SEQUENCE),
    **plain("Rescaling", SEQUENCE, 0.5, offset=1.0),
    **plain("LeakyReLU", SEQUENCE, 0.1),
    **plain("ELU", SEQUENCE, 0.7),
    **plain("PReLU", SEQUENCE, shared_axes=[1]),
    **plain("ReLU", SEQUENCE, max_value=1.0, negative_slope=0.1, threshold=0.2),
    **plain("Softmax", SEQUENCE, axis=1),
    **plain("Identity", SEQUENCE),
    **plain("EinsumDense", SEQUENCE, "abc,cd->abd", output_shape=(None, 3), bias_axes="d"),
    **plain("GRU", SEQUENCE, 3, return_sequences=True, activation="softsign"),
    **plain("LSTM", SEQUENCE, 3, go_backwards=True),
    **plain("SimpleRNN", SEQUENCE, 3, use_bias=False),
    **{
        f"ConvLSTM{n}D": (
            FILMS[n],
            lambda of, n=n: getattr(of, f"ConvLSTM{n}D")(3, 2, return_sequences=n == 1, padding="same"),
        )
        for n in (1, 2, 3)
    },
    "RNN": (SEQUENCE, lambda of: of.RNN(of.GRUCell(3), return_sequences=True)),
    "StackedRNNCells": (SEQUENCE, lambda of: of.RNN(of.StackedRNNCells([of.LSTMCell(3), of.SimpleRNNCell(2)]))),
    "Bidirectional": (SEQUENCE, lambda of: of.Bidirectional(of.LSTM(3, return_sequences=True), merge_mode="ave")),
    "TimeDistributed": (SEQUENCE, lambda of: of.TimeDistributed(of.Dense(3))),
}
CELLS = {"GRUCell", "LSTMCell", "SimpleRNNCell"}  # in others
MERGING = {
    **{k: v for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum") for k, v in merging(name).items()},
    **merging("Concatenate", axis=1),
    **merging("Dot", axes=2, normalize=True),
    **merging("Attention", use_scale=True, score_mode="concat"),
    **merging("AdditiveAttention"),
}
OTHER = {"InputLayer", "Embedding", "MultiHeadAttention"}  # whose calls differ
KERAS_3 = {
    **plain("RMSNormalization", SEQUENCE),
    **plain("SpectralNormalization", SEQUENCE),
    **{k: v for kind in ("Average", "Max") for k, v in sized(f"Adaptive{kind}Pooling", 2).items()},
}
KERAS_3["SpectralNormalization"] = (SEQUENCE, lambda of: of.SpectralNormalization(of.Dense(3)))
WITHOUT_COUNTERPART = KERAS_3.keys() - {"RMSNormalization"}  # in TF-Keras
ALONE = {"GroupQueryAttention", "ReversibleEmbedding"}  # of Keras 3, with tests of their own


def model(library, shapes, make):
    """A model of one layer, called on one or several inputs."""
    inputs = [library.Input(each) for each in shapes] if isinstance(shapes, list) else library.Input(shapes)
    return library.Model(inputs, make(library.layers)(inputs))
