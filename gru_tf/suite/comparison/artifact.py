"""A predictor as one folder: model, scaling, encoding, calendar and intervals, for a machine that has the package alone.

    predictor.json    what predicts and why, the task with its options, half the widths of the intervals, or what is
                      added to quantiles that the network gives, versions
    task.npz          what is known of the series, or of labels and inputs, without any of them; with the rows of training
                      where a model forecasts that reads a series from its beginning
    network.keras     or baseline.npz

Reading one runs nothing that the folder holds: arrays are no pickles, and a network is of registered layers.
"""

import json
import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.baselines import stored
from gru_tf.foundation import environment
from gru_tf.foundation.errors import UserError, cannot_read, one_line
from gru_tf.suite.comparison.predictor import Predictor
from gru_tf.tasks import create
from gru_tf.tasks.own._task import OwnData

FORMAT, VERSION = "gru_tf.predictor", 1
OF_QUANTILES = 2  # version of a predictor whose network gives quantiles, which a package that knows version 1 alone refuses
ABOUT, TASK, NETWORK, BASELINE = "predictor.json", "task.npz", "network.keras", "baseline.npz"
TASKS = ("forecast", "sequences", "texts")
FILES = ("path", "test_path", "sha256")  # options of the files of training, which are not taken along


def is_one(folder: str | Path) -> bool:
    """Whether there is a predictor at a path."""
    return (Path(folder) / ABOUT).is_file()


def is_of(folder: str | Path, answered: str) -> bool:
    """Whether the predictor in a folder is the answer to what `save` was given as `of`; reads no model."""
    try:
        about = json.loads((Path(folder) / ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(about, dict) and about.get("experiment") == answered


def expect_new(folder: str | Path) -> None:
    """Raise UserError where a predictor's folder cannot be: where there is something already."""
    place = Path(folder)
    if os.path.lexists(place) and (not place.is_dir() or any(place.iterdir())):
        raise UserError(f"{folder}: already exists; expected a new folder for the predictor")


def save(predictor: Predictor, folder: str | Path, of: str = "") -> Path:
    """Write a predictor into a folder, whole or not at all; returns the folder.

    Args:
        predictor: to write.
        folder: that does not exist yet, or is empty.
        of: what it is the answer to, see `kept_predictor.answered`; "" beside no store.

    Raises:
        UserError: where there is something already, or it cannot be written.
    """
    expect_new(folder)
    place = Path(folder).absolute()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
        try:
            _fill(predictor, beside, of)
            beside.chmod(0o755)
            beside.replace(place)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written: {error.strerror}") from error
    return place


def _fill(predictor: Predictor, folder: Path, of: str) -> None:
    task = predictor.task
    arrays: dict[str, Any] = task.carried(whole=predictor.reads_rows)
    np.savez_compressed(folder / TASK, **arrays)
    if predictor.is_baseline:
        stored.save(predictor.name or "the baseline", predictor.model, folder / BASELINE)
    else:
        predictor.model.save(folder / NETWORK)
    about = {
        "format": FORMAT,
        "version": OF_QUANTILES if predictor.quantiles else VERSION,
        "experiment": of,
        "name": predictor.name,
        "model": BASELINE if predictor.is_baseline else NETWORK,
        "why": predictor.why,
        "task": type(task).__module__.rpartition(".")[2],
        "options": {k: v for k, v in task.model_dump(mode="json").items() if k not in FILES},
        "data": Path(task.path).name,
        "draw": task.draw,
        "radii": {level: list(radii) for level, radii in predictor.radii.items()},
        "versions": environment.versions(),
    }
    (folder / ABOUT).write_text(json.dumps(about, ensure_ascii=False, indent=1), encoding="utf-8")


def load(folder: str | Path) -> Predictor:
    """The predictor in a folder that `save` wrote.

    Raises:
        UserError: where there is none, or it is damaged.
    """
    place = Path(folder)
    if not is_one(place):
        raise UserError(f"{folder}: expected the folder of a predictor, with {ABOUT}. Received: none")
    try:
        about = json.loads((place / ABOUT).read_text(encoding="utf-8"))
        # the stream is opened here: NumPy leaves one that is no whole archive open
        with (place / TASK).open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            arrays = dict(archive)
        if about["format"] != FORMAT or about["version"] not in (VERSION, OF_QUANTILES):
            expected = f"version {VERSION} or {OF_QUANTILES} of a predictor"
            raise UserError(f"{folder}: expected {expected}. Received: {about['version']}")
        task = _task(about).on(arrays, int(about["draw"]))
        model = _model(place, about.get("model"))
    except (OSError, zipfile.BadZipFile, EOFError, ValueError, TypeError, KeyError) as error:
        reason = cannot_read(place, error) if isinstance(error, OSError) else one_line(f"{type(error).__name__}: {error}")
        raise UserError(f"{folder}: expected a whole predictor. Received: {reason}") from error
    quantiles = about["version"] == OF_QUANTILES
    return Predictor(str(about["name"]), str(about["why"]), task, model, about["radii"], quantiles)


def load_predictor(folder: str | Path) -> Predictor:
    """The predictor in a folder that `Comparison.save` wrote, on any machine with this package; `predict` is its method.

    Raises:
        UserError: where there is none, or it is damaged.
    """
    return load(folder)


def _task(about: dict[str, Any]) -> OwnData:
    name = about["task"]
    if name not in TASKS:
        raise ValueError(f"the task '{name}'")
    options = {key: tuple(value) if isinstance(value, list) else value for key, value in about["options"].items()}
    task = create(name, {**options, "path": about["data"]})
    if not isinstance(task, OwnData):
        raise TypeError(name)
    return task


def _model(place: Path, file: str | None) -> Any:
    """By the file that it is in; a store may have one of an earlier answer beside it."""
    if file == BASELINE or (file is None and (place / BASELINE).is_file()):
        return stored.load(place / BASELINE)[1]
    import keras

    return keras.models.load_model(place / NETWORK, compile=False)
