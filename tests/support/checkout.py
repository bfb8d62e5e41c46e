"""A copy of what the package is built from, and builds of it with what `make` has downloaded."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

from gru_tf.recurrent.kernels import compilation

UV = Path(sys.prefix).parent / ".uv" / "bin" / "uv"
FILES = ("pyproject.toml", "hatch_build.py", "README.md", "CHANGELOG.md", "LICENSE", ".gitignore")


class Checkout:
    """A copy of the sources, and commands in it with no compiler, nor any other program, on the PATH.

    Args:
        folder: where the copy is made.
        compiled: whether the kernels that are built already are copied as well, so that building compiles nothing.
    """

    def __init__(self, folder: Path, compiled: bool = False):
        if not UV.is_file():
            pytest.skip(f"{UV} is not there: the environment was not made by `make`")
        if platform.system() != "Linux" or platform.machine() not in compilation.BUILDS:
            pytest.skip("no library is built for this platform")
        self.folder, self.nothing = folder / "checkout", folder / "bin"
        self.nothing.mkdir()
        ignored = shutil.ignore_patterns("__pycache__", *([] if compiled else ["built"]))
        for name in ("gru_tf", "experiments"):
            shutil.copytree(ROOT / name, self.folder / name, ignore=ignored)
        for name in FILES:
            shutil.copy(ROOT / name, self.folder)

    def build(self, kind: str, into: Path, **environment: str) -> Path:
        """Build offline: what `make` downloaded is enough. The file that was built."""
        command = ["build", "--offline", kind, "--python", sys.executable, "--out-dir", str(into), str(self.folder)]
        done = uv(*command, PATH=str(self.nothing), **environment)
        if "not found in the cache" in done.stderr or "network was disabled" in done.stderr:
            pytest.skip("uv has not kept ziglang and hatchling, which `make` downloads")
        assert done.returncode == 0, done.stderr
        return next(path for path in into.iterdir() if path.suffix in (".whl", ".gz"))


def uv(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run uv with little more in its environment than where it keeps what it has downloaded."""
    home = {name: os.environ[name] for name in ("HOME", "UV_CACHE_DIR", "TMPDIR") if name in os.environ}
    return subprocess.run([str(UV), *arguments], env=home | environment, capture_output=True, text=True, check=False)
