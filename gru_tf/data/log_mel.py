"""Log-mel features of recordings, computed with TensorFlow's signal operations.

Each frame of 25 ms, one every 10 ms, is weighted by a Hann window; its magnitude spectrum is gathered into bands that
are equally wide on the mel scale, and the logarithm of each band is taken (S. Davis, P. Mermelstein, IEEE Transactions on
Acoustics, Speech and Signal Processing 28(4), 1980, without the cosine transform).
"""

from collections.abc import Sequence

import numpy as np

from gru_tf.foundation.array import Array

FRAME, HOP = 0.025, 0.010  # seconds
LOWEST = 20.0  # Hz; the highest band ends at half the sampling rate
FLOOR = 1e-6  # added before the logarithm: silence is −13.8, not −∞
BATCH = 100  # recordings at once
VERSION = 2  # of these features, for arrays that are kept; see gru_tf.data.array_cache


def log_mel(recordings: Sequence[Array], rate: int, bands: int) -> list[Array]:
    """Features (frames, bands) float32 of each recording, on the CPU so that they are the same on every machine.

    Args:
        recordings: (samples,) int16 each, at least one frame long.
        rate: samples a second.
        bands: mel bands.

    Raises:
        ValueError: where a recording is shorter than a frame.
    """
    import tensorflow as tf

    frame, hop = round(FRAME * rate), round(HOP * rate)
    shortest = min(map(len, recordings))
    if shortest < frame:
        raise ValueError(f"log_mel: expected recordings of {frame} samples or more. Received: {shortest}")
    points = 1 << (frame - 1).bit_length()
    features: list[Array] = []
    with tf.device("CPU:0"):
        matrix = tf.signal.linear_to_mel_weight_matrix(bands, points // 2 + 1, rate, LOWEST, rate / 2).numpy()
        for first in range(0, len(recordings), BATCH):
            batch = recordings[first : first + BATCH]
            waves = np.zeros((len(batch), max(map(len, batch))), np.float32)
            for row, recording in enumerate(batch):
                waves[row, : len(recording)] = recording / np.float32(1 << 15)
            spectra = tf.abs(tf.signal.stft(waves, frame, hop, points)).numpy()
            logarithms = tf.math.log(_gathered(spectra, matrix) + FLOOR).numpy()
            features += [logarithms[row, : 1 + (len(wave) - frame) // hop] for row, wave in enumerate(batch)]
    return features


def _gathered(spectra: Array, matrix: Array) -> Array:
    """Spectra (…, frequencies) times matrix (frequencies, bands), one frequency after the other.

    A library's matrix product would add them up in an order that the processor decides.
    """
    gathered = np.zeros((*spectra.shape[:-1], matrix.shape[1]), np.float32)
    for frequency, weights in enumerate(matrix):
        gathered += spectra[..., frequency, None] * weights
    return gathered
