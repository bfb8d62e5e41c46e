"""The adding problem whose data break the run that reads them, in the way that an experiment asks for."""

import os
import signal
import time
from pathlib import Path
from typing import Literal

import numpy as np

from gru_tf.tasks import Examples, Splits
from gru_tf.tasks.memory.adding import Adding


class Faulty(Adding):
    """Fails while data are read, or by data that no training survives.

    Args:
        fault: "killed" as by the system where memory runs out, "memory" and "exhausted" as Python and TensorFlow say
            it, "hang" for good, "value" for a mistake in a program, "diverge" for targets that are not finite.
        times: failures before the task works.
        counter: file with one byte for each time that the data were asked for.
    """

    length: int = 4
    examples: int = 32
    validation_examples: int = 16
    test_examples: int = 16
    fault: Literal["killed", "memory", "exhausted", "hang", "value", "diverge"]
    times: int = 1000
    counter: str

    def splits(self, rng: np.random.Generator) -> Splits:
        """The adding problem's, unless the fault strikes."""
        with Path(self.counter).open("ab") as counter:
            counter.write(b".")
        whole = super().splits(rng)
        if Path(self.counter).stat().st_size > self.times:
            return whole
        if self.fault == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fault == "memory":
            raise MemoryError("no room for the data")
        if self.fault == "exhausted":
            import tensorflow as tf

            raise tf.errors.ResourceExhaustedError(None, None, "no room for a tensor")
        if self.fault == "hang":
            time.sleep(3600)
        if self.fault == "value":
            raise ValueError("a mistake")
        train = Examples(whole.train.inputs, np.full_like(whole.train.targets, np.inf), whole.train.lengths)
        return Splits(train, whole.validation, whole.test)


TASK = Faulty
