"""What several test files need."""

import gc
import os
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from gru_tf.foundation.startup import without_garbage_collection
from gru_tf.tasks import Task


def pytest_configure(config: pytest.Config) -> None:
    """A cache folder of this run's own, gone after it: tests neither read nor leave what a user's cache holds.

    Workers of pytest-xdist inherit it from the process that starts them, so each data set is parsed once for all.
    """
    if not hasattr(config, "workerinput"):
        folder, patch = TemporaryDirectory(prefix="gru_tf-cache-"), pytest.MonkeyPatch()
        patch.setenv("GRU_TF_CACHE", folder.name)
        patch.setenv("GRU_TF_REPORT", "no")  # tests that are not about it do not draw it at the end of every experiment
        patch.setenv("GRU_TF_TIMING", "no")  # nor do they time its networks
        patch.setenv("GRU_TF_BASELINES", "no")  # nor fit other models
        config.add_cleanup(folder.cleanup)
        config.add_cleanup(patch.undo)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Bytes are called by their number: archives hold the second that made them, and workers must agree on names."""
    return f"{len(val)} bytes" if isinstance(val, bytes) else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What collecting imports and lists stays to the end: the collector need not look through it again and again."""
    with without_garbage_collection():
        found = yield
    gc.freeze()
    return found


@pytest.fixture(autouse=True)
def stores_are_copies(request: pytest.FixtureRequest) -> None:
    """From the first test on that finds MLflow imported: creating a store takes a second, and tests need hundreds.

    Programs that a test starts create theirs themselves, and so does tests/suite/tracking/test_sqlite.py.
    """
    utils = sys.modules.get("mlflow.store.db.utils")
    if utils is not None and not hasattr(utils._initialize_tables, "__wrapped__"):
        import empty_stores  # imports SQLAlchemy

        patch = pytest.MonkeyPatch()
        empty_stores.copy(patch, utils)
        request.config.add_cleanup(patch.undo)


@pytest.fixture(autouse=True)
def determinism_ends_with_its_test() -> Iterator[None]:
    """A run asks TensorFlow for deterministic kernels, for the rest of the process; the next test may want others."""
    yield
    if sys.modules.get("tensorflow") is not None:  # None where it is kept from being imported
        from tensorflow.python.framework import config  # TensorFlow exports the switch on, and not the switch off

        config.disable_op_determinism()


@pytest.fixture(autouse=True)
def what_no_test_seeds_is_the_same_at_each_run() -> None:
    """Weights that a test leaves to Keras' initializers, above all: near a bound it would fail on some days only."""
    if sys.modules.get("tensorflow") is not None and sys.modules.get("keras") is not None:
        import keras

        keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def needs_files() -> Callable[[Task], None]:
    """A function that skips the test, saying why, where a task's files lie in no folder of GRU_TF_DATA.

    Tests never download a data set: they would then depend on somebody's server.
    """

    def skip_without_files(task: Task) -> None:
        folders = [Path(folder) for folder in os.environ.get("GRU_TF_DATA", "").split(os.pathsep) if folder]
        for path in task.checksums():
            if Path(path).is_absolute():  # a user's own
                continue
            if not folders:
                pytest.skip(f"GRU_TF_DATA is not set: no folder to read {path} from")
            if not any((folder / path).is_file() for folder in folders):
                pytest.skip(f"no folder of GRU_TF_DATA has {path}")

    return skip_without_files


@pytest.fixture
def main(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[Any, ...]]:
    """The command in this process, in an empty folder, 80 columns wide: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: object) -> tuple[Any, ...]:
        from gru_tf.commands import main as command

        monkeypatch.setattr(sys, "argv", ["gru-tf", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            command.main()
        output = capsys.readouterr()
        return ended.value.code or 0, output.out, output.err

    return run
