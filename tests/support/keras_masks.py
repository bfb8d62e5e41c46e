"""Keras' own loop with this project's rule for what stands before a row's first real step.

Keras' backends differ there where a layer has an initial state: TensorFlow gives zeros, JAX the state. Comparisons of
everything else with Keras' layers are made under one rule; tests/recurrent/layers/test_masks.py has the rule itself.
"""

from unittest.mock import patch

from keras.src import backend

from gru_tf.recurrent import masked_loop

OPTIONS = ("go_backwards", "unroll", "zero_output_for_mask", "return_all_outputs")


def one_rule():
    """A patch of Keras' loop, for the time of a `with`."""
    keras_loop = backend.rnn

    def loop(step, inputs, states, mask=None, **options):
        if mask is None:
            return keras_loop(step, inputs, states, **options)
        one = mask[..., 0] if len(mask.shape) == 3 else mask
        return masked_loop.run(step, inputs, states, one, **{name: options[name] for name in OPTIONS if name in options})

    return patch.object(backend, "rnn", loop)
