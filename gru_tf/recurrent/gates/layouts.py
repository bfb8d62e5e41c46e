"""Layouts of recurrent weights, as data: of which blocks each array is made, and what they mean.

A new layout is a new entry in `LAYOUTS`. Blocks are called as in `gru_tf.recurrent.gates`.

A forget bias that a program adds while it runs is in no array: TF1's LSTM cells add `forget_bias`, 1 by default
(`GateWeights.with_forget_bias`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from gru_tf.foundation.errors import did_you_mean
from gru_tf.recurrent.gates.packing import GATES, Layout, Packed

CONVENTIONS = ("keep", "write")
ORDERS = {  # in which foreign programs lay the gates
    "cudnn": {"gru": "rzh", "lstm": "ifco", "rnn": "h"},
    "pytorch": {"gru": "rzh", "lstm": "ifco", "rnn": "h"},
    "onnx": {"gru": "zrh", "lstm": "iofc", "rnn": "h"},
}


def _named(letter: str, gates: str) -> tuple[str, ...]:
    return tuple(f"{letter}_{gate}" for gate in gates)


def _keras(cell: str, biases: str = "b") -> tuple[Packed, ...]:
    rows = {letter: _named(letter, GATES[cell]) for letter in "WUbc"}
    bias = Packed("bias", tuple(rows[letter] for letter in biases))
    return (Packed("kernel", (rows["W"],)), Packed("recurrent_kernel", (rows["U"],)), bias)


def _legacy_cudnn(cell: str) -> tuple[Packed, ...]:
    kernel, recurrent, _ = (replace(packed, folded=True) for packed in _keras(cell))
    return (kernel, recurrent, Packed("bias", ((*_named("b", GATES[cell]), *_named("c", GATES[cell])),)))


def _cudnn(cell: str) -> tuple[Packed, ...]:
    names = (name for letter in "WUbc" for name in _named(letter, ORDERS["cudnn"][cell]))
    return (Packed("parameters", tuple((name,) for name in names), flat=True),)


def _pytorch(cell: str) -> tuple[Packed, ...]:
    names = {"weight_ih": "W", "weight_hh": "U", "bias_ih": "b", "bias_hh": "c"}
    rows = {name: (_named(letter, ORDERS["pytorch"][cell]),) for name, letter in names.items()}
    return tuple(Packed(name, row, transposed=name.startswith("weight")) for name, row in rows.items())


def _onnx(cell: str) -> tuple[Packed, ...]:
    """Of one direction."""
    rows = {letter: _named(letter, ORDERS["onnx"][cell]) for letter in "WUbc"}
    kernels = (Packed("W", (rows["W"],), transposed=True), Packed("R", (rows["U"],), transposed=True))
    return (*kernels, Packed("B", ((*rows["b"], *rows["c"]),)))


def _tf1(gates: str, prefix: str = "") -> tuple[Packed, ...]:
    """A kernel over [x, h] and a bias."""
    rows = (_named("W", gates), _named("U", gates))
    return (Packed(f"{prefix}kernel", rows), Packed(f"{prefix}bias", (_named("b", gates),)))


def _concatenated(transposed: bool) -> tuple[Packed, ...]:
    matrices = (Packed(f"W_{gate}", ((f"U_{gate}",), (f"W_{gate}",)), transposed) for gate in "zrh")
    return (*matrices, *(Packed(f"b_{gate}", ((f"b_{gate}",),)) for gate in "zrh"))


_GRUS = (
    Layout("keras", _keras("gru", "bc"), "keep", True, "keras.layers.GRU(reset_after=True)"),
    Layout("keras_reset_before", _keras("gru"), "keep", False, "keras.layers.GRU(reset_after=False)"),
    Layout("cudnn_gru", _cudnn("gru"), "keep", True, "cuDNN's parameters of one layer and direction"),
    Layout("legacy_cudnn_gru", _legacy_cudnn("gru"), "keep", True, "CuDNNGRU of Keras 2 and TF1, in .h5 files"),
    Layout("pytorch_gru", _pytorch("gru"), "keep", True, "torch.nn.GRU, one layer and direction"),
    Layout("onnx_gru", _onnx("gru"), "keep", None, "ONNX GRU, one direction; linear_before_reset says the reset"),
    Layout(
        "tf1_gru", (*_tf1("rz", "gates_"), *_tf1("h", "candidate_")), "keep", False, "TF1 rnn_cell.GRUCell, GRUBlockCellV2"
    ),
    # [h, x] W: the first H rows act on h, the rest on x
    Layout("concatenated", _concatenated(transposed=False), None, None, "row vectors, [h, x] W_z"),
    # W [h; x] as texts print it: the same matrix transposed, whose first H columns act on h
    Layout("concatenated_columns", _concatenated(transposed=True), None, None, "column vectors, W_z·[h, x]"),
    Layout(
        "derivation",
        tuple(
            Packed(f"W_{gate}{source}", ((f"{letter}_{gate}",),), transposed=True)
            for gate in "zrh"
            for source, letter in (("x", "W"), ("h", "U"))
        ),
        "write",
        False,
        "column vectors, W_zx x + W_zh h: gru_tf.derivation",
    ),
)


def _others() -> Iterable[Layout]:
    for cell, keras in (("lstm", "LSTM"), ("rnn", "SimpleRNN")):
        yield Layout(f"keras_{cell}", _keras(cell), None, None, f"keras.layers.{keras}", cell)
        yield Layout(f"cudnn_{cell}", _cudnn(cell), None, None, "cuDNN's parameters of one layer and direction", cell)
        yield Layout(
            f"pytorch_{cell}", _pytorch(cell), None, None, f"torch.nn.{cell.upper()}, one layer and direction", cell
        )
        yield Layout(f"onnx_{cell}", _onnx(cell), None, None, f"ONNX {cell.upper()}, one direction", cell)
    yield Layout(
        "legacy_cudnn_lstm", _legacy_cudnn("lstm"), None, None, "CuDNNLSTM of Keras 2 and TF1, in .h5 files", "lstm"
    )
    reference = "TF1 rnn_cell.BasicLSTMCell, LSTMCell, LSTMBlockCell; without the forget bias added at run time"
    yield Layout("tf1_lstm", _tf1("icfo"), None, None, reference, "lstm")
    yield Layout("tf1_rnn", _tf1("h"), None, None, "TF1 rnn_cell.BasicRNNCell", "rnn")


LAYOUTS: Mapping[str, Layout] = {known.name: known for known in (*_GRUS, *_others())}


def layout(name: str, convention: str | None = None, reset_after: bool | None = None) -> Layout:
    """The layout called `name`, with another convention or reset: its arrays stay the same.

    Args:
        name: one of `LAYOUTS`.
        convention: "keep" or "write" (a gru_tf.GRUCell has Keras' layout in either); None for the layout's own.
        reset_after: whether the reset acts after the product; None for the layout's own. Keras' two layouts, which
            differ in their biases, have one each.

    Raises:
        ValueError: for an unknown name or convention, or a reset that the layout does not have.
    """
    if name not in LAYOUTS:
        valid = ", ".join(LAYOUTS)
        raise ValueError(f"gates: expected a layout out of {valid}.{did_you_mean(name, LAYOUTS)} Received: name={name!r}")
    chosen = LAYOUTS[name]
    if convention is not None:
        check_convention(convention)
        chosen = replace(chosen, convention=convention)
    if reset_after is not None and chosen.reset_after not in (None, reset_after):
        raise ValueError(f"gates: expected reset_after={chosen.reset_after} in layout '{name}'. Received: {reset_after}")
    return chosen if reset_after is None else replace(chosen, reset_after=reset_after)


def check_convention(convention: str | None) -> None:
    """Raise ValueError for a convention other than "keep" and "write"."""
    if convention not in CONVENTIONS:
        raise ValueError(f"gates: expected `convention` to be 'keep' or 'write'. Received: convention={convention!r}")
