"""What the imported model has in another way than its ONNX file, in sentences."""

from typing import Any

from gru_tf.foundation.errors import several
from gru_tf.interchange.onnx.signature import GraphSignature

OWN_DEFAULTS = 4  # IR version; before, all arrays of a file were listed as inputs, too


def of_signature(model: Any, signature: GraphSignature) -> tuple[str, ...]:
    """Of a file that is read as a network: axes in another order, and outputs that the model does not have."""
    notes = []
    if not signature.batch_first:
        notes.append(f"input '{signature.sequence}' is (time, batch, …) in the file and (batch, time, …) in the model")
    every_step = len(signature.order) - signature.directed == len(("batch", "time", "features"))
    if every_step and signature.order[0] > signature.order[1]:
        notes.append(f"output '{signature.output}' is (time, batch, …) in the file and (batch, time, …) in the model")
    others = [f"'{each.name}'" for each in model.graph.output if each.name != signature.output]
    if others:
        received = several(others)
        notes.append(
            f"the model has the output '{signature.output}' alone; outputs that are final states are left out: {received}"
        )
    return (*notes, *defaults(model))


def defaults(model: Any) -> tuple[str, ...]:
    """That inputs which the file gives default numbers are constants of the model."""
    arrays = {tensor.name for tensor in model.graph.initializer}
    used = {name for node in model.graph.node for name in node.input}
    names = [f"'{each.name}'" for each in model.graph.input if each.name in arrays & used]
    if not names or model.ir_version < OWN_DEFAULTS:
        return ()
    return (f"inputs with default numbers have these in the model, and are no inputs of it: {several(names, 3)}",)
