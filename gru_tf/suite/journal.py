"""Results on disk from the end of a run until the store has them: no training is lost in between."""

from pathlib import Path

from pydantic import ValidationError

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.result import RunResult
from gru_tf.foundation import atomic_file

SUFFIX = ".result.json"


def keep(folder: Path, result: RunResult) -> RunResult:
    """Write the result into the journal; returns it, with a warning where the disk refuses."""
    try:
        atomic_file.write(_file(folder, result.run), result.model_dump_json().encode())
    except OSError as error:
        return result.model_copy(update={"warning": f"the result could not be kept on disk: {error.strerror}"})
    return result


def unconfirmed(folder: Path) -> list[RunResult]:
    """The results that no store has confirmed; files that are not results are left alone."""
    results = []
    for file in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            results.append(RunResult.model_validate_json(file.read_bytes()))
        except (OSError, ValidationError):
            continue  # damaged, or of another version of this package: its run is trained again
    return results


def confirm(folder: Path, result: RunResult) -> None:
    """Remove a result that the store now has."""
    forget(folder, result.run)


def forget(folder: Path, run: Run) -> None:
    """Remove the result of a run that was stopped, if it has one: it ended as it was."""
    _file(folder, run).unlink(missing_ok=True)


def holds(folder: Path, result: RunResult) -> bool:
    """Whether the journal has the result."""
    return _file(folder, result.run).is_file()


def _file(folder: Path, run: Run) -> Path:
    return folder / f"{run.fingerprint}{SUFFIX}"
