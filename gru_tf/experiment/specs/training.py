"""How a network is trained: epochs or seconds, batches, optimiser, when it stops."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_serializer, model_validator

from gru_tf.experiment.specs import forcing, passes, recipe
from gru_tf.experiment.specs.spec import Positive, Spec

LATER = (
    "warmup",
    "decay",
    "refit",
    "weight_decay",
    "steps",
    "evaluate_every",
    "fresh",
    "monitor",
    "select",
    "stop_at",
    "validation",
    "truncate",
    *recipe.LATER,
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
        decay: how it falls after that: "none"; to 0 at the end of `epochs`, "linear" or "cosine", the first half of one
            (Loshchilov and Hutter 2017, arXiv 1608.03983, without restarts); times `decay_factor` every `decay_every`
            epochs, at once ("step") or a little at each step ("exponential"); times `decay_factor` after `decay_every`
            epochs without a better validation metric ("plateau"); see `gru_tf.training.schedule`.
        decay_start: epochs before it falls. Of "step", null stands for `decay_every`; of the others, for none.
        decay_every: of "step" and "exponential", epochs in which it falls by `decay_factor`; of "plateau", epochs to wait.
        decay_factor: by which it is multiplied; below 1.
        clip_norm: largest norm of a gradient; null for none. Of an embedding too it is the norm of the whole gradient, where
            Keras on TensorFlow takes each token of a batch by itself.
        clip: whether the norm is that of all gradients together ("global") or of each weight's ("weight").
        clip_value: largest absolute value of each number of a gradient, instead of `clip_norm`; null for none.
        weight_noise: standard deviation of Gaussian noise on all weights that learn, biases and embeddings included, drawn
            anew at each step of training; 0 for none. The gradient and the loss of training are those at the noisy weights;
            updated, validated and tested are the weights without noise (A. Graves, NIPS 2011, "Practical variational
            inference for neural networks"); see `gru_tf.training.weight_noise`.
        weight_decay: share of each matrix of weights, times the learning rate, by which a step shortens it, apart from the
            gradient (I. Loshchilov and F. Hutter 2019, arXiv 1711.05101, "AdamW" with Adam); biases are left.
        optimizer: "adam", "rmsprop" or "sgd", Keras' own; the next seven are their parameters, null for Keras' default.
        momentum: of "sgd" and "rmsprop".
        nesterov: whether that of "sgd" is Nesterov's.
        beta_1, beta_2: of "adam", the decay rates of its moments.
        rho: of "rmsprop", the decay rate of its mean square.
        epsilon: of "adam" and "rmsprop", added to what they divide by.
        centered: whether "rmsprop" divides by the deviation, without the mean (Graves 2013, arXiv 1308.0850).
        patience: epochs without a better validation metric before training stops; null for none.
        refit: whether a final run, once validation has shown its best epoch, trains anew on the training and validation
            splits together for as many epochs, and is tested after these; for small sets whose literature does so.
        steps: updates in all, in place of `epochs`. Training goes through the split again and again, in a new order each
            time; a stretch of updates between two looks at validation stands for an epoch in patience, schedules, history
            and the best epoch. A stretch may go beyond the end of a pass; the last one may be shorter.
        evaluate_every: updates of such a stretch; null for as many as one pass has.
        fresh: whether each epoch, or stretch, trains on examples that are drawn anew, from the seed and its number, the same
            for every cell; for tasks that draw their data, see `gru_tf.tasks.Task.fresh`.
        monitor: by which validation metric the best epoch is chosen, patience waits, the plateau of `decay` is seen and
            `stop_at` is reached: any that validation computes, or "loss"; null for the task's own. A search compares by the
            task's own.
        select: whether the weights of the "best" epoch are tested or those of the "last", as of papers that do not stop
            early.
        stop_at: value of the monitored metric at which training ends: the task is solved. A result says whether it was.
        validation: "split" to validate on the task's split, or "none": nothing is validated and the split is trained on with
            the others, as where a protocol has none; with `select: last`, and without a search.
        truncate: steps of a sequence after which back-propagation is cut: no gradient goes through a state across every
            such boundary, while states go on. For tasks with a target at every step; see
            `gru_tf.training.network.truncation`. null for none.
        teacher_forcing: probability, in [0, 1], that the decoder of a task whose answer is written reads a target rather
            than what it wrote itself for the step before; see `gru_tf.training.teacher_forcing`. With
            `teacher_forcing_decay` that of the first step of training.
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
    decay: Literal["none", "linear", "cosine", "step", "exponential", "plateau"] = "none"
    decay_start: Positive | None = None
    decay_every: Positive | None = None
    decay_factor: Annotated[float, Field(gt=0, lt=1)] | None = None
    clip_norm: Annotated[float, Field(gt=0)] | None = 1.0
    clip: Literal["global", "weight"] = "global"
    clip_value: Annotated[float, Field(gt=0)] | None = None
    weight_noise: Annotated[float, Field(ge=0)] = 0.0
    weight_decay: Annotated[float, Field(ge=0, lt=1)] = 0.0
    optimizer: Annotated[Literal["adam", "rmsprop", "sgd"], BeforeValidator(recipe.known_optimizer)] = "adam"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    nesterov: bool = False
    beta_1: Annotated[float, Field(ge=0, lt=1)] | None = None
    beta_2: Annotated[float, Field(ge=0, lt=1)] | None = None
    rho: Annotated[float, Field(ge=0, lt=1)] | None = None
    epsilon: Annotated[float, Field(gt=0)] | None = None
    centered: bool = False
    patience: Positive | None = None
    refit: bool = False
    steps: Positive | None = None
    evaluate_every: Positive | None = None
    fresh: bool = False
    monitor: str | None = None
    select: Literal["best", "last"] = "best"
    stop_at: float | None = None
    validation: Literal["split", "none"] = "split"
    truncate: Positive | None = None
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
    def over_all_epochs(self) -> bool:
        """Whether what a step does depends on how many epochs there will be."""
        return self.warmup > 0 or self.decay in recipe.TO_ZERO or self.teacher_forcing_decay != "none"

    @property
    def writes(self) -> bool:
        """Whether a decoder may read what it wrote, in place of a target, while it is trained."""
        return self.teacher_forcing < 1 or self.teacher_forcing_decay != "none"

    @model_validator(mode="after")
    def _every_field_is_read(self) -> Self:
        recipe.check_optimizer(self)
        recipe.check_clipping(self)
        recipe.check_decay(self)
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
    def _passes(self) -> Self:
        passes.check(self)
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
        if self.steps is not None:
            fields.pop("epochs", None)  # which they stand in place of
        defaults = {name: type(self).model_fields[name].default for name in LATER}
        return {name: value for name, value in fields.items() if name not in LATER or value != defaults[name]}
