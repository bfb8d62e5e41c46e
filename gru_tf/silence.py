"""Keep TensorFlow's start-up chatter off the terminal without losing what matters."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from gru_tf.errors import UserError


@contextmanager
def startup() -> Iterator[None]:
    """Hold back what is written to stderr inside, also by C++ code; show it if the block fails.

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
            yield
        except UserError:
            raise
        except Exception:
            os.dup2(kept, 2)
            held.seek(0)
            sys.stderr.write(held.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
