"""Writes a sequence for each sequence that the network reads, batch by batch, in steps that are compiled once."""

from typing import Any

import numpy as np
import tensorflow as tf

from gru_tf.recurrent import decoding
from gru_tf.tasks import END, Array, Signature
from gru_tf.training.batches import plan
from gru_tf.training.feeding import DeviceData
from gru_tf.training.network.sequence_writer import SequenceWriter


class Decoder:
    """Decodes with the weights that the network has at each call; compiled once for each width of the search.

    Args:
        model: a network as `encoder_decoder.build` makes it.
        signature: of its task.
        masked: whether it takes a mask of the real steps.
        batch_size: sequences at a time.
    """

    def __init__(self, model: Any, signature: Signature, masked: bool, batch_size: int):
        self.writer, self.signature, self.masked, self.batch_size = SequenceWriter(model), signature, masked, batch_size
        self._compiled: dict[int, Any] = {}

    def write(self, data: DeviceData, lengths: Array, width: int = 1) -> Array:
        """(N, decoded) int32: what the network writes for each of the first N sequences, padded with END.

        Args:
            data: what to read.
            lengths: (N,) real steps of each sequence.
            width: of the beam search; 1 for greedy decoding.
        """
        if width not in self._compiled:
            # without XLA, whose top-k sorts all numbers on a CPU
            self._compiled[width] = tf.function(lambda *a: self._write(width, *a), autograph=False)
        steps = plan(lengths, (self.signature.span,), self.batch_size)
        written = np.zeros((len(lengths), self.signature.decoded), "int32")
        rows, masks = iter(steps.order), iter(steps.valid > 0)
        for inputs, _, read, order, *_ in data.feeds(steps):
            for batch in order:
                valid = next(masks)
                written[next(rows)[valid]] = self._compiled[width](inputs, read, batch).numpy()[valid]
        return written

    def _write(self, width: int, inputs: Any, lengths: Any, batch: Any) -> Any:
        x = tf.cast(tf.gather(inputs, batch), tf.int32)
        real = tf.sequence_mask(tf.gather(lengths, batch), x.shape[1])
        states, memory = self.writer.read([x, real] if self.masked else [x])
        if width == 1:
            return decoding.greedy(self.writer.step, states, memory, self.signature.decoded, END)
        return decoding.beam(self.writer.step, states, memory, self.signature.decoded, width, end=END)[0]
