"""The same bits from every build, for every length of vectors, by any number of threads, every time."""

import platform
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import c_compiler
import core_checks
import numpy as np
import pytest
from core_checks import CELLS, WITHIN, made, name_of, results
from core_library import Core, processor_has

from gru_tf.recurrent import kernels
from gru_tf.recurrent.kernels import compilation

FOLDERS = [str(Path(core_checks.__file__).parent), str(Path(kernels.__path__[0]).parents[2])]


def printed(monkeypatch, build, *arguments):
    """What `core_checks.py bits` prints in a process of its own, with this build forced."""
    monkeypatch.setenv("PYTHONPATH", ":".join(FOLDERS))
    monkeypatch.setenv("GRU_TF_KERNELS", build)
    command = [sys.executable, str(Path(core_checks.__file__)), "bits", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture(scope="session")
def expected(core):
    """The digest of all results of this process' build by one thread."""
    return core_checks.digest(core)


@pytest.mark.slow
@pytest.mark.parametrize("build", ["x86-64-v3", "x86-64-v4", "generic"])
def test_builds_for_other_processors(expected, build, monkeypatch):
    if build not in compilation.BUILDS[platform.machine()]:
        pytest.skip(f"{build} is not made for {platform.machine()}")
    if build == "x86-64-v4" and not processor_has("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"):
        pytest.skip("this processor has no AVX-512; the vectors of 64 bytes are compared by another test")
    assert printed(monkeypatch, build) == [build, expected]


def test_a_forced_build_is_what_runs(library, monkeypatch):
    # or else the comparison above would be of one build with itself
    monkeypatch.setenv("PYTHONPATH", ":".join(FOLDERS))
    monkeypatch.setenv("GRU_TF_KERNELS", "generic")
    code = """if True:
        from gru_tf.recurrent.kernels import library
        library.core()
        loaded = {line.split("/")[-1].strip() for line in open("/proc/self/maps") if "/kernels-" in line}
        print(library.build(), "kernels-x86-64-v3.so" in loaded)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.split() == ["generic", "False"]


def compiled(folder, *options, source=compilation.SOURCE):
    """The library by this machine's compiler, for AVX2."""
    if not c_compiler.command():
        pytest.skip(c_compiler.NONE)
    target = folder / "core.so"
    compilation.Compiler(c_compiler.command(), ("-O1",)).core(target, "x86-64-v3", options, source)
    return target


@pytest.mark.slow
@pytest.mark.parametrize("vector_bytes", [16, 32, 64])
def test_other_lengths_of_vectors(expected, vector_bytes, tmp_path, monkeypatch):
    target = compiled(tmp_path, f"-DVECTOR_BYTES={vector_bytes}")
    assert printed(monkeypatch, "x86-64-v3", target) == [str(target), expected]


@pytest.mark.slow
def test_one_rounding_more_is_seen(expected, tmp_path, monkeypatch):
    # what a compiler does that does not keep to the fused multiply-add
    source = Path(shutil.copytree(compilation.SOURCE, tmp_path / "source"))
    text = (source / "vector.h").read_text()
    start = text.index("{", text.index("INLINE vector fma_("))
    apart = f"{text[:start]}{{ return a * b + c; }}\nINLINE vector unused(vector a, vector b, vector c) {text[start:]}"
    (source / "vector.h").write_text(apart)
    target = compiled(tmp_path, source=source)
    name, digest = printed(monkeypatch, "x86-64-v3", target)
    assert name == str(target)
    assert digest != expected


@pytest.mark.slow
@pytest.mark.parametrize("threads", [2, 3, 16])
def test_all_shapes_by_more_threads(library, expected, threads):
    assert core_checks.digest(Core(library, threads=threads)) == expected


@pytest.mark.parametrize("dtype", list(WITHIN))
@pytest.mark.parametrize("layer", CELLS, ids=name_of)
def test_more_threads(library, layer, dtype):
    for shape in ((33, 4, 7, 13), (150, 3, 5, 17), (1, 2, 3, 5)):
        case = made(layer, shape, "gaps", dtype=dtype)
        alone = results(Core(library, threads=1), case)
        for threads in (2, 3, 5, 300):
            for name, array in results(Core(library, threads=threads), case).items():
                np.testing.assert_array_equal(array, alone[name], err_msg=f"{threads} threads: {name}")


@pytest.mark.parametrize("layer", CELLS, ids=name_of)
def test_the_rest_of_a_batch_changes_nothing(core, layer):
    # a row's answer is its own, wherever it stands among tiles and threads
    case = made(layer, (33, 4, 7, 13), "gaps")
    whole = core.forward(layer, case.arrays)
    for row in (0, 7, 32):
        one = slice(row, row + 1)
        given, states = case.arrays, [state[one] for state in case.arrays.states]
        arrays = replace(given, inputs=given.inputs[one], states=states, mask=given.mask[one])
        np.testing.assert_array_equal(core.forward(layer, arrays).outputs[0], whole.outputs[row])
