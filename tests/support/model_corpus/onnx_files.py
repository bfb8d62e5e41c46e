"""Files written by ONNX exporters, and by hand in their manner."""

import warnings

import numpy as np
from onnx import TensorProto, helper
from onnx_graphs import FEATURES, UNITS, Graph, computed, normal

from model_corpus.case import Case, Made

AROUND, ACTIVATIONS, REFUSED = "ONNX: around the recurrence", "ONNX: activations", "ONNX: named and refused"
INPUTS = "ONNX: several inputs, initial states and lengths"
BATCH, STEPS = 3, 6
X = normal(0, BATCH, STEPS, FEATURES)
HAND = "by hand, as {} writes"
CASES: list[Case] = []


def case(name, form, writer, *, inputs=(X,), fed=None, refusal=(), options=None, turned=None):
    """Add a case whose graph a function puts together; onnxruntime computes what must come out.

    Args:
        name, form, writer, refusal, options: of the case.
        inputs: of the imported model.
        fed: of the file, where they are others.
        turned: the order of the model's axes in the file's output.
    """

    def register(build):
        def make(folder):
            path = build().save(folder / "model.onnx")
            if refusal:
                return Made(path)
            output = computed(path, *(inputs if fed is None else fed))[0]
            return Made(path, inputs, output if turned is None else output.transpose(turned))

        CASES.append(Case(name, form, writer, make, options or {}, refusal))
        return build

    return register


def classifier(graph, x, features=FEATURES, cell="GRU"):
    """Last step, a linear layer and probabilities."""
    _, states = graph.batch_first(cell, x, features)
    last = graph.add("Squeeze", states[0], graph.ints(0))
    graph.output(graph.add("Softmax", graph.linear(last, UNITS, 5), axis=-1))
    return graph


def sequence(graph):
    """Input x (batch, steps, features)."""
    return graph.input("x", "batch", "steps", FEATURES)


# --- activations ---


@case("relu, then probabilities", ACTIVATIONS, HAND.format("torch"))
def _():
    graph = Graph("pytorch")
    y, _ = graph.batch_first("GRU", sequence(graph))
    hidden = graph.add("Relu", graph.linear(y, UNITS, 8))
    graph.output(graph.add("Softmax", graph.linear(hidden, 8, 3), axis=2))
    return graph


@case("sigmoid of both directions' last step", ACTIVATIONS, HAND.format("torch"))
def _():
    graph = Graph("pytorch")
    _, states = graph.batch_first("LSTM", sequence(graph), direction="bidirectional")
    ends = [graph.add("Gather", states[0], graph.array(n, "int64"), axis=0) for n in (-2, -1)]
    graph.output(graph.add("Sigmoid", graph.linear(graph.add("Concat", *ends, axis=1), 2 * UNITS, 1)))
    return graph


@case(
    "log-probabilities of tokens in one axis", ACTIVATIONS, HAND.format("torch"), inputs=(np.arange(12).reshape(2, 6) % 11,)
)
def _():
    graph = Graph("pytorch")
    tokens = graph.input("tokens", "batch", "steps", kind=TensorProto.INT64)
    y, _ = graph.batch_first("LSTM", graph.add("Gather", graph.weights(11, FEATURES), tokens))
    flat = graph.add(
        "Gemm", graph.add("Reshape", y, graph.ints(-1, UNITS)), graph.weights(7, UNITS), graph.weights(7), transB=1
    )
    steps = graph.add("Concat", graph.add("Shape", tokens), graph.ints(7), axis=0)
    graph.output(graph.add("Reshape", graph.add("LogSoftmax", flat, axis=-1), steps))
    return graph


@case("Keras 2's hard sigmoid in the gates", ACTIVATIONS, HAND.format("tf2onnx"))
def _():
    graph = Graph("tf2onnx")
    y, _ = graph.batch_first("LSTM", sequence(graph), activations=["HardSigmoid", "Tanh", "Tanh"])
    graph.output(graph.add("Tanh", y))
    return graph


@case("Keras 2's hard sigmoid behind", ACTIVATIONS, HAND.format("keras2onnx"))
def _():
    graph = Graph("keras2onnx", opset=11)
    y, _ = graph.recurrent("GRU", graph.add("Transpose", sequence(graph), perm=[1, 0, 2]))
    y = graph.add("Squeeze", y, axes=[1])
    y = graph.add("Transpose", y, perm=[1, 0, 2])
    graph.output(graph.add("HardSigmoid", y, alpha=0.2, beta=0.5))
    return graph


