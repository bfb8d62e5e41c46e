"""Loops over time in graphs so large that TensorFlow's memory optimiser would rewrite the sums of their gradients."""

import math

import numpy as np
import pytest

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.specs import Choice, ModelSpec, TrainingSpec
from gru_tf.tasks import END, Examples, Signature
from gru_tf.training import feeding
from gru_tf.training.batches import BatchPlan
from gru_tf.training.compiled_steps import CompiledSteps
from gru_tf.training.network.resolution import resolve_run

ROWS, READ, WRITTEN, WORDS = 64, 4, 8, 60_000  # logits of 123 MB, of which several are alive at once
RNG = np.random.default_rng(0)
TARGETS = np.where(np.arange(WRITTEN) < WRITTEN - 1, RNG.integers(1, WORDS, (ROWS, WRITTEN)), END).astype("int32")


@pytest.mark.parametrize("decoded", [True, False], ids=["a decoder that attends first", "a cell without a kernel"])
def test_a_large_network_step_by_step_is_trained(decoded):
    if decoded:
        signature = Signature(READ, 4, WORDS, "class", tokens=9, varying=True, decoded=WRITTEN)
        examples = Examples(RNG.integers(1, 9, (ROWS, READ), "int32"), TARGETS, np.full(ROWS, READ, "int32"))
        network, recipe = {"attention": "additive", "bidirectional": True}, {"teacher_forcing": 0.5}
    else:
        signature = Signature(WRITTEN, 4, WORDS, "class", per_step=True)
        examples = Examples.unpadded(RNG.normal(size=(ROWS, WRITTEN, 4)).astype("float32"), TARGETS)
        network, recipe = {"implementation": "custom"}, {"jit": False}
    model, training = ModelSpec(units=4, **network), TrainingSpec(batch_size=ROWS, **recipe)
    run = Run(purpose="final", task=Choice(name="adding"), cell=Choice(name="gru"), seed=1, model=model, training=training)
    data = feeding.load(examples, WRITTEN, True)
    order = np.tile(np.arange(ROWS, dtype="int32"), (3, 1))
    steps = CompiledSteps(run, resolve_run(run, signature), (), (WRITTEN,))
    steps.warm_up(data, test=False)
    steps.reset(run)
    plan = BatchPlan(order, np.ones_like(order, "float32"), np.zeros(3, "int32"))
    assert abs(steps.train(data, plan) - math.log(WORDS)) < 0.1
