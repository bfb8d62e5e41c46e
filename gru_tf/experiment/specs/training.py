"""How a network is trained: epochs or seconds, batches, optimiser, when it stops."""

from typing import Annotated, Literal

from pydantic import Field

from gru_tf.experiment.specs.spec import Positive, Spec


class TrainingSpec(Spec):
    """How a network is trained.

    Args:
        epochs: passes over the training split; not read where `seconds` is given.
        seconds: training time, for `model.budget: seconds`; training ends with the epoch that ends nearest to it.
        batch_size: sequences a step.
        learning_rate: of the optimiser.
        clip_norm: largest norm of a gradient; null for none.
        clip: whether the norm is that of all gradients together ("global") or of each weight's ("weight").
        optimizer: "adam", "rmsprop" or "sgd", with Keras' defaults.
        patience: epochs without a better validation metric before training stops; null for none.
        jit: "auto" (XLA, except for a layer that takes cuDNN or a fused CPU kernel), true or false.
        deterministic: whether to require TensorFlow's deterministic kernels, and on a CPU to keep the processor out of the
            numbers; each result says whether that holds.
    """

    epochs: Positive = 10
    seconds: Annotated[float, Field(gt=0)] | None = None
    batch_size: Positive = 32
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    clip_norm: Annotated[float, Field(gt=0)] | None = 1.0
    clip: Literal["global", "weight"] = "global"
    optimizer: Literal["adam", "rmsprop", "sgd"] = "adam"
    patience: Positive | None = None
    jit: Literal["auto"] | bool = "auto"
    deterministic: bool = True
