"""A function waits for a module: each case in a process of its own, for imports cannot be taken back."""

import subprocess
import sys

import pytest

CALLED = "import sys; from gru_tf.foundation import after_import\n"
HOOK = """
import builtins
def note(module):
    builtins.noted = [*getattr(builtins, "noted", []), (module.__name__, module.VALUE)]
"""


@pytest.fixture
def told(tmp_path):
    """What a program prints beside the modules `late` and `hook`."""
    (tmp_path / "late.py").write_text("VALUE = 3\n")
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "hook.py").write_text(HOOK)

    def run(code):
        code = f"import builtins; sys_path = __import__('sys').path.insert(0, {str(tmp_path)!r})\n{CALLED}{code}"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.split("\n")[:-1]

    return run


def test_it_is_called_once_when_the_module_is_whole(told):
    code = (
        "after_import.call('hook:note', 'late'); print('hook' in sys.modules)\n"
        "import late; import late; from importlib import reload; reload(late); print(builtins.noted, len(sys.meta_path))\n"
    )
    before, after = told("print(len(sys.meta_path))")[0], told(code)
    assert after == ["False", f"[('late', 3)] {before}"]


def test_it_is_called_at_once_where_the_module_is_there(told):
    assert told("import late; after_import.call('hook:note', 'late'); print(builtins.noted)") == ["[('late', 3)]"]


def test_looking_for_the_module_is_no_import_of_it(told):
    code = (
        "from importlib.util import find_spec; after_import.call('hook:note', 'late')\n"
        "print(find_spec('late').origin[-7:], hasattr(builtins, 'noted'))\nimport late; print(builtins.noted)"
    )
    assert told(code) == ["late.py False", "[('late', 3)]"]


def test_a_module_that_is_not_there_or_cannot_be_imported_fails_as_ever(told):
    code = (
        "after_import.call('hook:note', 'absent'); after_import.call('hook:note', 'broken')\n"
        "for name in ('absent', 'broken'):\n"
        "    try: __import__(name)\n"
        "    except (ImportError, ZeroDivisionError) as error: print(error, hasattr(builtins, 'noted'))"
    )
    assert told(code) == ["No module named 'absent' False", "division by zero False"]


def test_what_a_loader_offers_beside_stays(told):
    code = "after_import.call('hook:note', 'late'); import late; print(type(late.__loader__).__name__, late.__spec__.name)"
    assert told(code) == ["SourceFileLoader late"]
