"""Start-up messages are held back, C++'s as well, and nothing that matters is lost; garbage collection is off meanwhile."""

import gc
import os
import subprocess
import sys

import pytest

from gru_tf.foundation import startup


def written(code):
    """(exit status, stderr) of the code in a process of its own, whose stderr is a real file descriptor."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def test_what_c_and_python_write_inside_is_held_back(capfd):
    os.write(2, b"before|")
    with startup.quiet():
        os.write(2, b"chatter|")
    os.write(2, b"after")
    assert capfd.readouterr().err == "before|after"


@pytest.mark.parametrize("end", ["", "\\n"])
def test_python_text_inside_is_held_back_also_without_a_line_end(end):
    code = f"import sys; from gru_tf.foundation import startup\nwith startup.quiet(): sys.stderr.write('chatter{end}')\n"
    assert written(code) == (0, "")


def test_text_begun_before_the_block_is_not_lost():
    code = "import sys; from gru_tf.foundation import startup\nsys.stderr.write('begun')\nwith startup.quiet(): pass\n"
    assert written(code) == (0, "begun")


def failing(error):
    """(exit status, stderr) of a block that writes and raises."""
    block = f"os.write(2, b'why' + b': \\xff'); raise {error}"  # in two parts: Python 3.13 prints the line itself as well
    return written(f"import os; from gru_tf.foundation import startup, errors\nwith startup.quiet(): {block}")


def test_all_of_it_is_shown_where_the_block_fails():
    status, shown = failing("ImportError('no tensorflow')")
    assert status != 0
    assert shown.startswith("why: ")
    assert shown.endswith("ImportError: no tensorflow\n")


@pytest.mark.parametrize("error", ["errors.UserError('misspelt')", "KeyboardInterrupt()"])
def test_a_user_s_mistake_and_ctrl_c_need_no_chatter_to_explain_them(error):
    status, shown = failing(error)
    assert status != 0
    assert "why: " not in shown
    assert "Traceback" in shown


def test_no_descriptor_is_left_open():
    def descriptors():
        return len(os.listdir("/proc/self/fd"))

    before = descriptors()
    for _ in range(3):
        with startup.quiet():
            pass
    assert descriptors() == before


def test_a_log_level_that_the_user_chose_is_kept(monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    with startup.quiet():
        assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"


def test_the_collector_is_off_while_messages_are_held_back():
    with startup.quiet():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_older_notebooks_reach_it_by_its_former_name():
    code = "import os, gru_tf\nwith gru_tf.silence.startup(): os.write(2, b'chatter')"
    assert written(code) == (0, "")


def test_the_collector_is_off_in_the_block_alone():
    assert gc.isenabled()
    with startup.without_garbage_collection():
        assert not gc.isenabled()
        with startup.without_garbage_collection():
            assert not gc.isenabled()
        assert not gc.isenabled(), "the outer block has not ended"
    assert gc.isenabled()


def test_the_collector_is_on_again_after_a_failure():
    with pytest.raises(ZeroDivisionError), startup.without_garbage_collection():
        1 / 0  # noqa: B018
    assert gc.isenabled()


def test_the_collector_is_left_off_where_it_was_off():
    gc.disable()
    try:
        with startup.without_garbage_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
