"""Imported before all else by a process that trains: holds its arithmetic, see `gru_tf.foundation.arithmetic`."""

from gru_tf.foundation import arithmetic

arithmetic.hold()