@case("GELU in its parts", ACTIVATIONS, HAND.format("torch"))
def _():
    graph = Graph("pytorch")
    y = graph.linear(graph.batch_first("GRU", sequence(graph))[0], UNITS, 6)
    half = graph.add("Erf", graph.add("Div", y, graph.array(np.sqrt(2))))
    both = graph.add("Mul", y, graph.add("Add", half, graph.array(1.0)))
    graph.output(graph.add("Mul", both, graph.array(0.5)))
    return graph


@case("leaky ReLU, ELU and hard swish", ACTIVATIONS, HAND.format("torch"))
def _():
    graph = Graph("pytorch")
    x = graph.add("LeakyRelu", graph.linear(sequence(graph), FEATURES, 5), alpha=0.1)
    y, _ = graph.batch_first("GRU", graph.add("Elu", x), 5)
    graph.output(graph.add("HardSwish", graph.linear(y, UNITS, 3)))
    return graph


@case("a gated linear unit", ACTIVATIONS, HAND.format("torch"))
def _():
    graph = Graph("pytorch", opset=18)
    y, _ = graph.batch_first("GRU", sequence(graph))
    one, gate = graph.add("Split", graph.linear(y, UNITS, 8), outputs=2, axis=-1, num_outputs=2)
    graph.output(graph.add("Mul", one, graph.add("Sigmoid", gate)))
    return graph


# --- around the recurrence ---


@case("standardised inputs", AROUND, HAND.format("torch"))
def _():
    graph = Graph("pytorch")
    less = graph.add("Sub", sequence(graph), graph.array([1.0, -2.0, 0.5]))
    return classifier(graph, graph.add("Div", less, graph.array([2.0, 0.5, 1.5])))


@case("a scaler in front", AROUND, HAND.format("skl2onnx"))
def _():
    graph = Graph("skl2onnx", domains=("ai.onnx.ml",))
    flat = graph.add("Reshape", sequence(graph), graph.ints(-1, FEATURES))
    scaled = graph.add("Scaler", flat, domain="ai.onnx.ml", offset=[1.0, -2.0, 0.5], scale=[0.5, 2.0, 0.7])
    return classifier(graph, graph.add("Reshape", scaled, graph.add("Shape", "x")), cell="LSTM")


@case("a linear layer in front", AROUND, HAND.format("torch"))
def _():
    graph = Graph("pytorch")
    return classifier(graph, graph.add("Relu", graph.linear(sequence(graph), FEATURES, 6)), 6)


@case("a convolution in front, with batch normalisation", AROUND, HAND.format("torch"))
def _():
    graph = Graph("pytorch")
    x = graph.add("Transpose", sequence(graph), perm=[0, 2, 1])
    x = graph.add("Conv", x, graph.weights(6, FEATURES, 3), graph.weights(6), pads=[1, 1], kernel_shape=[3], dilations=[1])
    variance = graph.array(graph.rng.uniform(0.5, 2, 6))
    x = graph.add("BatchNormalization", x, *(graph.weights(6) for _ in range(3)), variance, epsilon=1e-3)
    x = graph.add("MaxPool", graph.add("Relu", x), kernel_shape=[2], strides=[2])
    return classifier(graph, graph.add("Transpose", x, perm=[0, 2, 1]), 6)


@case("a causal and a dilated convolution", AROUND, HAND.format("tf2onnx"))
def _():
    graph = Graph("tf2onnx")
    x = graph.add("Transpose", sequence(graph), perm=[0, 2, 1])
    x = graph.add("Conv", x, graph.weights(6, FEATURES, 3), pads=[2, 0], kernel_shape=[3])
    x = graph.add("Conv", x, graph.weights(6, 1, 3), group=6, pads=[2, 2], dilations=[2])
    return classifier(graph, graph.add("Transpose", x, perm=[0, 2, 1]), 6)


@case("a picture's columns as steps", AROUND, HAND.format("torch"), inputs=(normal(1, 2, 1, 8, 5),), turned=(1, 0, 2))
def _():
    graph = Graph("pytorch")
    x = graph.add(
        "Conv", graph.input("x", "batch", 1, 8, "width"), graph.weights(4, 1, 3, 3), graph.weights(4), pads=[1] * 4
    )
    x = graph.add("MaxPool", graph.add("Relu", x), kernel_shape=[2, 1], strides=[2, 1])
    x = graph.add("Reshape", graph.add("Transpose", x, perm=[3, 0, 1, 2]), graph.ints(0, 0, -1))
    y = graph.add("Squeeze", graph.recurrent("LSTM", x, 16)[0], graph.ints(1))
    graph.output(graph.add("LogSoftmax", graph.linear(y, UNITS, 7), axis=2))
    return graph


