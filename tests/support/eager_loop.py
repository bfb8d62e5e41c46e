"""Small runs on made-up data, their compiled steps, and the same network as an eager loop of stock Keras."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.specs import Choice, ModelSpec, TrainingSpec
from gru_tf.tasks import Examples, Signature
from gru_tf.training.batches import plan
from gru_tf.training.compiled_steps import CompiledSteps
from gru_tf.training.feeding import load as tensors
from gru_tf.training.network.resolution import resolve_run

STEPS, FEATURES, OUTPUTS, UNITS, COUNT, BATCH = 5, 3, 4, 3, 11, 4
SIGNATURES = {
    "class": Signature(timesteps=STEPS, features=FEATURES, outputs=OUTPUTS, target="class"),
    "value": Signature(timesteps=STEPS, features=FEATURES, outputs=OUTPUTS, target="value"),
    "binary": Signature(timesteps=STEPS, features=FEATURES, outputs=OUTPUTS, target="binary", per_step=True, causal=True),
}
METRICS = {"class": "accuracy", "value": "mse", "binary": "nll"}
BUCKETS = {"class": (STEPS,), "value": (STEPS,), "binary": (3, STEPS)}
AGREE = 2e-5  # float32: three to four updates of weights near one


def run_of(target="class", optimizer="sgd", clip=None, jit=False, cell="gru", model=None, **training):
    """A run on made-up data of this kind of target; its task is a name only."""
    recipe = {"batch_size": BATCH, "optimizer": optimizer, "jit": jit, "learning_rate": 0.3 if optimizer == "sgd" else 0.02}
    clipping = {"clip_norm": 0.05, "clip": clip} if clip else {"clip_norm": None}
    return Run(
        purpose="trial",
        task=Choice(name=target),
        cell=Choice(name=cell),
        seed=3,
        model=model or ModelSpec(units=UNITS),
        training=TrainingSpec(**{**recipe, **clipping, **training}),
    )


def examples_of(target, padding=0.0):
    """Eleven examples; those of "binary" have two to five real steps, and `padding` in the inputs and targets after."""
    rng = np.random.default_rng(5)
    inputs = rng.normal(size=(COUNT, STEPS, FEATURES)).astype("float32")
    lengths = np.full(COUNT, STEPS, "int32")
    if target == "class":
        return Examples(inputs, rng.integers(0, OUTPUTS, COUNT).astype("int32"), lengths)
    if target == "value":
        return Examples(inputs, rng.normal(size=(COUNT, OUTPUTS)).astype("float32"), lengths)
    lengths = np.array([2, 3, 5, 4, 2, 5, 3, 3, 3, 5, 2], "int32")  # seven of them in the short bucket
    targets = rng.integers(0, 2, (COUNT, STEPS, OUTPUTS)).astype("float32")
    real = (np.arange(STEPS) < lengths[:, None])[..., None]
    return Examples(np.where(real, inputs, padding).astype("float32"), np.where(real, targets, padding), lengths)


def compiled_for(run, examples, test=True):
    """Steps that are compiled, to test if wanted, and reset, their data, and the weights that they start from."""
    target = run.task.name
    steps = CompiledSteps(run, resolve_run(run, SIGNATURES[target]), (METRICS[target],), BUCKETS[target])
    data = tensors(examples, STEPS)
    steps.warm_up(data, test)
    steps.reset(run)
    return steps, data, steps.weights()


def order_of(target, examples, shuffled=True):
    return plan(examples.lengths, BUCKETS[target], BATCH, np.random.default_rng(6) if shuffled else None)


# --- the reference: plain Keras, eager, a batch of real examples at a time ---


class Reference:
    """The same network of stock layers, trained by a stock optimiser that clips by itself.

    `slips` names the mistakes it makes on purpose: "filled" counts the examples that fill up a partial batch,
    "padding" counts padded steps.
    """

    def __init__(self, run, weights, clip: str | None, slips=()):
        per_step = run.task.name == "binary"
        layer = {"gru": keras.layers.GRU, "lstm": keras.layers.LSTM, "rnn": keras.layers.SimpleRNN}[run.cell.name]
        layers = [keras.Input((None, FEATURES)), layer(UNITS, return_sequences=per_step), keras.layers.Dense(OUTPUTS)]
        self.model = keras.Sequential(layers)
        self.model.set_weights(weights)
        make = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop, "sgd": keras.optimizers.SGD}
        argument = {"global": "global_clipnorm", "weight": "clipnorm", None: None}[clip]
        clipping = {argument: run.training.clip_norm or 0.05} if argument else {}
        decay = {"weight_decay": run.training.weight_decay} if run.training.weight_decay else {}
        self.optimizer = make[run.training.optimizer](run.training.learning_rate, **clipping, **decay)
        self.optimizer.exclude_from_weight_decay(var_names=["bias"])
        self.target, self.slips = run.task.name, slips

    def losses(self, x, y, lengths):
        """The loss of every real target, in one row."""
        outputs = self.model(x)
        if self.target == "class":
            return tf.nn.sparse_softmax_cross_entropy_with_logits(y, outputs)
        if self.target == "value":
            return keras.losses.mean_squared_error(y, outputs)
        each = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(y, outputs), axis=-1)
        counted = np.full_like(lengths, STEPS) if "padding" in self.slips else lengths
        return tf.boolean_mask(each, tf.sequence_mask(counted, STEPS))

    def train(self, examples, steps):
        """One epoch; returns the mean loss of a target."""
        rows = []
        for order, valid in zip(steps.order, steps.valid, strict=True):
            chosen = order if "filled" in self.slips else order[valid > 0]
            with tf.GradientTape() as tape:
                losses = self.losses(examples.inputs[chosen], examples.targets[chosen], examples.lengths[chosen])
                mean = tf.reduce_mean(losses)
            self.optimizer.apply_gradients(
                zip(tape.gradient(mean, self.model.trainable_variables), self.model.trainable_variables, strict=True)
            )
            rows.append(losses.numpy())
        return float(np.concatenate(rows).mean())


def distance(one: list[Any], two: list[Any]) -> float:
    """The largest difference of two lists of weights."""
    return max(float(np.abs(a - b).max()) for a, b in zip(one, two, strict=True))
