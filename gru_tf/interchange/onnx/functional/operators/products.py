"""Products: MatMul and Gemm with constant weights as Dense layers, products of two sequences, Einsum."""

from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange.onnx.functional.aligning import align
from gru_tf.interchange.onnx.functional.node import OperatorNode
from gru_tf.interchange.onnx.functional.sizes import SymbolicSize, product
from gru_tf.interchange.onnx.functional.sums import add
from gru_tf.interchange.onnx.functional.values import Value
from gru_tf.interchange.onnx.functional.views import Atom, TensorView, fresh
from gru_tf.interchange.onnx.values import Constant, UnreadableError


def matmul(node: OperatorNode) -> Value:
    """MatMul: a Dense layer where the second factor is a constant matrix, else a product of the last two axes."""
    one, two = node.value(0), node.value(1)
    if isinstance(one, Constant) and isinstance(two, Constant):
        node.graph.count_bytes(one.array.nbytes * max(1, two.array.shape[-1]) if two.array.ndim else 0)
        return Constant(one.array @ two.array)
    kernel = node.as_constant(two)
    if kernel is not None and kernel.ndim == 2 and isinstance(one, TensorView):
        return dense(node, one, kernel)
    return _batched(node, one, two)


def dense(node: OperatorNode, x: TensorView, kernel: Array, bias: Array | None = None) -> TensorView:
    """A Dense layer on the last axis.

    Args:
        node: for its name.
        x: at least one axis besides.
        kernel: (features, outputs).
        bias: (outputs,), or None.
    """
    if x.rank < 2 or x.kind != "float":
        raise UnreadableError(f"expected floating-point numbers (batch, …, features). Received: {x.kind}, {x.rank} axes")
    x.check_apart([x.rank - 1])
    features = x.size(x.axes[-1])
    if features.number not in (None, kernel.shape[0]):
        raise UnreadableError(f"expected a matrix for {features} features. Received: one for {kernel.shape[0]}")
    x.known.equate(features, SymbolicSize(kernel.shape[0]))
    target = x.canonical(last=[x.rank - 1])
    if len(target) < 2:
        target = ((), *target)
    outputs = fresh(SymbolicSize(kernel.shape[1]), x.known)
    weights = (kernel,) if bias is None else (kernel, bias)
    step = node.layer(
        keras.layers.Dense, x.arranged(target, node.title), weights=weights, units=kernel.shape[1], use_bias=bias is not None
    )

    def add_bias(later: OperatorNode, array: Array) -> TensorView | None:
        vector = array.reshape(-1)
        plain = array.ndim <= x.rank and array.dtype.kind == "f" and vector.size in (1, kernel.shape[1])
        if not plain or (array.ndim and array.shape[-1] != vector.size):
            return None
        return dense(node, x, kernel, np.broadcast_to(vector, kernel.shape[1:]).copy())

    added = None if bias is not None else add_bias
    return TensorView(step, (*target[:-1], outputs), (*x.axes[:-1], outputs), "float", x.known, node.title, added)


def gemm(node: OperatorNode) -> Value:
    """Gemm: a Dense layer with its bias."""
    x, kernel, bias = node.tensor(0), node.constant(1, "B"), node.constant(2, "C")
    if kernel is None or kernel.ndim != 2 or x.rank != 2 or node.attributes.get("transA", 0):
        raise UnreadableError("expected the product of (batch, features) and a constant matrix")
    node.graph.count_bytes(2 * kernel.nbytes)
    kernel = (kernel.T if node.attributes.get("transB", 0) else kernel) * _factor(node, "alpha", kernel)
    if bias is None:
        return dense(node, x, np.ascontiguousarray(kernel))
    bias = bias * _factor(node, "beta", bias)
    whole = dense(node, x, np.ascontiguousarray(kernel))
    added = whole.add_bias(node, bias) if whole.add_bias is not None else None
    return node.combined(add, [whole, Constant(bias)]) if added is None else added


def _factor(node: OperatorNode, name: str, like: Array) -> Any:
    return np.asarray(node.attributes.get(name, 1.0), like.dtype)


def _batched(node: OperatorNode, one: Value, two: Value) -> TensorView:
    """A product of the last two axes, over the same leading ones."""
    operands = [node.operand(value, []) for value in (one, two)]
    ranks = [each.rank if isinstance(each, TensorView) else each.ndim for each in operands]
    if min(ranks) < 2:
        raise UnreadableError(f"expected at least two axes in both factors. Received: {ranks[0]} and {ranks[1]}")
    sizes = [each.sizes() if isinstance(each, TensorView) else tuple(map(SymbolicSize, each.shape)) for each in operands]
    for each in operands:
        if isinstance(each, TensorView):
            each.check_apart([each.rank - 2, each.rank - 1])
    node.known.equate(sizes[0][-1], sizes[1][-2])
    aligned = align(operands, node.title, own=2)
    rows, columns = _end(operands[0], -2), _end(operands[1], -1)
    if set(rows) & set(columns):
        columns = tuple(Atom(atom.size) for atom in columns)
    step = node.on(keras.ops.matmul, aligned)
    layout = (*aligned.layout, rows, columns)
    return TensorView(step, layout, (*aligned.axes, rows, columns), "float", node.known, node.title)


def _end(value: TensorView | Array, axis: int) -> tuple[Atom, ...]:
    if isinstance(value, TensorView):
        return value.axes[axis]
    return () if value.shape[axis] == 1 else (Atom(SymbolicSize(value.shape[axis])),)


def einsum(node: OperatorNode) -> Value:
    """Einsum with an explicit result, in which no letter is the batch's and another's at once."""
    equation = str(node.attributes.get("equation", "")).replace(" ", "")
    terms, arrow, result = equation.partition("->")
    letters = terms.split(",")
    tensors = [node.tensor(n) for n in range(len(node.inputs))]
    if not arrow or "." in equation or [len(term) for term in letters] != [each.rank for each in tensors]:
        raise UnreadableError(f"expected an equation with a letter for each axis and '->'. Received: {equation[:60]}")
    groups: dict[str, tuple[Atom, ...]] = {}
    for term, tensor in zip(letters, tensors, strict=True):
        if len(set(term)) < len(term):
            raise UnreadableError(f"expected each letter once. Received: {term}")
        for letter, group in zip(term, tensor.axes, strict=True):
            tensor.known.equate(product(atom.size for atom in groups.setdefault(letter, group)), tensor.size(group))
            if letter not in result and tensor.is_batch(group):
                tensor.check_apart([tensor.axes.index(group)])
    if not set(result) <= set(groups) or len(set(result)) < len(result):
        raise UnreadableError(f"expected a result of the letters before. Received: {result}")
    steps = [tensor.arranged(tensor.axes, node.title) for tensor in tensors]
    step = node.applied(lambda *each: keras.ops.einsum(equation, *each), *steps)
    seen: set[Atom] = set()
    axes = []
    for letter in result:
        axes.append(tuple(Atom(atom.size) if atom in seen else atom for atom in groups[letter]))
        seen |= set(groups[letter])
    return TensorView(step, tuple(axes), tuple(axes), "float", node.known, node.title)