@case("layer normalisation and a residual sum", AROUND, HAND.format("torch"))
def _():
    graph = Graph("pytorch")
    x = graph.linear(sequence(graph), FEATURES, UNITS)
    y = graph.add("Add", x, graph.batch_first("GRU", x, UNITS, linear_before_reset=1)[0])
    y = graph.add("LayerNormalization", y, graph.weights(UNITS), graph.weights(UNITS), epsilon=1e-5, axis=-1)
    graph.output(graph.add("Add", y, graph.batch_first("GRU", y, UNITS, linear_before_reset=1)[0]))
    return graph


@case("layer normalisation in its parts", AROUND, HAND.format("torch, opset 11,"))
def _():
    graph = Graph("pytorch", opset=11)
    y, _ = graph.recurrent("GRU", graph.add("Transpose", sequence(graph), perm=[1, 0, 2]))
    y = graph.add("Transpose", graph.add("Squeeze", y, axes=[1]), perm=[1, 0, 2])
    less = graph.add("Sub", y, graph.add("ReduceMean", y, axes=[-1]))
    square = graph.add("ReduceMean", graph.add("Pow", less, graph.array(2.0)), axes=[-1])
    normal_ = graph.add("Div", less, graph.add("Sqrt", graph.add("Add", square, graph.array(1e-5))))
    graph.output(graph.add("Add", graph.add("Mul", normal_, graph.weights(UNITS)), graph.weights(UNITS)))
    return graph


@case("mean, maximum and last step together", AROUND, HAND.format("torch"))
def _():
    graph = Graph("pytorch")
    y, _ = graph.batch_first("GRU", sequence(graph), direction="bidirectional")
    mean = graph.add("ReduceMean", y, axes=[1], keepdims=0)
    largest = graph.add("ReduceMax", y, axes=[1], keepdims=0)
    last = graph.add("Gather", y, graph.array(-1, "int64"), axis=1)
    graph.output(graph.linear(graph.add("Concat", mean, largest, last, axis=-1), 6 * UNITS, 2))
    return graph


@case("global pooling over time", AROUND, HAND.format("keras2onnx"))
def _():
    graph = Graph("keras2onnx")
    y, _ = graph.batch_first("LSTM", sequence(graph))
    pooled = graph.add("GlobalAveragePool", graph.add("Transpose", y, perm=[0, 2, 1]))
    graph.output(graph.add("Gemm", graph.add("Flatten", pooled), graph.weights(UNITS, 2), graph.weights(2)))
    return graph


@case("every step flattened", AROUND, HAND.format("tf2onnx"))
def _():
    graph = Graph("tf2onnx")
    y, _ = graph.batch_first("GRU", graph.input("x", "batch", STEPS, FEATURES), linear_before_reset=1)
    flat = graph.add("Reshape", y, graph.ints(-1, STEPS * UNITS))
    graph.output(graph.add("MatMul", flat, graph.weights(STEPS * UNITS, 2)))
    return graph


@case("attention over the steps", AROUND, HAND.format("torch"))
def _():
    graph = Graph("pytorch")
    y, _ = graph.batch_first("GRU", sequence(graph), direction="bidirectional")
    scores = graph.add("MatMul", graph.add("Tanh", graph.linear(y, 2 * UNITS, 5)), graph.weights(5, 1))
    weighted = graph.add("Mul", graph.add("Softmax", scores, axis=1), y)
    graph.output(graph.add("ReduceSum", weighted, graph.ints(1), keepdims=0))
    return graph


@case("attention of several heads", AROUND, HAND.format("torch"))
def _():
    graph = Graph("pytorch")
    y, _ = graph.batch_first("GRU", sequence(graph))
    parts = [graph.add("Reshape", graph.linear(y, UNITS, UNITS), graph.ints(0, -1, 2, 2)) for _ in range(3)]
    query, value = (graph.add("Transpose", parts[n], perm=[0, 2, 1, 3]) for n in (0, 2))
    scores = graph.add("MatMul", query, graph.add("Transpose", parts[1], perm=[0, 2, 3, 1]))
    mixed = graph.add("MatMul", graph.add("Softmax", scores, axis=-1), value)
    graph.output(graph.add("Reshape", graph.add("Transpose", mixed, perm=[0, 2, 1, 3]), graph.ints(0, -1, UNITS)))
    return graph


