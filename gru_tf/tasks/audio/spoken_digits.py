"""Spoken digits: which of ten digits is spoken in a recording?

3,000 recordings of 0.14 to 2.28 s at 8,000 Hz: 10 digits × 6 speakers × 50 takes. A recording is read as log-mel
features, 40 bands every 10 ms, each standardised by the training recordings.

Worked example, `0_george_0.wav`: 2,384 samples are 28 frames (the first 200 samples, then one every 80), so 28 steps of
40 features; its label is 0.
"""

import io
import re
import wave
import zipfile
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from gru_tf.data import array_cache, log_mel
from gru_tf.data.datasets import DataFile, DatasetError, find, locate
from gru_tf.tasks import Array, Metric, Signature, Splits, Task
from gru_tf.tasks._padding import padded

Speaker = Literal["george", "jackson", "lucas", "nicolas", "theo", "yweweler"]
SPEAKERS: tuple[Speaker, ...] = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
RATE, BANDS, CLASSES = 8000, 40, 10
RECORDINGS, LONGEST = 3000, 226  # frames of the longest; both checked when read
TEST_TAKES, VALIDATION_TAKES = 5, 10  # takes 0–4 test, 5–9 validate, the other 40 train
_NAME = re.compile(r"recordings/([0-9])_([a-z]+)_([0-9]+)\.wav")

# The recordings in one archive, as data folders have them. It is repacked and has no public address of its own.
PACKED = DataFile(
    "fsdd/recordings.zip",
    "https://github.com/Jakobovski/free-spoken-digit-dataset",
    "8e1e44a06ea9d154aa314276028b6851cdf0bead7ad196db67b9aadb78191e05",
    16_161_380,
)


def _repack(path: Path) -> None:
    """Replace an archive of the whole repository by one of its recordings, uncompressed: the same bytes on any machine."""
    try:
        with zipfile.ZipFile(path) as archive:
            contents = {"/".join(name.split("/")[1:]): archive.read(name) for name in archive.namelist()}
    except zipfile.BadZipFile as error:
        raise ValueError(f"expected a zip archive: {error}") from error
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(name for name in contents if _NAME.fullmatch(name)):
            entry = zipfile.ZipInfo(name)
            entry.create_system = 3  # else it would name the system that this runs on
            archive.writestr(entry, contents[name])


FETCHED = DataFile(
    "fsdd/recordings-stored.zip",
    "https://codeload.github.com/Jakobovski/free-spoken-digit-dataset/zip/26eb9aaf76e81b692f806f9140c2d2777410d7a1",
    "9e70fdbb613fe2d8b39479901e06ffee5b09198a587a179b8994a63ef65d87d9",
    21_512_670,
    _repack,
)


class SpokenDigits(Task):
    """Classify a recording of one digit.

    Without `held_out` the split is the published one: takes 0 to 4 of each digit and speaker are the test split (300);
    of the published training takes 5 to 49, takes 5 to 9 are the validation split (300) and the other 2,400 train. The
    same speakers are in all three. With `held_out` the test split is all 500 recordings of that speaker, the validation
    split the 500 of the next speaker in alphabetical order, and the 2,000 of the other four train: a harder task.

    Args:
        held_out: a speaker in neither the training nor the validation split.
    """

    question: ClassVar[str] = "Which of ten digits is spoken?"
    reference: ClassVar[str] = (
        "Z. Jackson and others, Free Spoken Digit Dataset; github.com/Jakobovski/free-spoken-digit-dataset"
    )
    licence: ClassVar[str] = "CC BY-SA 4.0"

    held_out: Speaker | None = None

    @property
    def signature(self) -> Signature:
        """Up to 226 steps of 40 features; 10 classes; known without the data."""
        return Signature(timesteps=LONGEST, features=BANDS, outputs=CLASSES, target="class", varying=True)

    @property
    def metric(self) -> Metric:
        """Accuracy; the baseline is exactly 1/10, as every part has equally many recordings of each digit."""
        return Metric("accuracy", "max", chance=1 / CLASSES, solved=1.0, trivial="a uniform guess")

    def splits(self, rng: np.random.Generator) -> Splits:
        """Inputs (N, T, 40) float32, zeros after the end of a recording, and targets (N,) int32; `rng` is not used.

        The features are computed once and cached, 20 MB, memory-mapped.

        Raises:
            DatasetError: where the file is damaged or unavailable.
        """
        arrays = _features()
        take, speaker = arrays["takes"], arrays["speakers"]
        if self.held_out is None:
            test, validation = take < TEST_TAKES, (take >= TEST_TAKES) & (take < VALIDATION_TAKES)
        else:
            place = SPEAKERS.index(self.held_out)
            test, validation = speaker == place, speaker == (place + 1) % len(SPEAKERS)
        train = ~(test | validation)
        frames = arrays["frames"][np.repeat(train, arrays["lengths"])]
        mean, deviation = frames.mean(0, np.float64), frames.std(0, np.float64)
        rows = ((arrays["frames"] - mean) / deviation).astype(np.float32)
        lengths, digits = arrays["lengths"], arrays["digits"]
        first, second, third = (padded(rows, lengths, part, digits) for part in (train, validation, test))
        return Splits(first, second, third)

    def checksums(self) -> dict[str, str]:
        """Path and sha256 of the packed recordings."""
        return {PACKED.path: PACKED.sha256}


