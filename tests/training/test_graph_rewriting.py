"""A decoder that attends first, in a graph so large that TensorFlow's memory optimiser would rewrite its sums."""

import math

import numpy as np

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.specs import Choice, ModelSpec, TrainingSpec
from gru_tf.tasks import END, Examples, Signature
from gru_tf.training import feeding
from gru_tf.training.batches import BatchPlan
from gru_tf.training.compiled_steps import CompiledSteps
from gru_tf.training.network.resolution import resolve_run

ROWS, READ, WRITTEN, WORDS = 64, 4, 8, 60_000  # logits of 123 MB, of which several are alive at once


def test_a_large_decoder_step_by_step_is_trained():
    signature = Signature(READ, 4, WORDS, "class", tokens=9, varying=True, decoded=WRITTEN)
    model = ModelSpec(units=4, attention="additive", bidirectional=True)
    training = TrainingSpec(batch_size=ROWS, teacher_forcing=0.5)
    run = Run(purpose="final", task=Choice(name="adding"), cell=Choice(name="gru"), seed=1, model=model, training=training)
    rng = np.random.default_rng(0)
    targets = rng.integers(1, WORDS, (ROWS, WRITTEN), "int32")
    targets[:, -1] = END
    examples = Examples(rng.integers(1, 9, (ROWS, READ), "int32"), targets, np.full(ROWS, READ, "int32"))
    data = feeding.load(examples, WRITTEN, True)
    order = np.tile(np.arange(ROWS, dtype="int32"), (3, 1))
    steps = CompiledSteps(run, resolve_run(run, signature), (), (WRITTEN,))
    steps.warm_up(data, test=False)
    steps.reset(run)
    plan = BatchPlan(order, np.ones_like(order, "float32"), np.zeros(3, "int32"))
    assert abs(steps.train(data, plan) - math.log(WORDS)) < 0.1