@case("two linear layers between recurrent ones", AROUND, HAND.format("CNTK"), fed=(X.swapaxes(0, 1),), turned=(1, 0, 2))
def _():
    graph = Graph("CNTK", opset=9)
    x = graph.input("Input3", "Sequence", "FreeDimension", FEATURES)
    y = graph.add("Squeeze", graph.recurrent("LSTM", x)[0], axes=[1])
    y = graph.add("Relu", graph.add("Add", graph.weights(6), graph.add("MatMul", y, graph.weights(UNITS, 6))))
    graph.output(graph.add("Squeeze", graph.recurrent("GRU", y, 6)[0], axes=[1]))
    return graph


@case("fully connected layers behind a flattened last step", AROUND, HAND.format("MXNet"))
def _():
    graph = Graph("mxnet", opset=9)
    x = graph.add("Transpose", sequence(graph), perm=[1, 0, 2])
    y, _ = graph.recurrent("RNN", x, activations=["Relu"])
    last = graph.add("Slice", y, axes=[0], starts=[-1], ends=[2**31 - 1])
    flat = graph.add("Flatten", graph.add("Squeeze", last, axes=[0, 1]))
    hidden = graph.add("Gemm", flat, graph.weights(6, UNITS), graph.weights(6), transB=1, alpha=0.5, beta=2.0)
    graph.output(graph.add("Softmax", graph.add("Clip", hidden, min=-1.0, max=1.0), axis=1))
    return graph


@case("the mean of an input that has time first", AROUND, HAND.format("torch"), inputs=(X,), fed=(X.swapaxes(0, 1),))
def _():
    graph = Graph(opset=14)
    y, _ = graph.recurrent("GRU", graph.input("x", "steps", "batch", FEATURES))
    pooled = graph.add("ReduceMean", y, axes=[0], keepdims=0)
    graph.output(graph.add("Squeeze", pooled, graph.ints(0)))
    return graph


# --- inputs ---


@case("an encoder and a decoder", INPUTS, HAND.format("torch"), inputs=(X, normal(2, BATCH, 4, FEATURES)))
def _():
    graph = Graph("pytorch")
    _, states = graph.batch_first("LSTM", sequence(graph))
    later = graph.input("later", "batch", "later steps", FEATURES)
    y, _ = graph.batch_first("LSTM", later, rest=("", *states))
    graph.output(graph.linear(y, UNITS, 2))
    return graph


@case("dot-product attention on an encoder", INPUTS, HAND.format("torch"), inputs=(X, normal(2, BATCH, 4, FEATURES)))
def _():
    graph = Graph("pytorch")
    encoded, states = graph.batch_first("GRU", sequence(graph))
    later = graph.input("later", "batch", "later steps", FEATURES)
    decoded, _ = graph.batch_first("GRU", later, rest=("", states[0]))
    scores = graph.add("MatMul", decoded, graph.add("Transpose", encoded, perm=[0, 2, 1]))
    context = graph.add("MatMul", graph.add("Softmax", scores, axis=-1), encoded)
    graph.output(graph.linear(graph.add("Concat", context, decoded, axis=2), 2 * UNITS, 2))
    return graph


@case("learned initial states", INPUTS, HAND.format("torch"))
def _():
    graph = Graph("pytorch")
    x = sequence(graph)
    batch = graph.add("Gather", graph.add("Shape", x), graph.ints(0))
    shape = graph.add("Concat", graph.ints(1), batch, graph.ints(UNITS), axis=0)
    start = graph.add("Expand", graph.weights(1, 1, UNITS), shape)
    graph.output(graph.batch_first("GRU", x, rest=("", start))[0])
    return graph


@case("initial states from a context", INPUTS, HAND.format("torch"), inputs=(X, normal(2, BATCH, 2)))
def _():
    graph = Graph("pytorch")
    x, context = sequence(graph), graph.input("context", "batch", 2)
    start = graph.add("Unsqueeze", graph.add("Tanh", graph.linear(context, 2, UNITS)), graph.ints(0))
    graph.output(graph.batch_first("GRU", x, rest=("", start))[0])
    return graph


