"""How a network is trained: epochs or seconds, batches, optimiser, when it stops."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_serializer, model_validator

from gru_tf.experiment.specs import forcing
from gru_tf.experiment.specs.spec import Positive, Spec

LATER = (
    "warmup",
    "decay",
    "refit",
    "weight_decay",
    "teacher_forcing",
    "teacher_forcing_per",
    "teacher_forcing_decay",
    "teacher_forcing_end",
)  # fields that runs did not have from the first: left out of a dump at their defaults


class TrainingSpec(Spec):
    """How a network is trained.

    Args:
        epochs: passes over the training split; not read where `seconds` is given.
        seconds: training time, for `model.budget: seconds`; training ends with the epoch that ends nearest to it.
        batch_size: sequences a step.
        learning_rate: of the optimiser; with `warmup` or `decay` its largest value.
        warmup: share of all steps over which the learning rate rises from 0, linearly; 0 for none.
        decay: how it falls after that, to 0 at the end of `epochs`: "none", "linear", or "cosine", the first half of one
            (Loshchilov and Hutter 2017, arXiv 1608.03983, without restarts); see `gru_tf.training.schedule`.
        clip_norm: largest norm of a gradient; null for none.
        clip: whether the norm is that of all gradients together ("global") or of each weight's ("weight").
        weight_decay: share of each matrix of weights, times the learning rate, by which a step shortens it, apart from the
            gradient (I. Loshchilov and F. Hutter 2019, arXiv 1711.05101, "AdamW" with Adam); biases are left.
        optimizer: "adam", "rmsprop" or "sgd", with Keras' defaults.
        patience: epochs without a better validation metric before training stops; null for none.
        refit: whether a final run, once validation has shown its best epoch, trains anew on the training and validation
            splits together for as many epochs, and is tested after these; for small sets whose literature does so.
        teacher_forcing: probability, in [0, 1], that the decoder of a task whose answer is written reads a target rather than
            what it wrote itself for the step before; see `gru_tf.training.teacher_forcing`. With `teacher_forcing_decay` that
            of the first step of training.
        teacher_forcing_per: what one coin decides: each "token" of each sequence, each "step" of a whole batch, a whole
            "sequence", or a whole "batch".
        teacher_forcing_decay: how the probability falls over all steps of `epochs`: "none", "linear", "exponential", or
            "sigmoid", the inverse one (Bengio and others 2015, arXiv 1506.03099, §2.4).
        teacher_forcing_end: the probability that it falls to; null without a decay.
        jit: "auto" (XLA, except for a layer that takes cuDNN or a fused CPU kernel), true or false.
        deterministic: whether to require TensorFlow's deterministic kernels, and on a CPU to keep the processor out of the
            numbers; each result says whether that holds.
    """

    epochs: Positive = 10
    seconds: Annotated[float, Field(gt=0)] | None = None
    batch_size: Positive = 32
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    decay: Literal["none", "linear", "cosine"] = "none"
    clip_norm: Annotated[float, Field(gt=0)] | None = 1.0
    clip: Literal["global", "weight"] = "global"
    weight_decay: Annotated[float, Field(ge=0, lt=1)] = 0.0
    optimizer: Literal["adam", "rmsprop", "sgd"] = "adam"
    patience: Positive | None = None
    refit: bool = False
    teacher_forcing: Annotated[float, Field(ge=0, le=1)] = 1.0
    teacher_forcing_per: Literal["token", "step", "sequence", "batch"] = "token"
    teacher_forcing_decay: Literal["none", "linear", "exponential", "sigmoid"] = "none"
    teacher_forcing_end: Annotated[float, Field(ge=0, lt=1)] | None = None
    jit: Literal["auto"] | bool = "auto"
    deterministic: bool = True

    @property
    def scheduled(self) -> bool:
        """Whether the learning rate is another one at another step."""
        return self.warmup > 0 or self.decay != "none"

    @property
    def writes(self) -> bool:
        """Whether a decoder may read what it wrote, in place of a target, while it is trained."""
        return self.teacher_forcing < 1 or self.teacher_forcing_decay != "none"

    @model_validator(mode="after")
    def _forced(self) -> Self:
        forcing.check(self)
        return self

    @model_validator(mode="after")
    def _known_steps(self) -> Self:
        if self.scheduled and self.seconds is not None:
            name, value = ("warmup", f"{self.warmup:g}") if self.warmup else ("decay", self.decay)
            raise ValueError(
                f"expected no '{name}' together with 'seconds': a schedule needs the number of steps. Received: {value}"
            )
        return self

    @model_validator(mode="after")
    def _refit_by_epochs(self) -> Self:
        if self.refit and self.seconds is not None:
            raise ValueError("expected no 'refit' together with 'seconds', which it would exceed. Received: true")
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, inner: Any) -> dict[str, Any]:
        """Without later fields at their defaults, so that runs keep their earlier fingerprints."""
        fields: dict[str, Any] = inner(self)
        defaults = {name: type(self).model_fields[name].default for name in LATER}
        return {name: value for name, value in fields.items() if name not in LATER or value != defaults[name]}
