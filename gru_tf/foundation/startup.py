"""Keep TensorFlow's start-up chatter off the terminal without losing what matters, and its imports quick."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from gru_tf.foundation import garbage
from gru_tf.foundation.errors import UserError


@contextmanager
def startup() -> Iterator[None]:
    """Hold back what is written to stderr inside, also by C++ code; show it if the block fails. No garbage collection.

    A user's mistake and Ctrl-C are no failures: they explain themselves in one line.

    TensorFlow 2.21 writes ten lines on devices and instruction sets while it is imported, before its own log level
    is read, so that TF_CPP_MIN_LOG_LEVEL alone does not stop them.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            with garbage.paused():
                yield
        except UserError:
            raise
        except Exception:
            sys.stderr.flush()
            os.dup2(kept, 2)
            held.seek(0)
            sys.stderr.write(held.read().decode(errors="replace"))
            raise
        finally:
            sys.stderr.flush()  # into what is held, not onto the terminal
            os.dup2(kept, 2)
            os.close(kept)
