"""The wheel in an environment of its own, built and installed once a session.

The environment is empty but for the wheel. Third-party packages come from the environment of the tests, which is added to
the path behind the new one's own folder, so that nothing has to be downloaded; `gru_tf` itself can only be the wheel's.
"""

import os
import subprocess
import sys
import sysconfig
from types import SimpleNamespace

import pytest
from checkout import Checkout, uv


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    return Checkout(folder, compiled=True).build("--wheel", folder / "dist")


@pytest.fixture(scope="session")
def place(wheel, tmp_path_factory):
    """An environment with the wheel, and programs in it that start in a folder far from the checkout."""
    folder = tmp_path_factory.mktemp("place")
    assert uv("venv", "--offline", "--python", sys.executable, str(folder / "venv")).returncode == 0
    python = folder / "venv" / "bin" / "python"
    done = uv("pip", "install", "--offline", "--no-deps", "--python", str(python), str(wheel))
    assert done.returncode == 0, done.stderr
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    before = subprocess.run([python, "-c", "import keras"], capture_output=True, text=True, check=False)
    assert "No module named 'keras'" in before.stderr, "the environment is empty but for the wheel"
    (site / "third_party.pth").write_text(f"{sysconfig.get_path('purelib')}\n")  # behind: the wheel's own comes first
    own = {name: os.environ[name] for name in ("HOME", "GRU_TF_CACHE", "TMPDIR", "LANG") if name in os.environ}
    own |= {"PATH": os.defpath, "COLUMNS": "120", "GRU_TF_BASELINES": "no", "GRU_TF_TIMING": "no"}

    def run(*command, **environment):
        (folder / "work").mkdir(exist_ok=True)
        program = [folder / "venv" / "bin" / command[0], *command[1:]]
        return subprocess.run(
            program, cwd=folder / "work", env=own | environment, capture_output=True, text=True, check=False
        )

    return SimpleNamespace(folder=folder, site=site, run=run)
