"""Imported by the fork server before it forks the workers, so that TensorFlow is imported once for all of them."""

from gru_tf import silence

with silence.startup():
    import gru_tf.training  # noqa: F401
