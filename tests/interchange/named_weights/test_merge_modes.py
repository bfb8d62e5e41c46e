"""Bidirectional layers of which weights alone do not record the merge mode: read as the program computes, or refused."""

from itertools import product

import keras
import numpy as np
import pytest
from refusals import refused

import gru_tf
from gru_tf.foundation.errors import UserError
from gru_tf.interchange.named_weights import positions

WIDTH = 4
MODES = ("concat", "sum", "mul", "ave")


def _inputs():
    return np.random.default_rng(1).normal(size=(2, 6, WIDTH)).astype("float32")


def _layer(library, kind, mode, units):
    if kind == "dense":
        return library.layers.Dense(units)
    layer = (library.layers.GRU if kind != "lstm" else library.layers.LSTM)(units, return_sequences=True)
    return library.layers.Bidirectional(layer, merge_mode=mode) if kind == "both" else layer


def _model(library, kinds, mode, units):
    library.backend.clear_session()
    model = library.Sequential([_layer(library, kind, mode, units) for kind in kinds])
    model(_inputs())
    rng = np.random.default_rng(2)
    model.set_weights([rng.normal(0, 0.5, array.shape) for array in model.get_weights()])
    return model


def _saved(model, form, folder):
    path = folder / form
    if form == "positions.npz":
        np.savez(path, *model.get_weights())
    elif form == "names.npz":
        np.savez(path, **{weight.path: weight.numpy() for weight in model.weights})
    else:
        model.save_weights(path)
    return path


@pytest.mark.parametrize("form", ["model.weights.h5", "names.npz", "positions.npz"])
@pytest.mark.parametrize("kinds", [("both", "gru"), ("gru", "both"), ("both", "dense"), ("both", "lstm", "dense")])
def test_what_is_read_is_what_keras_computes_and_others_are_refused(tmp_path, kinds, form):
    read = []
    for mode, units in product(MODES, (2, WIDTH)):
        model = _model(keras, kinds, mode, units)
        try:
            imported = gru_tf.import_model(_saved(model, form, tmp_path), verify=False)
        except UserError:
            continue
        # the mode of a last layer is named as not covered
        same = mode == "concat" or kinds[-1] == "both"
        assert same, (mode, units)
        expected = model if mode == "concat" else _model(keras, kinds, "concat", units)
        np.testing.assert_allclose(imported(_inputs()), expected(_inputs()), atol=1e-5)
        read.append((mode, units))
    assert read or kinds != ("both", "dense")


def test_the_only_order_that_fits_does_so_with_every_merge_mode(tmp_path):
    path = _saved(_model(keras, ("both", "gru"), "sum", WIDTH), "model.weights.h5", tmp_path)
    refused(lambda: gru_tf.import_model(path), "order='gru,bidirectional'", "merge_mode other than concat")


def test_a_search_that_is_cut_off_proves_no_list_of_layers(tmp_path, monkeypatch):
    path = _saved(_model(keras, ("both", "dense"), "concat", 2), "positions.npz", tmp_path)
    gru_tf.import_model(path, verify=False)
    monkeypatch.setattr(positions, "MOST", 2)
    refused(lambda: gru_tf.import_model(path), "np.savez")


@pytest.mark.parametrize("form", ["model.h5", "model.weights.h5"])
def test_summed_directions_are_refused_with_a_way_that_works(tmp_path, form):
    tf_keras = pytest.importorskip("tf_keras")
    library = tf_keras if form == "model.h5" else keras
    model = _model(library, ("both", "dense"), "sum", 5)
    path = _saved(model, form, tmp_path)
    for options in ({}, {"order": "bidirectional,dense"}):
        refused(lambda options=options: gru_tf.import_model(path, **options), "merge_mode sum, mul or ave", "load_weights")
    again = _model(library, ("both", "dense"), "sum", 5)
    again.load_weights(path)
    again.save(tmp_path / "whole.keras")
    np.testing.assert_allclose(gru_tf.import_model(tmp_path / "whole.keras")(_inputs()), model(_inputs()), atol=1e-5)
