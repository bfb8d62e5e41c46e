"""Fused kernels for CPUs: SimpleRNN, LSTM and GRU over whole sequences, in C."""

from gru_tf.recurrent.kernels.library import build, why_not

__all__ = ["build", "why_not"]
