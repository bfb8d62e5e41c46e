"""Series with class labels in `.ts` form, as the UCR and UEA archives publish them, read from any such file.

Comment lines start with `#`, header lines with `@`. After `@data` each line is one series: channels separated by `:`,
values by `,`, and the class label after the last `:`. Lengths may differ between series, not between channels.

    @univariate false
    @dimensions 2
    @classLabel true walk run
    @data
    0.1,0.3,0.2:1.0,1.1,1.3:walk
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import cannot_read

VERSION = 1  # of this reader, for arrays that are kept; see gru_tf.data.array_cache


@dataclass(frozen=True)
class TsSeries:
    """The series of one file, in its order.

    Args:
        values: (steps of all series, channels) float64, one series after another.
        lengths: (N,) int64, steps of each.
        labels: (N,) text, as in the file.
        lines: (N,) int64, the line of each, from 1.
    """

    values: Array
    lengths: Array
    labels: Array
    lines: Array


@dataclass
class _Header:
    """What the lines before the data say; None where they say nothing."""

    entries: dict[str, list[str]] = field(default_factory=dict)

    def flag(self, name: str) -> bool | None:
        """True or false of `@name`."""
        words = self.entries.get(name.lower())
        return None if not words else words[0].lower() == "true"

    def number(self, name: str) -> int | None:
        """The whole number of `@name`."""
        words = self.entries.get(name.lower())
        return int(words[0]) if words and words[0].isdigit() else None

    @property
    def labels(self) -> list[str] | None:
        """The labels that `@classLabel true …` lists."""
        return self.entries.get("classlabel", [])[1:] or None


def read(path: Path) -> TsSeries:
    """Every series of the file at `path`.

    Raises:
        DatasetError: one line naming the file and the line where it cannot be read, is empty, is not UTF-8, has no
            `@data` or no series, says that it has time stamps or no class labels, or where a series is cut off, has a
            value that is missing or no finite number, a label or a shape other than the header says, or channels of
            unequal length.
    """
    try:
        with path.open("rb") as stream:
            lines = _decoded(path, stream)
            header = _header(path, lines)
            rows = [_series(path, number, text, header) for number, text in lines if text and not text.startswith("#")]
    except OSError as error:
        raise DatasetError(cannot_read(path, error)) from error
    if not rows:
        raise DatasetError(f"{path}: expected at least one series after @data. Received: none")
    _alike(path, rows, header)
    return TsSeries(
        values=np.concatenate([values for _, values, _ in rows]),
        lengths=np.array([len(values) for _, values, _ in rows]),
        labels=np.array([label for _, _, label in rows]),
        lines=np.array([number for number, _, _ in rows]),
    )


def _decoded(path: Path, stream: Any) -> Iterator[tuple[int, str]]:
    """(line number, text without the spaces around it)."""
    for number, line in enumerate(stream, start=1):
        try:
            yield number, line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError as error:
            raise DatasetError(
                f"{path}: line {number}: expected UTF-8 text. Received: byte 0x{line[error.start]:02x} at column"
                f" {error.start + 1}"
            ) from error


def _header(path: Path, lines: Iterator[tuple[int, str]]) -> _Header:
    """Read up to and with `@data`."""
    header, number = _Header(), 0
    for number, text in lines:
        if text.startswith("@"):
            name, *words = text[1:].split()
            if name.lower() == "data":
                return header
            header.entries[name.lower()] = words
            _accept(path, number, text, header)
        elif text and not text.startswith("#"):
            raise DatasetError(f"{path}: line {number}: expected @data before the first series. Received: {_cut(text)}")
    if number == 0:
        raise DatasetError(f"{path}: expected a .ts file. Received: an empty file")
    raise DatasetError(f"{path}: line {number}: expected @data before the end of the file. Received: no such line")


def _accept(path: Path, number: int, text: str, header: _Header) -> None:
    """Refuse kinds of file that are something else than series with a class."""
    if header.flag("timeStamps"):
        raise DatasetError(f"{path}: line {number}: expected series without time stamps. Received: {_cut(text)}")
    if header.flag("classLabel") is False or header.flag("targetLabel"):
        raise DatasetError(f"{path}: line {number}: expected series with class labels. Received: {_cut(text)}")


def _series(path: Path, number: int, text: str, header: _Header) -> tuple[int, Array, str]:
    """Line number, values (steps, channels) and label of one line."""
    body, colon, label = text.rpartition(":")
    label = label.strip()
    if not colon or not label or (header.labels is not None and label not in header.labels):
        expected = f"one of {', '.join(header.labels)}" if header.labels else "a class label"
        raise DatasetError(
            f"{path}: line {number}: expected {expected} after the last ':'. Received: {_cut(label) or 'nothing'};"
            " is the line cut off?"
        )
    channels = body.count(":") + 1
    try:
        values = np.array(list(map(float, body.replace(":", ",").split(",")))).reshape(channels, -1)
        unequal = len({channel.count(",") for channel in body.split(":")}) > 1
        sound = not unequal and np.isfinite(values).all() and "_" not in body  # Python reads 1_0 as 10
    except ValueError:
        sound = False
    if not sound:
        raise DatasetError(f"{path}: line {number}: {_complaint(body)}")
    return number, values.T, label


def _complaint(body: str) -> str:
    """What is wrong with a line that is not numbers in channels of equal length."""
    channels = [channel.split(",") for channel in body.split(":")]
    for number, channel in enumerate(channels, start=1):
        for step, value in enumerate(channel, start=1):
            if not _finite(value):
                kind = "a missing value" if value.strip() in ("?", "") else _cut(value.strip())
                return f"channel {number}, step {step}: expected a finite number. Received: {kind}"
    lengths = [len(channel) for channel in channels]
    odd = next(i for i, length in enumerate(lengths) if length != lengths[0])
    return (
        f"expected channels of equal length. Received: {lengths[0]} steps in channel 1, {lengths[odd]} in channel {odd + 1}"
    )


def _finite(value: str) -> bool:
    try:
        return "_" not in value and math.isfinite(float(value))
    except ValueError:
        return False


def _alike(path: Path, rows: list[tuple[int, Array, str]], header: _Header) -> None:
    """Every series has the channels and the length that the header says, or as many channels as the first."""
    channels, source = header.number("dimensions"), "as @dimensions says"
    if not channels:
        channels, source = rows[0][1].shape[1], f"as in line {rows[0][0]}"
    steps = header.number("seriesLength") if header.flag("equalLength") else None
    for number, values, _ in rows:
        if values.shape[1] != channels:
            raise DatasetError(
                f"{path}: line {number}: expected {channels} channels, {source}. Received: {values.shape[1]};"
                " is the line cut off?"
            )
        if steps and len(values) != steps:
            raise DatasetError(
                f"{path}: line {number}: expected {steps} steps, as @seriesLength says. Received: {len(values)}"
            )


def _cut(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
