"""Which library is loaded, and that whatever is wrong with it becomes a reason in words, without which nothing fails."""

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from places import ROOT

from gru_tf.recurrent import kernels
from gru_tf.recurrent.kernels import compilation, library

SAY = "from gru_tf.recurrent import kernels; print(kernels.build()); print(kernels.why_not())"
V3 = {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"}  # as Linux calls them
V4 = V3 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
needs_libraries = pytest.mark.skipif(not (compilation.BUILT / compilation.OPERATIONS).is_file(), reason=kernels.why_not())


def run(code, wanted=None, folder=ROOT):
    """The output of a program in a process of its own, line by line.

    Args:
        wanted: GRU_TF_KERNELS; None where it is not set.
        folder: where the package lies.
    """
    environment = {name: value for name, value in os.environ.items() if name != library.VARIABLE}
    environment |= {"PYTHONPATH": str(folder)} | ({} if wanted is None else {library.VARIABLE: str(wanted)})
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def copied(tmp_path):
    """A copy of the libraries, which a test may damage."""
    return Path(shutil.copytree(compilation.BUILT, tmp_path / "built"))


@needs_libraries
@pytest.mark.skipif(platform.machine() != "x86_64", reason="levels are of x86-64")
def test_the_best_build_for_this_processor_is_loaded():
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    flags = set(next(line for line in lines if line.startswith("flags")).split())
    best = "x86-64-v4" if flags >= V4 else "x86-64-v3" if flags >= V3 else ""
    build, why_not = run(SAY)
    assert build == best
    assert (why_not == "") == (best != "")


@needs_libraries
def test_a_build_can_be_forced():
    assert run(SAY, "generic") == ["generic", ""]


def test_off_is_off_at_any_time(monkeypatch):
    monkeypatch.setenv(library.VARIABLE, "off")
    assert (kernels.build(), kernels.why_not()) == ("", "GRU_TF_KERNELS=off")
    with pytest.raises(RuntimeError, match="the fused kernels cannot be used: GRU_TF_KERNELS=off"):
        library.core()
    monkeypatch.setenv(library.VARIABLE, "")
    assert "off" not in kernels.why_not()


@needs_libraries
def test_an_unknown_build_is_not_taken_for_the_best_one():
    build, why_not = run(SAY, "x86-64-v5")
    assert build == ""
    assert why_not.startswith("GRU_TF_KERNELS: received 'x86-64-v5', expected off, a folder or one of ")


def test_neither_tensorflow_nor_keras_is_imported():
    assert run(f"import sys; {SAY}; print(sorted({{'tensorflow', 'keras', 'numpy'}} & set(sys.modules)))")[2] == "[]"


@pytest.mark.parametrize(
    ("machine", "level", "wanted", "expected"),
    [
        ("x86_64", 4, "", "x86-64-v4"),
        ("x86_64", 3, "", "x86-64-v3"),
        ("x86_64", 4, "x86-64-v3", "x86-64-v3"),
        ("x86_64", 0, "generic", "generic"),
        ("aarch64", 0, "", "generic"),
        ("x86_64", 0, "", "this processor has no AVX2 and fused multiply-add"),
        ("x86_64", 3, "x86-64-v4", "GRU_TF_KERNELS=x86-64-v4, but this processor has no AVX-512 (F, BW, CD, DQ, VL)"),
        ("x86_64", 0, "x86-64-v3", "GRU_TF_KERNELS=x86-64-v3, but this processor has no AVX2 and fused multiply-add"),
    ],
)
def test_no_build_is_loaded_that_the_processor_would_die_of(monkeypatch, tmp_path, machine, level, wanted, expected):
    processor = SimpleNamespace(gru_tf_processor_level=lambda: level)
    monkeypatch.setattr(library, "ctypes", SimpleNamespace(CDLL=lambda _: processor))
    monkeypatch.setattr(platform, "machine", lambda: machine)
    (tmp_path / compilation.PROCESSOR).write_bytes(b"")
    built = dict.fromkeys(map(compilation.library, compilation.BUILDS[machine]), "0f")
    about = {"libraries": {**built, compilation.PROCESSOR: compilation.sha256(tmp_path / compilation.PROCESSOR)}}
    try:
        chosen = library._choose(tmp_path, about, wanted)
    except library.UnusableError as error:
        chosen = str(error)
    assert chosen == expected


def edited(**changes):
    """A change of fields in what the folder says of itself."""

    def edit(folder):
        about = json.loads((folder / compilation.ABOUT).read_text())
        (folder / compilation.ABOUT).write_text(json.dumps(about | changes))

    return edit


def cut_off(folder):
    for file in folder.glob("*.so"):
        file.write_bytes(file.read_bytes()[:-1000])


def of_another_format(folder):
    """Each as it was built, so they say, and no library."""
    for file in folder.glob("*.so"):
        file.write_text("no library")
    edited(libraries={file.name: compilation.sha256(file) for file in folder.glob("*.so")})(folder)


DAMAGES = {
    "nothing there": (shutil.rmtree, "no library was built; `make` or `pip install .` builds it again"),
    "libraries deleted": (
        lambda folder: [file.unlink() for file in folder.glob("*.so")],
        "processor.so is missing; delete ",
    ),
    "operations deleted": (lambda folder: (folder / "operations.so").unlink(), "operations.so is missing; delete "),
    "cut off": (cut_off, "processor.so is not the file that was built; delete "),
    "no libraries": (of_another_format, "the library cannot be loaded: OSError: "),
    "not built": (edited(why_not="the reason"), "the reason"),
    "another machine": (edited(machine="s390x"), f"the library was built for s390x, and this is {platform.machine()}; "),
    "other sources": (edited(sources="0f"), "the C sources have changed since the library was built; "),
    "no JSON": (lambda folder: (folder / "about.json").write_text("{"), "the library cannot be loaded: JSONDecodeError: "),
    "no object": (lambda folder: (folder / "about.json").write_text("[]"), "the library cannot be loaded: ValueError: "),
    "no fields": (lambda folder: (folder / "about.json").write_text("{}"), "the library cannot be loaded: KeyError: "),
}


@needs_libraries
def test_a_folder_of_libraries_can_be_named(copied):
    assert run(SAY, copied) == run(SAY)


@needs_libraries
@pytest.mark.parametrize(("damage", "reason"), DAMAGES.values(), ids=DAMAGES)
def test_damage_becomes_a_reason(copied, damage, reason):
    damage(copied)
    build, why_not = run(SAY, copied)
    assert build == ""
    assert why_not.startswith(reason)


@needs_libraries
def test_a_process_that_is_forked_has_the_library_and_one_that_never_looked_finds_it():
    code = """
import os
from gru_tf.recurrent.kernels import library
for look in (False, True):
    if look:
        library.core()
    child = os.fork()
    if not child:
        os._exit(0 if library.core().gru_tf_forward_float else 1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert run(code, "generic") == ["0", "0"]


@needs_libraries
def test_threads_that_look_at_the_same_time_find_the_same_library():
    code = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from gru_tf.recurrent.kernels import library
barrier = Barrier(8)
def look(_):
    barrier.wait()
    return library.core()._handle
with ThreadPoolExecutor(8) as pool:
    print(len(set(pool.map(look, range(8)))))
"""
    assert run(code, "generic") == ["1"]


@needs_libraries
def test_kernels_that_were_given_up_stay_so():
    code = f"from gru_tf.recurrent.kernels import library; library.core(); library.refuse('given up'); {SAY}"
    assert run(code, "generic") == ["", "given up"]


@needs_libraries
@pytest.mark.slow
def test_operations_that_tensorflow_cannot_load_are_given_up(copied):
    (copied / compilation.OPERATIONS).write_bytes((copied / compilation.PROCESSOR).read_bytes()[:2000])
    about = compilation.about(copied)
    edited(libraries=about["libraries"] | {compilation.OPERATIONS: compilation.sha256(copied / compilation.OPERATIONS)})(
        copied
    )
    code = f"from gru_tf.recurrent.kernels import operations; print(operations.why_not()); {SAY}"
    first, build, why_not = run(code, copied)
    assert first.startswith("TensorFlow cannot load the operations: ")
    assert (build, why_not) == ("", first)


@pytest.mark.slow
def test_without_libraries_everything_works_and_says_so(tmp_path):
    shutil.copytree(ROOT / "gru_tf", tmp_path / "gru_tf", ignore=shutil.ignore_patterns("built", "__pycache__"))
    code = f"""
import numpy as np, gru_tf, keras
{SAY}
layer = gru_tf.GRU(3)
model = keras.Sequential([layer, keras.layers.Dense(1)])
model.compile("sgd", "mse", jit_compile=False)
print(float(model.fit(np.ones((2, 4, 3)), np.ones(2), verbose=0).history["loss"][0]) > 0)
print(layer.kernel_path())
from gru_tf.machine.doctor import facts
print(dict(facts.describe())["CPU kernels"])
from gru_tf.training import trainer
print(trainer.machine()["kernels"])
"""
    reason = "no library was built; `make` or `pip install .` builds it again"
    build, why_not, trained, path, doctor, record = run(code, folder=tmp_path)
    assert (build, why_not, trained) == ("", reason, "True")
    assert path.startswith("while-loop")
    assert (doctor, record) == (f"none, {reason}", reason)
