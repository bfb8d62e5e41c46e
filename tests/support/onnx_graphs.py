"""ONNX graphs put together by hand, and what onnxruntime computes from them."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

GATES = {"GRU": 3, "LSTM": 4, "RNN": 1}
FEATURES, UNITS = 3, 4


class Graph:
    """A graph as it is put together; every array and value gets a name of its own.

    Args:
        producer: the program that the file names as its writer.
        opset: of the standard's operators.
        seed: of the weights.
    """

    def __init__(self, producer="by hand", opset=17, seed=0, domains=()):
        self.producer, self.opset, self.domains = producer, opset, domains
        self.rng = np.random.default_rng(seed)
        self.nodes, self.arrays, self.inputs, self.outputs = [], [], [], []

    def input(self, name, *shape, kind=TensorProto.FLOAT):
        """An input; texts in its shape are lengths that are free."""
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def array(self, values, kind="float32"):
        """A constant."""
        name = f"array{len(self.arrays)}"
        self.arrays.append(numpy_helper.from_array(np.asarray(values, kind), name))
        return name

    def ints(self, *values):
        """A constant of whole numbers."""
        return self.array(values, "int64")

    def weights(self, *shape):
        """A constant of random numbers."""
        return self.array(self.rng.normal(size=shape) / 2)

    def add(self, op, *inputs, outputs=1, domain="", **attributes):
        """A node; the name of its output, or of several in a list."""
        name = f"{op.lower()}{len(self.nodes)}"
        names = [f"{name}_{n}" for n in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, name=name, domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def recurrent(self, op, x, features=FEATURES, units=UNITS, *, rest=(), **attributes):
        """A recurrent node with random weights; Y, Y_h and, of an LSTM, Y_c."""
        both, rows = 2 if attributes.get("direction") == "bidirectional" else 1, GATES[op] * units
        weights = [self.weights(both, rows, features), self.weights(both, rows, units), self.weights(both, 2 * rows)]
        return self.add(op, x, *weights, *rest, outputs=3 if op == "LSTM" else 2, hidden_size=units, **attributes)

    def batch_first(self, op, x, features=FEATURES, units=UNITS, **attributes):
        """A recurrent layer as torch writes it; (batch, time, features) and its final states."""
        y, *states = self.recurrent(op, self.add("Transpose", x, perm=[1, 0, 2]), features, units, **attributes)
        if attributes.get("direction") == "bidirectional":
            y = self.add("Reshape", self.add("Transpose", y, perm=[0, 2, 1, 3]), self.ints(0, 0, -1))
        else:
            y = self.add("Squeeze", y, self.ints(1))
        return self.add("Transpose", y, perm=[1, 0, 2]), states

    def linear(self, x, features, outputs):
        """MatMul and Add."""
        return self.add("Add", self.add("MatMul", x, self.weights(features, outputs)), self.weights(outputs))

    def output(self, *names, kind=TensorProto.FLOAT):
        """Outputs of the graph."""
        self.outputs += [helper.make_tensor_value_info(name, kind, None) for name in names]

    def model(self):
        """The ModelProto."""
        graph = helper.make_graph(self.nodes, "graph", self.inputs, self.outputs, self.arrays)
        opsets = [helper.make_opsetid("", self.opset), *(helper.make_opsetid(name, 1) for name in self.domains)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name=self.producer)

    def save(self, path):
        """Write the file."""
        path.write_bytes(self.model().SerializeToString())
        return path


def computed(path, *inputs):
    """All outputs of a file by onnxruntime, for inputs in the order of the graph."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    return session.run(None, dict(zip(names, inputs, strict=True)))


def normal(seed, *shape):
    """The same random numbers at each call."""
    return np.random.default_rng(seed).normal(size=shape).astype("float32")
