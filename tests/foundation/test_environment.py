"""Where a run took place, as its record says it."""

import os
import platform
import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from places import ROOT

from gru_tf.foundation import environment

MIB = 1024**2


def git(folder, *arguments):
    """What git prints there; its author does not depend on whose machine this is."""
    author = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    done = subprocess.run(["git", "-C", str(folder), *author, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository of one commit that holds the module under test."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    copy = tmp_path / "environment.py"
    shutil.copy(environment.__file__, copy)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    monkeypatch.setattr(environment, "PACKAGE", tmp_path)
    environment.commit.cache_clear()
    yield tmp_path
    environment.commit.cache_clear()


def test_commit_of_a_clean_checkout_even_where_it_has_a_tag(checkout):
    git(checkout, "tag", "v1")
    commit = git(checkout, "rev-parse", "HEAD")
    assert len(commit) == 40
    assert environment.commit() == commit


def test_commit_says_that_the_code_was_changed(checkout):
    (checkout / "environment.py").write_text("changed", encoding="utf-8")
    assert environment.commit() == git(checkout, "rev-parse", "HEAD") + "-dirty"


def test_no_commit_outside_a_checkout_or_without_git(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "PACKAGE", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert environment.commit.__wrapped__() == ""
    monkeypatch.setattr(environment, "PACKAGE", ROOT / "gru_tf")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment.commit.__wrapped__() == ""


def test_versions_are_those_installed():
    versions = environment.versions()
    assert versions["python"] == platform.python_version()
    assert versions["keras"] == version("keras")
    assert {"gru-tf", "tensorflow", "keras-tuner", "numpy", "scikit-learn"} <= versions.keys()  # the last has data
    assert all(re.match(r"\d+\.\d+", number) for number in versions.values())


def test_the_processor_has_a_name():
    assert environment.processor().strip()


def test_peak_memory_rises_with_use_and_falls_at_a_reset():
    environment.reset_peak_memory()
    before = environment.peak_memory_mb()
    size = 300
    held = np.ones(size * MIB, "uint8")
    held_peak = environment.peak_memory_mb()
    assert held_peak > before + 0.9 * size
    del held
    assert environment.peak_memory_mb() >= held_peak - 1, "a peak outlives what made it"
    environment.reset_peak_memory()
    if not os.access("/proc/self/clear_refs", os.W_OK):
        pytest.skip("this system has no reset: /proc/self/clear_refs cannot be written")
    assert environment.peak_memory_mb() < held_peak - 0.8 * size


def test_peak_memory_where_there_is_no_proc(monkeypatch):
    import resource

    monkeypatch.setattr(Path, "is_file", lambda _: False)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert environment.peak_memory_mb() == pytest.approx(peak, rel=0.01)
    assert peak > 10


def test_another_version_of_a_package_or_of_a_module_is_another_source(monkeypatch, tmp_path):
    first = environment.source()
    assert environment.source() == first
    environment.source.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(environment, "versions", lambda: {"tensorflow": "0.1"})
        assert environment.source() != first
    environment.source.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(environment, "PACKAGE", tmp_path)
        (tmp_path / "environment.py").write_text("changed = True")
        python = environment.source()
        assert python != first
        environment.source.cache_clear()
        (tmp_path / "kernel.c").write_text("int changed;")
        assert environment.source() not in (first, python)
    environment.source.cache_clear()
    assert environment.source() == first
