"""Weights of a cell gate by gate, and the layouts that they are read from and written to: exact to the bit, or refused.

Canonical blocks, for row vectors as in Keras (x W + h U + b + c), one of each for every gate g: z, r, h of a GRU; i, f, c, o
of an LSTM; h alone of a plain RNN:

    W_g  (I, H)  acts on the input x          b_g  (H,)  bias beside the input
    U_g  (H, H)  acts on the state h          c_g  (H,)  bias beside the state, b'_g in `gru_tf.recurrent.cells.gru`

A layout is data: of which blocks each of its arrays is made, and how they lie in it. Reading cuts, writing joins, and
going from "keep" to "write" negates W_z, U_z, b_z and c_z (σ(−a) = 1 − σ(a)); nothing else is computed.

Texts write W_z·[h, x] with one matrix a gate. Layout "concatenated" has it for row vectors, (H + I, H), the first H rows
acting on h and the rest on x; "concatenated_columns" is its transpose, (H, H + I), as it is printed for column vectors.

Two things are no matter of layout, and are refused:

* Reset before and reset after are different functions: no weights of the one compute the other.
* One bias a gate says less than two. In a GRU's z and r, and everywhere in an LSTM and a plain RNN, only b + c counts, but
  with the reset after the product a GRU's candidate is tanh(x W_h + b_h + r ∘ (h U_h + c_h)): c_h acts through r and no b_h
  stands for it. A layout with one bias, or none, is therefore written only where what it leaves out is zero;
  `GateWeights.with_one_bias` first adds what can be added.

Typical uses, with `cell` any built GRU cell or layer, stock or custom:

    text = layout("concatenated", convention="write", reset_after=False)   # as the text has it
    load(cell, read({"W_z": …, "W_r": …, "W_h": …}, text))                 # the text's weights into the cell
    from_layer(cell).write(text)                                           # and back
    load(custom, from_layer(stock))                                        # from cell to cell
    convert(stock.get_weights(), "keras", layout("keras", convention="write"))
    load(lstm, read(state_dict, "pytorch_lstm").with_one_bias())           # a PyTorch layer's weights
"""

from gru_tf.recurrent.gates.canonical import GateWeights, convert, read
from gru_tf.recurrent.gates.layer import from_layer, load
from gru_tf.recurrent.gates.layouts import LAYOUTS, layout
from gru_tf.recurrent.gates.packing import GATES, Layout, Packed

Gates, of = GateWeights, from_layer  # their former names, which programs know from `gru_tf.gates`

__all__ = ["GATES", "LAYOUTS", "GateWeights", "Layout", "Packed", "convert", "from_layer", "layout", "load", "read"]