@case("a context at every step", INPUTS, HAND.format("torch"), inputs=(X, normal(2, BATCH, 2)))
def _():
    graph = Graph("pytorch")
    x, context = sequence(graph), graph.input("context", "batch", 2)
    lengths = [graph.add("Gather", graph.add("Shape", x), graph.ints(n)) for n in (0, 1)]
    shape = graph.add("Concat", *lengths, graph.ints(2), axis=0)
    repeated = graph.add("Expand", graph.add("Unsqueeze", context, graph.ints(1)), shape)
    return classifier(graph, graph.add("Concat", x, repeated, axis=2), FEATURES + 2)


LENGTHS = np.array([6, 2, 4], "int32")


@case(
    "lengths of sequences, and an activation", INPUTS, HAND.format("torch"),
    inputs=(X, np.arange(STEPS) < LENGTHS[:, None]), fed=(X, LENGTHS), turned=(1, 0, 2),
)  # fmt: skip
def _():
    graph = Graph("pytorch")
    x, lengths = sequence(graph), graph.input("lengths", "batch", kind=TensorProto.INT32)
    x = graph.add("Transpose", graph.add("Relu", x), perm=[1, 0, 2])
    _, ends, _ = graph.recurrent("LSTM", x, rest=(lengths,), direction="bidirectional")
    graph.output(graph.add("Tanh", ends))
    return graph


# --- refused ---


def quantised():
    graph = Graph("onnxruntime.quant")
    x = graph.add("Relu", sequence(graph))
    integers, scale, zero = graph.add("DynamicQuantizeLinear", x, outputs=3)
    classifier(graph, graph.add("DequantizeLinear", integers, scale, zero))
    return graph


case(
    "quantised numbers",
    REFUSED,
    "onnxruntime",
    refusal=("DynamicQuantizeLinear", "DequantizeLinear", "before it is quantised"),
)(quantised)


@case("a quantised LSTM", REFUSED, "onnxruntime", refusal=("DynamicQuantizeLSTM", "before it is quantised"))
def _():
    graph = Graph("onnxruntime.quant", domains=("com.microsoft",))
    graph.output(graph.add("DynamicQuantizeLSTM", sequence(graph), domain="com.microsoft"))
    return graph


@case("an LSTM in a branch", REFUSED, HAND.format("torch.jit.script"), refusal=("LSTM", "within If", "Export the branch"))
def _():
    graph, inner = Graph("pytorch"), Graph()
    inner.nodes = []
    sequence(graph)
    inner.output(inner.recurrent("LSTM", "x")[0])
    branch = helper.make_graph(inner.nodes, "branch", [], inner.outputs, inner.arrays)
    graph.output(graph.add("If", graph.array(True, "bool"), then_branch=branch, else_branch=branch))
    return graph


@case("a loop of the program's own", REFUSED, HAND.format("tf2onnx"), refusal=("Loop", "written as a loop"))
def _():
    graph = Graph("tf2onnx")
    body = helper.make_graph([], "body", [], [], [])
    graph.output(graph.add("Loop", graph.ints(5), graph.array(True, "bool"), sequence(graph), body=body))
    return graph


@case("a spectrum in front", REFUSED, HAND.format("torch"), refusal=("STFT", "a spectrum", "compute the features before"))
def _():
    graph = Graph("pytorch")
    x = graph.add("STFT", graph.input("x", "batch", "samples", 1), graph.array(64, "int64"), graph.array(np.ones(256)))
    return classifier(graph, graph.add("ReduceSum", x, graph.ints(-1), keepdims=0), 129)


@case("opset 6", REFUSED, HAND.format("CNTK"), refusal=("expected opset 7 or later. Received: 6", "opset_version=7"))
def _():
    graph = Graph("CNTK", opset=6)
    return classifier(graph, sequence(graph))


@case("an operator of a program's own", REFUSED, HAND.format("a plug-in"), refusal=("com.example.Attend", "ONNX standard"))
def _():
    graph = Graph(domains=("com.example",))
    return classifier(graph, graph.add("Attend", sequence(graph), domain="com.example"))


@case(
    "several parts at once", REFUSED, HAND.format("torch"),
    refusal=("3 parts are not read", "(1) node 'stft0' (STFT)", "(2) node 'gru", "clip", "(3) node 'topk", "enforce_sorted"),
)  # fmt: skip
def _():
    graph = Graph("pytorch")
    spectrum = graph.add(
        "STFT", graph.input("x", "batch", "samples", 1), graph.array(64, "int64"), graph.array(np.ones(256))
    )
    y, _ = graph.batch_first("GRU", graph.add("ReduceSum", spectrum, graph.ints(-1), keepdims=0), 129, clip=3.0)
    graph.output(*graph.add("TopK", y, graph.ints(2), outputs=2)[:1])
    return graph


