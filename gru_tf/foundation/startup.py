"""TensorFlow imported quietly and quickly: its start-up messages held back, and no garbage collection meanwhile."""

import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from gru_tf.foundation.errors import UserError


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what is written to stderr inside, also by C++ code; show it if the block fails. No garbage collection.

    A user's mistake and Ctrl-C are no failures: they explain themselves in one line.

    TensorFlow 2.21 writes ten lines on devices and instruction sets while it is imported, before its own log level
    is read, so that TF_CPP_MIN_LOG_LEVEL alone does not stop them.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            with without_garbage_collection():
                yield
        except UserError:
            raise
        except Exception:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            held.seek(0)
            sys.stderr.write(held.read().decode(errors="replace"))
            raise
        finally:
            sys.stderr.flush()  # into what is held, not onto the terminal
            os.dup2(stderr, 2)
            os.close(stderr)


startup = quiet  # its former name, which notebooks call as `gru_tf.silence.startup()`


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Turn the collector off until the end of the block; it stays off if it was off before.

    Python looks through all living objects each time that their number has grown by a quarter. Importing TensorFlow takes
    3.7 s instead of 4.8 s without that, reading 500 runs from the store 1 s instead of 2.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
