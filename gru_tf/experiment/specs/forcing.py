"""Which settings of teacher forcing go together."""

from typing import Any


def check(training: Any) -> None:
    """Raise ValueError for settings of a `TrainingSpec` of which one would not be read, or that no schedule can follow."""
    decay, end = training.teacher_forcing_decay, training.teacher_forcing_end
    if decay == "none":
        if end is not None:
            raise ValueError(
                "expected 'teacher_forcing_decay' (linear, exponential or sigmoid) together with 'teacher_forcing_end'."
                " Received: none"
            )
        if training.teacher_forcing == 1 and training.teacher_forcing_per != "token":
            raise ValueError(
                "expected 'teacher_forcing' below 1 together with 'teacher_forcing_per'. Received:"
                f" {training.teacher_forcing_per} with {training.teacher_forcing:g}, where nothing is drawn"
            )
        return
    if training.seconds is not None:
        raise ValueError(
            "expected no 'teacher_forcing_decay' together with 'seconds': a schedule needs the number of steps."
            f" Received: {decay}"
        )
    if end is None:
        raise ValueError(f"expected 'teacher_forcing_end' together with 'teacher_forcing_decay'. Received: {decay} alone")
    if end >= training.teacher_forcing:
        raise ValueError(
            f"teacher_forcing_end: received {end:g}, expected less than 'teacher_forcing', {training.teacher_forcing:g}"
        )
    if end == 0 and decay != "linear":
        raise ValueError(f"teacher_forcing_end: received 0, expected above 0: a decay that is {decay} never ends there")
