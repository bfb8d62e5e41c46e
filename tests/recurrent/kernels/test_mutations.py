"""The comparisons with the equations are sharp: each of a long list of mistakes in the C sources is noticed.

Every mutation is compiled, without optimization and for float alone, and checked in a process of its own.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import c_compiler
import core_checks
import pytest
from c_compiler import compiled, level, linked
from core_library import is_served
from kernel_mutations import ALL

from gru_tf.recurrent import kernels
from gru_tf.recurrent.kernels import compilation

NOTICED = 3
CELLS = ("rnn.h", "lstm.h", "gru.h")  # only sequence.c computes with them
UNITS = (*compilation.BY_TYPE, *compilation.ONCE)
EACH = [pytest.param(file, *pair, id=f"{file}-{n}") for file, pairs in ALL.items() for n, pair in enumerate(pairs)]


def units_with(file):
    """The C files to compile again when this one has changed."""
    if file.endswith(".c"):
        return (file,)
    return ("sequence.c",) if file in CELLS else compilation.BY_TYPE


def build(units, source, folder):
    """An object file for each of these C files."""
    return {unit: compiled(source / unit, folder / f"{unit}.o", "-O0", level("x86-64-v3")) for unit in units}


@pytest.fixture(scope="session")
def original(tmp_path_factory):
    """The object files of the sources as they are."""
    if not is_served():
        pytest.skip("the sources are mutated on Linux on x86-64 with AVX2")
    if not c_compiler.command():
        pytest.skip(c_compiler.NONE)
    return build(UNITS, compilation.SOURCE, tmp_path_factory.mktemp("original"))


def check(library):
    """What a process says that compares the library with the equations: its exit code and its words."""
    folders = ":".join([str(Path(core_checks.__file__).parent), str(Path(kernels.__path__[0]).parents[2])])
    command = [sys.executable, core_checks.__file__, "quick", str(library)]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": folders}, timeout=300, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_the_sources_as_they_are_pass(original, tmp_path):
    code, words = check(linked(original.values(), tmp_path / "core.so"))
    assert (code, words.strip()) == (0, "right")


@pytest.mark.parametrize(("file", "text", "instead"), EACH)
def test_every_mutation_is_of_the_sources_as_they_are(file, text, instead):
    # a mutation of nothing would pass for one that nobody noticed
    assert (compilation.SOURCE / file).read_text().count(text) == 1
    assert text != instead


def test_every_file_that_computes_is_mutated():
    files = {file.name for file in compilation.SOURCE.glob("*.[ch]")}
    others = {
        "kernels.h",
        "threads.h",
        "memory.c",
        "functions.c",
        "processor.c",
        "tensorflow_c.h",
        "tensorflow_operations.c",
    }
    assert files == ALL.keys() | others


@pytest.mark.slow
@pytest.mark.parametrize(("file", "text", "instead"), EACH)
def test_mutations_are_noticed(original, file, text, instead, tmp_path):
    source = Path(shutil.copytree(compilation.SOURCE, tmp_path / "source"))
    (source / file).write_text((source / file).read_text().replace(text, instead))
    objects = {**original, **build(units_with(file), source, tmp_path)}
    code, words = check(linked(objects.values(), tmp_path / "core.so"))
    assert code == NOTICED, f"{file}: {text!r} became {instead!r}, and the comparisons say: {words}"
