"""Settings of NumPy and TensorFlow: when they hold, and what a process says where they do not."""

import os
import subprocess
import sys
from importlib.metadata import version

import pytest
from core_library import is_served

from gru_tf.foundation import arithmetic

pytestmark = pytest.mark.skipif(not is_served(), reason="the settings are for Linux on x86-64 with AVX2")


def said(code, **environment):
    """What a new process prints that has these environment variables and none of the settings."""
    variables = {name: value for name, value in os.environ.items() if name not in arithmetic.READERS} | environment
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=variables, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


HELD = "from gru_tf.foundation import arithmetic; arithmetic.hold();"
WHY = "from gru_tf.foundation import arithmetic; print(arithmetic.why_not_held())"


def test_held_before_all_else():
    assert said(HELD + "import numpy; print(arithmetic.why_not_held())") == ""


def test_nothing_is_set_by_importing_the_package():
    assert said("import os, gru_tf, gru_tf.commands.main; " + WHY).endswith("is not set, expected '0' when Python starts")


def test_set_when_python_starts():
    assert said("import numpy;" + WHY, **arithmetic.settings()) == ""


def test_too_late():
    code = "import numpy; import gru_tf.foundation.held_arithmetic; " + WHY
    assert said(code) == "NPY_DISABLE_CPU_FEATURES was set after numpy was loaded"


def test_what_the_user_has_set_stays():
    code = HELD + "import os; print(os.environ['TF_ENABLE_ONEDNN_OPTS'], arithmetic.why_not_held(), sep='; ')"
    expected = "1; TF_ENABLE_ONEDNN_OPTS is '1', expected '0' when Python starts"
    assert said(code, TF_ENABLE_ONEDNN_OPTS="1") == expected


def test_numpy_and_its_linear_algebra_heed_them():
    code = """if True:
        import threadpoolctl
        from numpy._core import _multiarray_umath as numpy
        print(*[name for name in numpy.__cpu_dispatch__ if name != "X86_V3" and numpy.__cpu_features__[name]])
        print(*{(d["architecture"], d["num_threads"]) for d in threadpoolctl.threadpool_info() if d["user_api"] == "blas"})
    """
    if tuple(map(int, version("numpy").split(".")[:2])) < (2, 4):
        pytest.skip("an earlier NumPy names features otherwise")
    assert said(HELD + code.replace("if True:", "\nif True:")) == "('Sandybridge', 1)"


@pytest.mark.parametrize(("command", "held"), [("run", True), ("compare", True), ("speed", False), ("doctor", False)])
def test_commands_that_train_hold_their_own_process(command, held):
    code = f"""if True:
        import os, sys
        from unittest import mock
        sys.argv[1:] = ["{command}", "--help"]
        with mock.patch("sys.exit"), mock.patch("builtins.print"), open(os.devnull, "w") as sys.stdout:
            from gru_tf.commands import start
            start.main()
        sys.stdout = sys.__stdout__
        {WHY}
    """
    assert (said(code) == "") is held


def test_a_worker_process_is_held():
    code = """if True:
        from gru_tf.foundation import arithmetic
        from gru_tf.suite.engine import processes
        if __name__ == "__main__":
            pool = processes.pool(1, None)
            print(arithmetic.why_not_held() == "", repr(pool.schedule(arithmetic.why_not_held).result()))
            pool.stop(); pool.join()
    """
    assert said(code) == "False ''"


def test_what_another_machine_s_process_is_given(monkeypatch):
    for name in arithmetic.READERS:
        monkeypatch.delenv(name, raising=False)
    assert arithmetic.of_a_process() == arithmetic.settings()
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    assert arithmetic.of_a_process() == {**arithmetic.settings(), "TF_ENABLE_ONEDNN_OPTS": "1"}


def test_elsewhere_nothing_is_set(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    for name in arithmetic.READERS:
        monkeypatch.delenv(name, raising=False)
    arithmetic.hold()
    assert not arithmetic.READERS.keys() & os.environ.keys()
    assert arithmetic.of_a_process() == {}
    assert "this is Linux on aarch64" in arithmetic.why_not_held()
