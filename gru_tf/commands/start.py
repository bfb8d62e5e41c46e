"""Where the command `gru-tf` starts: commands that train hold the arithmetic of this process before NumPy is loaded.

Others leave it as it is: `gru-tf speed` is to measure Keras and PyTorch as their users have them.
"""

import sys

from gru_tf.foundation import arithmetic

TRAINING = ("run", "compare")


def main() -> None:
    """Entry point; see `gru_tf.commands.main.main`."""
    if sys.argv[1:2] and sys.argv[1] in TRAINING:
        arithmetic.hold()
    from gru_tf.commands import main

    main.main()
