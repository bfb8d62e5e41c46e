"""Layers of a file that have no weights: those that compute nothing outside training, and those that must be stated."""

import re
from collections.abc import Sequence

from gru_tf.foundation.errors import UserError, several
from gru_tf.interchange import option_names
from gru_tf.interchange.named_weights.contents import FileLayer, WeightsFile
from gru_tf.interchange.named_weights.stated import PlacedItem, modules_of, stated_behind

# by the names that Keras gives to layers, without "_" and numbers at the end
INPUTS = {"input", "inputlayer"}
IDLE = {
    *("dropout", "spatialdropout1d", "spatialdropout2d", "spatialdropout3d", "gaussiannoise"),
    *("gaussiandropout", "alphadropout", "activityregularization", "identity"),
}
OTHERS = {  # no item of an order states what they do
    *("flatten", "reshape", "permute", "repeatvector", "masking", "lambda", "concatenate", "merge", "add", "subtract"),
    *("multiply", "average", "maximum", "minimum", "dot", "attention", "additiveattention", "rescaling", "timedistributed"),
    *("unitnormalization", "cropping1d", "zeropadding1d", "upsampling1d", "resizing", "bidirectional", "wrapper"),
    *(f"{scope}{kind}pooling{n}d" for scope in ("", "global") for kind in ("max", "average") for n in (1, 2, 3)),
}
OPERATIONS = re.compile(r"tf\.(?!nn\.|keras\.activations).*|tf_?op_?(layer|lambda).*|slicing_?op_?lambda.*")  # of TensorFlow


def check(file: WeightsFile, placed: Sequence[PlacedItem], left_out: Sequence[FileLayer], where: str) -> None:
    """Refuse layers without weights that may change the function and that the user has not stated.

    Args:
        file: with all its layers.
        placed: what the network is made of.
        left_out: layers that the user leaves out.
        where: the file, for messages.

    Raises:
        UserError: for the first of them, with what to state.
    """
    _check_inputs([layer for layer in file.layers if _is_input(layer) and layer not in left_out], where)
    stated = stated_behind(placed)
    modules = {module.name for module in modules_of(placed)}
    previous = ""
    needed: dict[str, int] = {}
    for layer in file.layers:
        if layer.entries:
            previous = layer.name if layer.name in modules else previous
        elif layer not in left_out and not _is_idle(layer):
            if _is_other(layer) or (file.ordered and not previous):
                raise _refused(layer, previous, where)
            place = previous if file.ordered else ""
            needed[place] = needed.get(place, 0) + 1
            given = stated.get(place, 0) if file.ordered else sum(stated.values())
            if given < needed[place]:
                raise _unstated(layer, place, where)


def _class(layer: FileLayer) -> str:
    name = layer.kind or layer.alias or layer.name.split("/")[-1]
    return re.sub(r"_\d+$", "", name).replace("_", "")


def _is_idle(layer: FileLayer) -> bool:
    return _class(layer) in IDLE or _is_input(layer)


def _is_input(layer: FileLayer) -> bool:
    called_after_reader = layer.name.endswith("_input") and not layer.entries
    return _class(layer) in INPUTS or called_after_reader


def _is_other(layer: FileLayer) -> bool:
    return _class(layer) in OTHERS or bool(OPERATIONS.fullmatch(layer.kind or layer.name))


def _check_inputs(inputs: Sequence[FileLayer], where: str) -> None:
    if len(inputs) > 1:
        leave = option_names.called("leave_out", inputs[1].name)
        received = several([layer.name for layer in inputs])
        raise UserError(f"{where}: expected one input, or {leave} for the network of the other. Received: {received}")


def _refused(layer: FileLayer, previous: str, where: str) -> UserError:
    mask = f" with {option_names.called('masked', True)}" if _class(layer) == "masking" else ""
    leave = option_names.called("leave_out", layer.name)
    meaning = "for the network without it" if _is_other(layer) or previous else "if it is the input or computes nothing"
    received = "a layer without weights, whose effect the file does not record"
    return UserError(f"{where}: {layer.name}: expected {leave}{mask} {meaning}. Received: {received}")


def _unstated(layer: FileLayer, place: str, where: str) -> UserError:
    behind = f" behind {place}" if place else ""
    either = f"{option_names.called('order')} or {option_names.called('between')}"
    leave = option_names.called("leave_out", layer.name)
    return UserError(
        f"{where}: {layer.name}: expected what it computes{behind}, such as relu, in {either}; or {leave} if it computes"
        " nothing. Received: a layer without weights, whose effect the file does not record"
    )
