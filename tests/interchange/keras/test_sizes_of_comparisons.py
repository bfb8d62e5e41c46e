"""Models that do not compute every number of steps or sequences are compared on those that they compute."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from keras_2_files import normal

from gru_tf import UserError
from gru_tf.interchange import importing, keras_comparison
from gru_tf.interchange.keras import legacy

T, F, H = 6, 4, 5
X = normal(1, 3, T, F)
old = tf_keras.layers

pytestmark = pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")


def saved(path, build):
    inputs = tf_keras.Input((None, F))
    model = tf_keras.Model(inputs, build(inputs))
    model.save(path)
    return model


CUT = {
    "the first step": (lambda x: old.GRU(H)(x[:, 1:]), 6),
    "most steps": (lambda x: old.GRU(H)(x[:, 7:]), 2),
    "steps by size": (lambda x: old.GRU(H)(tf.slice(x, [0, 1, 0], [-1, 2, 3])), 4),
    "sequences": (lambda x: tf.gather(x, [0, 2]), 4),
}


@pytest.mark.parametrize("name", CUT)
def test_sizes_of_which_nothing_is_left_are_not_compared(tmp_path, name):
    build, cases = CUT[name]
    expected = saved(tmp_path / "model.h5", build)
    imported = importing.import_file(tmp_path / "model.h5")
    assert imported.verified.cases == cases
    x = normal(2, 3, 12, F)
    np.testing.assert_allclose(imported.model(x), expected(x), rtol=0, atol=1e-6)


def test_a_model_that_the_framework_computes_for_no_size_is_refused_with_its_words(tmp_path):
    saved(tmp_path / "model.h5", old.GRU(H))

    def broken(inputs, lengths=None):
        raise RuntimeError("no\nmemory")

    with pytest.raises(UserError, match=r"expected a model that Keras can run\. Received: .*no memory"):
        keras_comparison.compare(legacy.read(tmp_path / "model.h5"), "a framework", broken)


def test_an_error_that_comes_and_goes_is_no_reason_to_leave_sizes_out(tmp_path):
    saved(tmp_path / "model.h5", old.GRU(H))
    _, run = legacy.framework(tmp_path / "model.h5")
    calls = []

    def once(inputs, lengths=None):
        calls.append(inputs)
        if len(calls) == 1:
            raise RuntimeError("once")
        return run(inputs)

    with pytest.raises(UserError, match="once"):
        keras_comparison.compare(legacy.read(tmp_path / "model.h5"), "a framework", once)
