"""The names that a Keras file's config may contain: layers, initializers and the like, dtypes; all others are refused."""

from collections.abc import Iterable
from typing import Any

from gru_tf.foundation.errors import UserError, did_you_mean, shown
from gru_tf.interchange.keras.objects import class_name, options_of

CUDNN = {"CuDNNGRU": "GRU", "CuDNNLSTM": "LSTM"}
CALLED = {
    **CUDNN,
    "ThresholdedReLU": "ReLU",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
}
MODELS = {"Sequential": "Sequential", "Functional": "Functional", "Model": "Functional"}
FUNCTIONS = {"TFOpLambda", "SlicingOpLambda"}  # what Keras 2 calls the layer around a TensorFlow function
CELLS = {"GRUCell", "LSTMCell", "SimpleRNNCell", "StackedRNNCells"}
RECURRENT = {"GRU", "LSTM", "SimpleRNN", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}
LAYERS = {
    *("InputLayer", "Dense", "Activation", "Embedding", "Masking", "Flatten", "Reshape", "Permute", "RepeatVector"),
    *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "ActivityRegularization"),
    *("Conv1D", "Conv2D", "SeparableConv1D", "SeparableConv2D", "Conv1DTranspose", "Conv2DTranspose"),
    *("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D"),
    *("GlobalAveragePooling1D", "GlobalAveragePooling2D", "ZeroPadding1D", "ZeroPadding2D", "Cropping1D", "UpSampling1D"),
    *("Conv3D", "Conv3DTranspose", "DepthwiseConv1D", "DepthwiseConv2D", "MaxPooling3D", "AveragePooling3D"),
    *("GlobalMaxPooling3D", "GlobalAveragePooling3D", "ZeroPadding3D", "Cropping2D", "Cropping3D", "UpSampling2D"),
    *("UpSampling3D", "SpatialDropout3D", "AlphaDropout", "Identity", "EinsumDense", "Normalization"),
    *("UnitNormalization", "GroupNormalization"),
    *("Attention", "AdditiveAttention", "MultiHeadAttention"),
    *("BatchNormalization", "LayerNormalization", "Rescaling", "LeakyReLU", "ELU", "PReLU", "ReLU", "Softmax"),
    *("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot"),
    *("Bidirectional", "TimeDistributed"),
    *RECURRENT,
    *CELLS,
}
LAYERS_OF_KERAS_3 = LAYERS | {
    *("RMSNormalization", "GroupQueryAttention", "SpectralNormalization", "ReversibleEmbedding"),
    *("AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D"),
    *("AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D"),
}
OUTSIDE = "it is of another framework, or loads another file"
IMAGES = "it changes images at random or prepares them, before a network reads them"
WORDS = "it prepares words or categories by a table, before a network reads their numbers"
SIGNALS = "it prepares sound, before a network reads it"
REFUSED = {  # layers that are not read, and why
    "Lambda": "a Lambda contains code, and code in a file is never run",
    **dict.fromkeys(("FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper"), OUTSIDE),
    **dict.fromkeys(("AugMix", "AutoContrast", "CenterCrop", "CutMix", "Equalization", "MixUp", "RandAugment"), IMAGES),
    **dict.fromkeys(("ContrastLimitedAdaptiveHistogramEqualization", "MaxNumBoundingBoxes", "Resizing"), IMAGES),
    **dict.fromkeys(("Solarization", "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter"), IMAGES),
    **dict.fromkeys(("RandomContrast", "RandomCrop", "RandomElasticTransform", "RandomErasing", "RandomFlip"), IMAGES),
    **dict.fromkeys(("RandomGaussianBlur", "RandomGrayscale", "RandomHeight", "RandomHue", "RandomInvert"), IMAGES),
    **dict.fromkeys(("RandomPerspective", "RandomPosterization", "RandomRotation", "RandomSaturation"), IMAGES),
    **dict.fromkeys(("RandomSharpness", "RandomShear", "RandomTranslation", "RandomWidth", "RandomZoom"), IMAGES),
    **dict.fromkeys(("CategoryEncoding", "Discretization", "HashedCrossing", "Hashing", "IntegerLookup"), WORDS),
    **dict.fromkeys(("StringLookup", "TextVectorization", "DenseFeatures"), WORDS),
    **dict.fromkeys(("MelSpectrogram", "STFTSpectrogram"), SIGNALS),
    "Pipeline": IMAGES,
    **dict.fromkeys(("LocallyConnected1D", "LocallyConnected2D"), "Keras 3 has no such layer"),
    **dict.fromkeys(("AbstractRNNCell", "Layer", "Wrapper"), "it is the base of other layers, and computes nothing itself"),
}
OF_KERAS_3_ONLY = {"SpectralNormalization": "of this layer, only Keras 3's is read"}
INITIALIZERS = {
    *("Zeros", "Ones", "Constant", "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling", "Identity"),
    *("Orthogonal", "OrthogonalInitializer", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform"),
    *("LecunNormal", "LecunUniform"),
}
REGULARIZERS = {"L1", "L2", "L1L2", "OrthogonalRegularizer"}
CONSTRAINTS = {"MaxNorm", "NonNeg", "UnitNorm", "MinMaxNorm"}
QUANTIZERS = {"Int8QuantizationConfig", "AbsMaxQuantizer"}
KINDS = {
    "initializers": INITIALIZERS,
    "regularizers": REGULARIZERS,
    "constraints": CONSTRAINTS,
    "quantizers": QUANTIZERS,
}
QUANTIZED = "QuantizedDTypePolicy"
POLICIES = {"DTypePolicy", "FloatDTypePolicy", "Policy", "PolicyV1", QUANTIZED}
DTYPES = {
    *("float16", "float32", "float64", "bfloat16", "mixed_float16", "mixed_bfloat16"),
    *("int8", "int32", "int64", "bool"),
}


def dtype(where: str, value: Any, owner: str) -> Any:
    """The name of a dtype or of a policy, None where there is neither.

    Args:
        where: the file, for messages.
        value: in the config.
        owner: what has it, for messages.

    Raises:
        UserError: for a dtype that is not known.
    """
    policy = class_name(value) in POLICIES and isinstance(options_of(value), dict)
    quantized = policy and class_name(value) == QUANTIZED and value["config"].get("mode") == "int8"
    name = value["config"].get("source_name" if quantized else "name") if policy else value
    if name is not None and not (isinstance(name, str) and name in DTYPES):
        raise UserError(
            f"{where}: {owner}: expected dtype to be one of {', '.join(sorted(DTYPES))}. Received: {shown(name)}"
        )
    return f"int8_from_{name}" if quantized else name


def not_stock(where: str, what: str, name: str, known: Iterable[str], owner: str = "") -> UserError:
    """The error to raise for a part that is not stock Keras.

    Args:
        where: the file.
        what: kind of part, e.g. "layer".
        name: of the part.
        known: names that could have been meant.
        owner: what it is a part of.
    """
    near, article = did_you_mean(name, known), "an" if what[0] in "aeiou" else "a"
    at = f" in {owner}" if owner else ""
    reason = (REFUSED | OF_KERAS_3_ONLY).get("Lambda" if name == "__lambda__" else name, "")
    reason = f"; {reason}" if reason else ""
    return UserError(f"{where}: expected {article} {what} of stock Keras{at}.{near} Received: {shown(name)}{reason}")
