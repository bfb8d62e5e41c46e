"""Files as Keras 2 wrote them."""

import json

import h5py
import numpy as np


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def old_config(kind, name, **options):
    return {"class_name": kind, "config": {"name": name, "trainable": True, "dtype": "float32", **options}}


def cudnn(kind, name, units, **options):
    """The config of a CuDNNGRU or CuDNNLSTM as tf.keras 1.15 wrote it."""
    common = {"return_sequences": True, "return_state": False, "go_backwards": False, "stateful": False, "time_major": False}
    initializer = {"class_name": "VarianceScaling", "config": {"scale": 1.0, "mode": "fan_avg", "distribution": "normal"}}
    more = {"unit_forget_bias": True} if kind == "CuDNNLSTM" else {}
    return old_config(kind, name, units=units, kernel_initializer=initializer, **{**common, **more, **options})


def cudnn_weights(kind, name, features, units, seed):
    gate = {"CuDNNGRU": 3, "CuDNNLSTM": 4}[kind] * units
    shapes = {"kernel": (features, gate), "recurrent_kernel": (units, gate), "bias": (2 * gate,)}
    return {f"{name}/{key}:0": normal([seed, n], *shape) for n, (key, shape) in enumerate(shapes.items())}


def write(path, config, weights, version="2.2.4-tf"):
    """A .h5 file as Keras wrote it in TensorFlow 1's times: weights by the layer's name, in its order."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config).encode()
        file.attrs["keras_version"], file.attrs["backend"] = version.encode(), b"tensorflow"
        root = file.create_group("model_weights")
        root.attrs["layer_names"] = [name.encode() for name in weights]
        root.attrs["keras_version"], root.attrs["backend"] = version.encode(), b"tensorflow"
        for layer, arrays in weights.items():
            group = root.create_group(layer)
            group.attrs["weight_names"] = [name.encode() for name in arrays]
            for name, array in arrays.items():
                group[name] = array
    return path
