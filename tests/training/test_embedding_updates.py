"""How an embedding is updated where a token comes twice in a batch, against a table that is multiplied by one-hot rows.

That network has a dense gradient. What Keras' embedding has is a row for each token of the batch, and Keras 3.15's Adam and
RMSprop on TensorFlow square each row by itself.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.specs import Choice, ModelSpec, TrainingSpec
from gru_tf.tasks import Examples, Signature
from gru_tf.training import feeding
from gru_tf.training.batches import plan
from gru_tf.training.compiled_steps import CompiledSteps
from gru_tf.training.network.resolution import resolve_run

STEPS, WIDTH, WORDS, UNITS, OUTPUTS, ROWS = 6, 3, 4, 5, 3, 8
RECIPES = {
    "adam": {"optimizer": "adam", "clip_norm": None},
    "rmsprop": {"optimizer": "rmsprop", "clip_norm": None, "epsilon": 1e-4},
    "sgd": {"optimizer": "sgd", "clip_norm": None},
    "sgd, each weight clipped": {"optimizer": "sgd", "clip": "weight", "clip_norm": 0.005},
    "sgd, clipped by value": {"optimizer": "sgd", "clip_norm": None, "clip_value": 0.01},
}


def run_of(recipe):
    training = TrainingSpec(batch_size=ROWS, jit=False, learning_rate=0.05, **recipe)
    model = ModelSpec(units=UNITS)
    return Run(purpose="final", task=Choice(name="text"), cell=Choice(name="gru"), seed=3, model=model, training=training)


def examples():
    """Four words in 48 places: each comes about twelve times in a batch."""
    rng = np.random.default_rng(1)
    tokens = rng.integers(0, WORDS, (3 * ROWS, STEPS)).astype("uint8")
    return Examples(tokens, rng.integers(0, OUTPUTS, 3 * ROWS).astype("int32"), np.full(3 * ROWS, STEPS))


def by_keras(recipe, start, data, order, gathered=False):
    """The weights after the same updates by a loop of stock Keras: of one-hot rows times the table, or of gathered rows."""
    table = keras.Variable(start[0])
    layer, head = keras.layers.GRU(UNITS), keras.layers.Dense(OUTPUTS)
    head(layer(tf.zeros((1, STEPS, WIDTH))))
    variables = [table, *layer.trainable_variables, *head.trainable_variables]
    for variable, value in zip(variables, start, strict=True):
        variable.assign(value)
    optimizer = optimizer_of(recipe)
    for rows in order.order:
        with tf.GradientTape() as tape:
            words = data.inputs[rows].astype("int32")
            read = tf.gather(table.value, words) if gathered else tf.one_hot(words, WORDS) @ table.value
            logits = head(layer(read))
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(data.targets[rows], logits))
        optimizer.apply(tape.gradient(loss, [v.value for v in variables]), variables)
    return [v.numpy() for v in variables]


def optimizer_of(recipe):
    make = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop, "sgd": keras.optimizers.SGD}
    epsilon = {"epsilon": recipe["epsilon"]} if "epsilon" in recipe else {}
    clipping = {"clipnorm": recipe["clip_norm"], "clipvalue": recipe.get("clip_value")}
    return make[recipe["optimizer"]](0.05, **clipping, **epsilon)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_the_rows_of_a_token_are_one_gradient(recipe):
    run, data = run_of(recipe), examples()
    signature = Signature(STEPS, WIDTH, OUTPUTS, "class", tokens=WORDS)
    steps = CompiledSteps(run, resolve_run(run, signature), ("accuracy",), (STEPS,))
    fed = feeding.load(data, STEPS)
    steps.warm_up(fed, False)
    steps.reset(run)
    start, order = steps.weights(), plan(data.lengths, (STEPS,), ROWS, np.random.default_rng(2))
    steps.train(fed, order)
    expected, apart = by_keras(recipe, start, data, order), by_keras(recipe, start, data, order, gathered=True)
    for made, wanted in zip(steps.weights(), expected, strict=True):
        np.testing.assert_allclose(made, wanted, rtol=0, atol=5e-6)
    moved = np.abs(apart[0] - expected[0]).max()
    if recipe == RECIPES["sgd"]:
        assert moved < 5e-6  # a sum of rows, whichever way
    else:
        assert moved > 5e-5, "Keras' optimisers take a token's rows together: gru_tf no longer has to"
