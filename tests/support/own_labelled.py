"""Small files of labelled sequences and texts such as users bring; registered with `own_files`, see there."""

from pathlib import Path
from typing import Any

import numpy as np
import own_files
import pandas

WORDS = [
    "good",
    "great",
    "fine",
    "bad",
    "sad",
    "poor",
    "film",
    "plot",
    "music",
    "ending",
    "actor",
    "scene",
    "long",
    "short",
    "new",
    "old",
    "very",
    "really",
    "quite",
    "not",
]


def steps() -> Any:
    """A long table of 60 trips of 12 persons, 2 to 9 steps each, its rows in no order.

    Who goes how shows in the speed. "serial" is the trip's number, so that a sequence can be told from its inputs.
    """
    rng = np.random.default_rng(4)
    rows = []
    for trip in range(60):
        person = trip % 12
        by, mean = [("foot", 5.0), ("bicycle", 16.0), ("tram", 22.0)][(trip // 12 + person) % 3]
        weight = round(50 + 4 * mean + rng.normal(0, 3), 2)
        for second in range(int(rng.integers(2, 10))):
            speed = round(mean + rng.normal(0, 2), 3)
            place = rng.choice(["path", "street", "bridge"])
            rows.append((f"t{trip}", 10 * second, trip, speed, place, f"p{person}", by, weight))
    names = ["trip", "second", "serial", "speed", "place", "person", "by", "weight"]
    frame = pandas.DataFrame(rows, columns=names)
    return frame.iloc[rng.permutation(len(frame))].reset_index(drop=True)


def arrays() -> dict[str, Any]:
    """40 sequences of 2 to 6 steps of two features, whose sum is the label, with the numbers' sign as a class."""
    rng = np.random.default_rng(5)
    inputs, lengths = rng.normal(1, 2, (40, 6, 2)), rng.integers(2, 7, 40)
    lengths[0] = 6
    real = np.arange(6) < lengths[:, None]
    total = (inputs * real[..., None]).sum((1, 2))
    return {
        "X": inputs,
        "lengths": lengths,
        "y": total,
        "sign": np.where(total > 5, "high", "low"),
        "who": np.arange(40) // 2,
    }


def sentences(seed: int = 6, count: int = 90) -> Any:
    """Texts of 1 to 12 words: whether there are more good words than bad ones, how many, and who says so."""
    rng = np.random.default_rng(seed)
    texts = [" ".join(rng.choice(WORDS, rng.integers(1, 13))) for _ in range(count)]
    marks = [
        int(sum(word in WORDS[:3] for word in t.split()) - sum(word in WORDS[3:6] for word in t.split())) for t in texts
    ]
    moods = ["up" if mark > 0 else "down" for mark in marks]
    columns = {"said": [t.capitalize() + "!" for t in texts], "mood": moods, "mark": marks, "who": np.arange(count) // 3}
    return pandas.DataFrame(columns)


def in_ts(values: Any, labels: Any) -> str:
    """Sequences (steps, channels) and their labels as a .ts file of series."""
    lines = [":".join(",".join(map(repr, map(float, channel))) for channel in part.T) for part in values]
    return "@data\n" + "".join(f"{line}:{label}\n" for line, label in zip(lines, labels, strict=True))


@own_files.file("trips.csv")
def trips(file: Path) -> None:
    """The long table."""
    steps().to_csv(file, index=False)


@own_files.file("sums.npz")
def sums(file: Path) -> None:
    """The arrays."""
    np.savez(file, **arrays())


@own_files.file("signs.ts")
def signs(file: Path) -> None:
    """The same as series with classes."""
    sums = arrays()
    parts = [part[:length] for part, length in zip(sums["X"], sums["lengths"], strict=True)]
    file.write_text(in_ts(parts, sums["sign"]))


@own_files.file("signs_test.ts")
def signs_test(file: Path) -> None:
    """Eight further series of four steps."""
    inputs = np.random.default_rng(7).normal(1, 2, (8, 4, 2))
    file.write_text(in_ts(inputs, np.where(inputs.sum((1, 2)) > 8, "high", "low")))


@own_files.file("said.tsv")
def said(file: Path) -> None:
    """The texts."""
    sentences().to_csv(file, sep="\t", index=False)


@own_files.file("said_later.tsv")
def said_later(file: Path) -> None:
    """Further ones."""
    sentences(8, 30).to_csv(file, sep="\t", index=False)


TRIPS: dict[str, Any] = {
    "path": own_files.path("trips.csv"),
    "label": "by",
    "id": "trip",
    "order": "second",
    "group": "person",
}
SUMS: dict[str, Any] = {"path": own_files.path("sums.npz"), "kind": "value"}
SIGNS: dict[str, Any] = {"path": own_files.path("signs.ts"), "test_path": own_files.path("signs_test.ts")}
SAID: dict[str, Any] = {"path": own_files.path("said.tsv"), "text": "said", "label": "mood"}
LATER = {"test_path": own_files.path("said_later.tsv")}
SEQUENCES = [TRIPS, {**TRIPS, "kind": "value", "label": "weight", "features": ("speed", "place")}, SUMS, SIGNS]
TEXTS = [SAID, {**SAID, **LATER, "kind": "value", "label": "mark", "vocabulary": 15, "longest": 6, "embedding": 8}]