def read_recordings(path: Path) -> dict[str, Array]:
    """The recordings of a zip archive, name → (samples,) int16.

    Raises:
        DatasetError: where the archive cannot be read, has no recording, or one is not 16-bit mono at 8,000 Hz.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(name for name in archive.namelist() if _NAME.fullmatch(name))
            recordings = {name: _samples(path, name, archive.read(name)) for name in names}
    except (OSError, zipfile.BadZipFile) as error:
        raise DatasetError(
            f"{path}: expected a zip archive of recordings. Received: {type(error).__name__}: {error}"
        ) from error
    if not recordings:
        raise DatasetError(f"{path}: expected recordings called recordings/DIGIT_SPEAKER_TAKE.wav. Received: none")
    return recordings


def _samples(path: Path, name: str, content: bytes) -> Array:
    try:
        with wave.open(io.BytesIO(content)) as recording:
            form = recording.getnchannels(), recording.getsampwidth(), recording.getframerate()
            if form != (1, 2, RATE):
                raise wave.Error(f"{form[0]} channels of {form[1]} bytes at {form[2]} Hz")
            samples = np.frombuffer(recording.readframes(recording.getnframes()), "<i2")
            if len(samples) != recording.getnframes():
                raise wave.Error(f"{len(samples)} of {recording.getnframes()} samples")
    except (wave.Error, EOFError) as error:
        raise DatasetError(f"{path}: {name}: expected 16-bit mono at {RATE} Hz. Received: {error}") from error
    return samples


def _features() -> array_cache.Arrays:
    """Frames of all recordings, one after another (frames, 40), and of each: lengths, digits, speakers, takes."""
    settings = [log_mel.FRAME, log_mel.HOP, log_mel.LOWEST, log_mel.FLOOR, BANDS]
    return array_cache.load("spoken_digits", [PACKED.sha256, *map(str, settings)], log_mel.VERSION, _parse)


def _parse() -> dict[str, Any]:
    recordings = read_recordings(find(PACKED) or locate(FETCHED))
    features = log_mel.log_mel(list(recordings.values()), RATE, BANDS)
    names = [name.removesuffix(".wav").rpartition("/")[2].split("_") for name in recordings]
    digits, speakers, takes = np.array(names).T
    lengths = np.array(list(map(len, features)))
    if (len(features), lengths.max()) != (RECORDINGS, LONGEST):
        raise DatasetError(
            f"{PACKED.path}: expected {RECORDINGS:,} recordings of up to {LONGEST} frames."
            f" Received: {len(features):,} of up to {lengths.max()}"
        )
    return {
        "frames": np.concatenate(features),
        "lengths": lengths,
        "digits": digits.astype(np.int32),
        "speakers": np.array([SPEAKERS.index(name) for name in speakers]),
        "takes": takes.astype(np.int32),
    }


TASK = SpokenDigits
