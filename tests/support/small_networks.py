"""Small networks of every layer, to be looked into."""

import keras
import pytest
from keras import ops

from gru_tf.recurrent.cells import CELLS

BATCH, STEPS, FEATURES, UNITS = 3, 7, 2, 4


BUILDS = [(name, how) for name in CELLS.names() for how in ("stock", "custom")]


every_layer = pytest.mark.parametrize(("name", "how"), BUILDS, ids=["-".join(build) for build in BUILDS])


def inputs(rng, batch=BATCH, steps=STEPS, features=FEATURES):
    return rng.normal(size=(batch, steps, features))


def layer_of(rng, cell, how="stock", units=UNITS, features=FEATURES, **options):
    """A recurrent layer of a cell of the catalogue, all of its weights random."""
    spec = CELLS.find(cell)
    options = {"return_sequences": True, **options}
    dtype = options.pop("dtype", "float32")
    if how == "stock":
        layer = spec.layer(units, {}, dtype=dtype, **options)
    else:
        layer = keras.layers.RNN(spec.build(units, dtype=dtype), dtype=dtype, **options)
    layer.build((None, None, features))
    layer.set_weights([0.6 * rng.normal(size=w.shape) for w in layer.get_weights()])
    return layer


def array(tensor):
    return ops.convert_to_numpy(tensor)


def network(rng, cell="gru"):
    """Two layers of which the first reads both ways, inside a model inside a model."""
    first = keras.layers.Bidirectional(layer_of(rng, cell), name="both")
    inner = keras.Sequential([keras.Input((STEPS, FEATURES)), first, keras.layers.Dropout(0.5)], name="inner")
    x = keras.Input((STEPS, FEATURES))
    y = layer_of(rng, cell, "custom", features=2 * UNITS, return_sequences=False, name="last")(inner(x))
    return keras.Model(x, keras.layers.Dense(1, name="head")(y))
