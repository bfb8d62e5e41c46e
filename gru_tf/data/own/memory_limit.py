"""What a user's data may take in memory: more is refused before it is read, with what it would take."""

from pathlib import Path

from gru_tf.data.datasets import DatasetError

LIMIT = 4 * 10**9  # bytes that data may take in memory
SAMPLE = 1 << 20  # bytes, or a hundredth as many rows, from which the memory of a table is estimated
TABLE_COPIES = 5  # of a table in memory, at most, while it is read, checked, sorted and encoded; measured at 10 million rows
ARRAY_COPIES = 2  # of arrays, as they are and as inputs


def fits(path: Path, needed: int) -> None:
    """Raise DatasetError where a file would take more memory than `LIMIT`; `needed` is in bytes."""
    if needed > LIMIT:
        raise DatasetError(
            f"{path}: expected data that fit {LIMIT / 1e9:g} GB of memory. Received: about {needed / 1e9:.3g} GB:"
            " name fewer columns, keep numbers in fewer bytes (Parquet), or use fewer rows"
        )
