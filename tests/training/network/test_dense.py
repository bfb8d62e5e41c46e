"""The dense layer by the kernels' product against Keras' own: numbers, gradients, and where it takes Keras' computation."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import gru_tf
from gru_tf.recurrent import kernels
from gru_tf.training.network.dense import HeldDense

PRODUCT = "GruTfMatrixProduct"


@pytest.fixture(autouse=True)
def _kernels():
    if kernels.why_not():
        pytest.skip(kernels.why_not())


def pair(**options):
    """The layer and Keras' own, with the same weights."""
    layers = [kind(5, bias_initializer="ones", **options) for kind in (HeldDense, keras.layers.Dense)]
    for layer in layers:
        layer.build((None, 7))
    layers[0].set_weights(layers[1].get_weights())
    return layers


@pytest.mark.parametrize("shape", [(3, 7), (4, 600, 7), (0, 7)])
@pytest.mark.parametrize("options", [{}, {"use_bias": False}, {"activation": "tanh"}])
def test_numbers_and_gradients(shape, options):
    x = tf.constant(np.random.default_rng(0).normal(size=shape).astype("float32"))
    found = []
    for layer in pair(**options):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x)
            loss = tf.reduce_mean(tf.square(outputs)) if x.shape[0] else tf.reduce_sum(outputs)
        found.append([outputs, *tape.gradient(loss, [x, *(weight.value for weight in layer.trainable_weights)])])
    for ours, keras_s in zip(*found, strict=True):
        np.testing.assert_allclose(ours, keras_s, rtol=0, atol=3e-6)


def graph(layer, *wrappers, **options):
    """Names of the operations of a call of unknown batch and length."""
    traced = tf.function(layer, autograph=False, **options)
    concrete = traced.get_concrete_function(tf.TensorSpec((None, None, 7), "float32"))
    assert concrete.structured_outputs.shape.as_list() == [None, None, 5]
    definition = concrete.graph.as_graph_def()
    nodes = [*definition.node, *(node for function in definition.library.function for node in function.node_def)]
    return {node.op for node in nodes}


def test_the_product_is_taken():
    assert PRODUCT in graph(pair()[0])
    assert not {"MatMul", "BatchMatMulV2", "BiasAdd"} & graph(pair()[0])


def test_under_xla_and_in_graphs_that_leave_it_is_not():
    assert PRODUCT not in graph(pair()[0], jit_compile=True)
    with gru_tf.portable():
        assert PRODUCT not in graph(pair()[0])


def test_without_kernels_it_is_not(monkeypatch):
    monkeypatch.setenv("GRU_TF_KERNELS", "off")
    assert PRODUCT not in graph(pair()[0])
