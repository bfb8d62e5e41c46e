"""Imported by the fork server before it forks the workers, so that TensorFlow is imported once for all of them."""

import gc

from gru_tf.foundation import startup

with startup.quiet():
    import gru_tf.training.trainer  # noqa: F401
gc.freeze()  # no collection in a worker goes through TensorFlow's objects, whose pages all workers share