@case("peepholes", REFUSED, HAND.format("tf2onnx"), refusal=("expected no peepholes",))
def _():
    graph = Graph("tf2onnx")
    x = graph.add("Transpose", graph.add("Relu", sequence(graph)), perm=[1, 0, 2])
    y = graph.recurrent("LSTM", x, rest=("", "", "", graph.weights(1, 3 * UNITS)))[0]
    graph.output(y)
    return graph


@case("a softmax across the batch", REFUSED, HAND.format("torch"), refusal=("expected the batch to stay an axis",))
def _():
    graph = Graph("pytorch")
    y, _ = graph.batch_first("GRU", sequence(graph))
    graph.output(graph.add("Softmax", y, axis=0))
    return graph


# --- PyTorch's exporter ---


def exported(module, x, path, axes):
    """A file by torch's TorchScript exporter, which warns that it is the older one; and torch's own output."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module.eval(), (x,), str(path), dynamo=False, input_names=["x"], dynamic_axes=axes)
    with torch.no_grad():
        return module(x).numpy()


def of_torch(name, form, x=X, axes=None):
    """Add a case of a torch module, which a function makes."""

    def register(build):
        def make(folder):
            import torch

            torch.manual_seed(0)
            path, tensor = folder / "model.onnx", torch.tensor(x)
            output = exported(build(torch), tensor, path, axes)
            return Made(path, (x,), output)

        CASES.append(Case(name, form, "torch.onnx.export", make, torch=True))
        return build

    return register


FREE = {"x": {0: "batch", 1: "steps"}}


@of_torch("torch: convolution, batch norm, GRU and mean", AROUND, axes=FREE)
def _(torch):
    nn = torch.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.front = nn.Sequential(nn.Conv1d(FEATURES, 6, 3, padding=1), nn.BatchNorm1d(6), nn.ReLU(), nn.MaxPool1d(2))
            self.stack = nn.GRU(6, UNITS, 2, bidirectional=True, batch_first=True)
            self.head = nn.Sequential(nn.LayerNorm(2 * UNITS), nn.Linear(2 * UNITS, 5), nn.GELU(), nn.Linear(5, 2))

        def forward(self, x):
            y, _ = self.stack(self.front(x.transpose(1, 2)).transpose(1, 2))
            return torch.softmax(self.head(y.mean(1)), 1)

    return Net()


@of_torch("torch: attention, ELU and sigmoid", AROUND, axes=FREE)
def _(torch):
    nn = torch.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stack = nn.LSTM(FEATURES, UNITS, bidirectional=True, batch_first=True)
            self.score = nn.Linear(2 * UNITS, 1)
            self.head = nn.Sequential(nn.Linear(2 * UNITS, 5), nn.ELU(), nn.Linear(5, 1), nn.Sigmoid())

        def forward(self, x):
            y, _ = self.stack(x)
            return self.head((torch.softmax(torch.tanh(self.score(y)), 1) * y).sum(1))

    return Net()


@of_torch("torch: learned initial state, residual sum, every length fixed", AROUND)
def _(torch):
    nn = torch.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.front = nn.Linear(FEATURES, UNITS)
            self.start = nn.Parameter(torch.randn(1, 1, UNITS))
            self.stack = nn.GRU(UNITS, UNITS, batch_first=True)
            self.norm = nn.LayerNorm(UNITS)

        def forward(self, x):
            x = torch.relu(self.front(x))
            y, _ = self.stack(x, self.start.expand(-1, x.shape[0], -1).contiguous())
            return self.norm(x + y)

    return Net()


@of_torch("torch: probabilities of the last token", ACTIVATIONS, np.arange(12).reshape(2, 6) % 11, axes=FREE)
def _(torch):
    nn = torch.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(11, FEATURES)
            self.stack = nn.RNN(FEATURES, UNITS, nonlinearity="relu", batch_first=True)
            self.head = nn.Linear(UNITS, 11)

        def forward(self, x):
            y, _ = self.stack(self.embedding(x))
            return torch.log_softmax(self.head(y[:, -1]), -1)

    return Net()
