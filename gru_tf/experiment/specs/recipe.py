"""Which fields of a `TrainingSpec` have a meaning together: a field that would not be read is refused."""

from collections.abc import Collection
from typing import Any

from gru_tf.foundation.errors import shown

LATER = (
    "decay_start",
    "decay_every",
    "decay_factor",
    "clip_value",
    "weight_noise",
    "momentum",
    "nesterov",
    "beta_1",
    "beta_2",
    "rho",
    "epsilon",
    "centered",
)  # as those of `TrainingSpec`: left out of a dump at their defaults
PARAMETERS = {
    "adam": ("beta_1", "beta_2", "epsilon"),
    "rmsprop": ("rho", "momentum", "epsilon", "centered"),
    "sgd": ("momentum", "nesterov"),
}  # optimiser → which of its parameters there are
OF_OPTIMIZERS = tuple(dict.fromkeys(name for names in PARAMETERS.values() for name in names))
OF_DECAYS = ("decay_start", "decay_every", "decay_factor")
DECAYS = {
    "none": (),
    "linear": ("decay_start",),
    "cosine": ("decay_start",),
    "step": OF_DECAYS,
    "exponential": OF_DECAYS,
    "plateau": ("decay_every", "decay_factor"),
}  # decay → which of its fields it reads
TO_ZERO = ("linear", "cosine")  # decays that end with the last epoch
OTHER_NAMES = {"adamw": "'adam' with 'weight_decay', which is AdamW", "momentum": "'sgd' with 'momentum'"}


def known_optimizer(value: Any) -> Any:
    """An optimiser's name as it is; raises ValueError for one that is another with a parameter."""
    instead = OTHER_NAMES.get(value.lower()) if isinstance(value, str) else None
    if instead:
        raise ValueError(f"received {shown(value)}, expected {instead}.")
    return value


def check_optimizer(training: Any) -> None:
    """Raise ValueError for a parameter that the optimiser does not have."""
    own = PARAMETERS[training.optimizer]
    for name in OF_OPTIMIZERS:
        value = getattr(training, name)
        if name not in own and value != type(training).model_fields[name].default:
            raise ValueError(
                f"expected no '{name}' together with 'optimizer: {training.optimizer}', which has {', '.join(own)}."
                f" Received: {shown(value)}"
            )
    if training.nesterov and not training.momentum:
        raise ValueError("expected a 'momentum' above 0 together with 'nesterov'. Received: none")


def check_clipping(training: Any) -> None:
    """Raise ValueError where gradients would be clipped twice."""
    if training.clip_value is not None and training.clip_norm is not None:
        raise ValueError(
            "expected 'clip_norm: null' together with 'clip_value': gradients are clipped in one way."
            f" Received: clip_norm {training.clip_norm:g}"
        )


def check_norm(training: Any, searched: Collection[str]) -> None:
    """Raise ValueError where it is said whose norm is clipped, and nothing is.

    Args:
        training: of an experiment.
        searched: names of what its search sets, a norm perhaps.
    """
    if training.clip_norm is not None or "clip_norm" in searched:
        return
    if training.clip == "weight" or "clip" in searched:
        where = "search.space.clip" if "clip" in searched else "training.clip"
        raise ValueError(f"{where}: expected a 'clip_norm' together with it. Received: clip_norm null")


def check_decay(training: Any) -> None:
    """Raise ValueError for a field that the decay does not read, and where it lacks one."""
    read = DECAYS[training.decay]
    for name in OF_DECAYS:
        value = getattr(training, name)
        if value is not None and name not in read:
            reading = " or ".join(decay for decay, names in DECAYS.items() if name in names)
            raise ValueError(
                f"expected no '{name}' together with 'decay: {training.decay}': it is of {reading}. Received: {shown(value)}"
            )
        if value is None and name in read and name != "decay_start":
            raise ValueError(f"expected a '{name}' together with 'decay: {training.decay}'. Received: none")


def check_falls(training: Any, searched: Collection[str]) -> None:
    """Raise ValueError for a decay that would begin after the last epoch, where it is known which that is.

    Args:
        training: of an experiment; a run may be cut short.
        searched: names of what its search sets.
    """
    if training.decay == "none" or {"epochs", "steps", "decay", "decay_start", "decay_every"} & {*searched}:
        return
    count, what = training.epochs, "epochs"
    if training.steps is not None:
        if training.evaluate_every is None:
            return
        count, what = -(-training.steps // training.evaluate_every), "stretches of 'evaluate_every' updates"
    waits = training.decay == "plateau" or (training.decay == "step" and training.decay_start is None)
    name = "decay_every" if waits else "decay_start"
    begin = getattr(training, name)
    if begin is not None and begin >= count:
        raise ValueError(
            f"training.{name}: received {begin}, expected less than there are {what}, {count}: it would not fall"
        )
