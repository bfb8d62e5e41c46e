"""What a file of weights does not record: phrases on what was taken for granted, and on how to state otherwise."""

from collections.abc import Iterator

from gru_tf.foundation.errors import several
from gru_tf.interchange import option_names
from gru_tf.interchange.named_weights.modules import NORMS
from gru_tf.interchange.named_weights.options import KERAS_2_HARD_SIGMOID, WeightsOptions
from gru_tf.interchange.named_weights.reading import NamedNetwork
from gru_tf.interchange.named_weights.stated import modules_of, stated_behind


def scope(named: NamedNetwork) -> str:
    """What is compared: layers that hold the file's arrays, in an order that is known from somewhere."""
    return f"{' → '.join(named.network.chain())}, {named.evidence}"


def phrases(named: NamedNetwork, given: WeightsOptions) -> Iterator[str]:
    """What no comparison with the file detects.

    Args:
        named: the network that was read.
        given: the options that it was read with.
    """
    own = list(modules_of(named.placed))
    yield from named.file.assumed
    yield from _functions(named, given)
    if own[-1].kind == "linear" and not stated_behind(named.placed).get(own[-1].name):
        order = option_names.called("order", ",".join([*(module.name for module in own), "softmax"]))
        yield f"the activation of {own[-1].name}, which is taken for none ({order} states one)"
    if norms := [f"{module.name} {module.norm.epsilon:g}" for module in own if module.kind in NORMS]:
        yield f"epsilons, which are taken for {', '.join(norms)}"
    if given.every_step:
        yield f"whether every step is returned, which it is ({option_names.called('every_step', False)} for the last)"
    if not given.masked:
        takes = option_names.called("masked", True)
        yield f"masks, such as mask_zero of an embedding, of which there is none ({takes} takes one)"
    if named.network.layers[-1].backward is not None and own[-1].kind == "recurrent":
        yield f"merge_mode of {own[-1].name}, which is taken for concat"
    yield "initial states, such as final states of another layer, which are taken for zeros"
    others = "functions outside layers, " if named.file.lists_all else "functions and layers without weights, "
    yield f"{others}layers that are called twice, side by side, backwards or on every step"
    if named.left_out:
        yield f"left out: {several([layer.name for layer in named.left_out], 4)}"


def _functions(named: NamedNetwork, given: WeightsOptions) -> Iterator[str]:
    layers = named.network.layers
    if given.activation is None:
        other = option_names.called("activation", "relu")
        yield f"the activation of recurrent layers, which is taken for tanh ({other} for another)"
    if not named.file.version.startswith("3."):
        yield from _hard_sigmoid(named)
    gates = sorted({layer.recurrent_activation for layer in layers if layer.forward.cell != "rnn"})
    if given.recurrent_activation is None and gates:
        called = ["Keras 2's hard_sigmoid" if gate == KERAS_2_HARD_SIGMOID else gate for gate in gates]
        why = f", the default of Keras {named.file.version}" if named.file.version else ""
        other = option_names.called("recurrent_activation", "hard_sigmoid" if gates == ["sigmoid"] else "sigmoid")
        yield f"the activation of gates, which is taken for {' and '.join(called)}{why} ({other} for another)"


def _hard_sigmoid(named: NamedNetwork) -> Iterator[str]:
    """On a function that Keras 2 and 3 have in different forms."""
    taken = "the form of hard_sigmoid, which is taken for that of Keras 3"
    if any("hard_sigmoid" in (layer.activation, layer.recurrent_activation) for layer in named.network.layers):
        yield f"{taken} ({KERAS_2_HARD_SIGMOID} for that of Keras 2)"
    elif any(each.activation and each.activation.function == "hard_sigmoid" for each in named.placed):
        yield taken
