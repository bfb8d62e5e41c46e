"""Operations of TensorFlow 1's graphs by what they do around cells: compute activations, move numbers, hold data."""

from gru_tf.interchange.tensorflow.graph.flow import BLOCKS, LOOPS, PRODUCTS, UNCHANGED

ACTIVATIONS = {
    "Relu": "relu",
    "Relu6": "relu6",
    "Elu": "elu",
    "Selu": "selu",
    "Tanh": "tanh",
    "Sigmoid": "sigmoid",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Softmax": "softmax",
    "LogSoftmax": "log_softmax",
}
MOVES = UNCHANGED | {  # numbers are moved, or are the shapes that they are moved by
    *("Reshape", "Transpose", "ExpandDims", "Squeeze", "ConcatV2", "Concat", "Pack", "Unpack", "Split", "SplitV", "Slice"),
    *("StridedSlice", "Gather", "GatherV2", "GatherNd", "ReverseV2", "ReverseSequence", "Shape", "ShapeN", "Size", "Rank"),
    *("Range", "Prod", "Const", "Fill", "Switch", "Merge", "Exit", "RefExit", "Tile", "ZerosLike", "NoOp"),
    *("TensorArrayV3", "TensorArrayScatterV3", "TensorArrayGatherV3", "TensorArraySizeV3", "TensorArrayReadV3"),
    *("TensorListFromTensor", "TensorListStack", "TensorListReserve", "TensorListLength", "TensorListElementShape"),
    *("LogicalAnd", "Assert", "All"),
    *("PlaceholderWithDefault", "EnsureShape", "CheckNumerics", "PreventGradient", "LoopCond", "InvertPermutation"),
}
COMPARE = {  # an output with its targets, or only rearrange it by sizes
    *("Sub", "SquaredDifference", "Equal", "NotEqual", "InTopK", "InTopKV2", "Reshape"),
    *("SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits"),
}
SIZES = {"Shape", "ShapeN", "Rank", "Size"}
PICKS = {
    "TensorArrayGatherV3",
    "TensorListStack",
    "Identity",
    "Reshape",
    "Squeeze",
    "Transpose",
    "StridedSlice",
    "Slice",
    "GatherNd",
    "Gather",
    "GatherV2",
}
THROUGH_LOOPS = {
    *("TensorArrayWriteV3", "NextIteration", "Merge", "Switch", "Exit", "Identity", "Select", "SelectV2", "BiasAdd", "Add"),
    *("AddV2", "Reshape"),
}
WHOLE_NUMBERS = {3, 4, 5, 6, 9, 10, 17, 22, 23}  # of TensorFlow's types: shapes and places, not data
SOURCES = {
    *("Placeholder", "PlaceholderWithDefault", "PlaceholderV2", "IteratorGetNext", "IteratorV2", "OneShotIterator"),
    *("QueueDequeueV2", "QueueDequeueManyV2", "QueueDequeueUpToV2"),
}
CELLS = BLOCKS | LOOPS | PRODUCTS
