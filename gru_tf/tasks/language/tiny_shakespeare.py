"""Tiny Shakespeare: predict the next character of 40,000 lines of Shakespeare's plays.

The 65 characters are numbered in the order of their code points: the newline is 0, the space 1, "z" 64.

Worked example, timesteps=3: the text begins "First Citizen:", so the first part reads "Fir" and predicts "irs".

    inputs    18 47 56      targets   47 56 57
"""

from typing import ClassVar

import numpy as np

from gru_tf.data import array_cache, text_file
from gru_tf.data.datasets import DataFile, DatasetError, locate
from gru_tf.tasks import Array
from gru_tf.tasks.language._next_token import LanguageModel

FILE = DataFile(
    "tinyshakespeare/input.txt",
    "https://raw.githubusercontent.com/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt",
    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    1_115_394,
)
TRAIN, VALIDATION, TEST, CHARACTERS = 892_314, 111_540, 111_540, 65
VERSION = 1  # of the arrays, as the cache keeps them


class TinyShakespeare(LanguageModel):
    """Predict the next character, with states carried through the text.

    There is no official split. The first 90 % and the last 10 % are the training and the held-out text of most later
    work (nanoGPT). Here the held-out 111,540 characters are the test text, and as many at the end of the other
    1,003,854 are the validation text, which leaves 892,314 to train on. All 65 characters occur in these, so none is
    unknown.

    Args:
        timesteps: T, characters of a part: the length of the truncated back-propagation through time.
        embedding: size of a character's embedding.
        train_tokens: characters to train on, the first ones; fewer for a laptop. None for all.
    """

    question: ClassVar[str] = "Which character comes next in Shakespeare's plays?"
    reference: ClassVar[str] = (
        "A. Karpathy, The Unreasonable Effectiveness of Recurrent Neural Networks, 2015;"
        " file from github.com/karpathy/char-rnn"
    )
    licence: ClassVar[str] = "MIT for the repository that the file comes from; the plays are in the public domain"

    @property
    def vocabulary(self) -> int:
        """65 characters."""
        return CHARACTERS

    def texts(self) -> array_cache.Arrays:
        """Characters (892314,), (111540,) and (111540,) uint8; raises DatasetError."""
        return array_cache.load("tiny_shakespeare", [FILE.sha256], VERSION, _parse)

    def checksums(self) -> dict[str, str]:
        """Path and sha256 of the file."""
        return {FILE.path: FILE.sha256}


def _parse() -> dict[str, Array]:
    path = locate(FILE)
    known, numbers = np.unique(text_file.characters(text_file.read(path, "ascii")), return_inverse=True)
    total = TRAIN + VALIDATION + TEST
    if (len(known), len(numbers)) != (CHARACTERS, total):
        raise DatasetError(
            f"{path}: expected {total:,} characters, {CHARACTERS} different ones."
            f" Received: {len(numbers):,}, {len(known)} different ones"
        )
    train, validation, test = np.split(numbers.astype(np.uint8), [TRAIN, TRAIN + VALIDATION])
    return {"train": train, "validation": validation, "test": test}


TASK = TinyShakespeare
