"""The C sources are compiled at installation, by a compiler from the package index, and only where they have changed."""

import os
import platform
import shutil
import subprocess
import sys
import tarfile
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from checkout import Checkout
from places import ROOT

from gru_tf.recurrent.kernels import compilation
from gru_tf.recurrent.kernels.compilation import CompilationError, Compiler

PRETENDS = """#!/bin/sh
echo "$@" >> "$0.log"
for argument; do
  case $argument in
    *.c) if grep -q 'int broken(' "$argument"; then echo expected a parameter >&2; exit 1; fi ;;
  esac
  if [ "$before" = -o ]; then echo "$@" > "$argument"; fi
  before=$argument
done
"""


class Building:
    """A copy of the sources, a folder for the libraries, and a compiler that writes down what it was asked for."""

    def __init__(self, folder, monkeypatch):
        self.source = Path(shutil.copytree(compilation.SOURCE, folder / "source"))
        monkeypatch.setattr(compilation, "SOURCE", self.source)
        self.built, self.program = folder / "built", folder / "cc"
        self.program.write_text(PRETENDS)
        self.program.chmod(0o755)

    def build(self, *options, **arguments):
        return compilation.build(self.built, Compiler((str(self.program),), options), "x86_64", **arguments)

    def commands(self):
        """Those since the last question."""
        log = Path(f"{self.program}.log")
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def building(tmp_path, monkeypatch):
    return Building(tmp_path, monkeypatch)


LIBRARIES = {"kernels-generic.so", "kernels-x86-64-v3.so", "kernels-x86-64-v4.so", "operations.so", "processor.so"}


def test_every_source_is_compiled_for_each_level_and_each_type(building):
    assert building.build("-O3")
    assert {path.name for path in building.built.iterdir()} == LIBRARIES | {"about.json"}
    compiled = [line.split() for line in building.commands() if " -c " in line]
    for file in building.source.glob("*.c"):
        lines = [line for line in compiled if str(file) in line]
        types = 2 if any("-DREAL=float" in line for line in lines) else 1
        assert len(lines) == (1 if file.stem in ("processor", "tensorflow_operations") else 3 * types), file.name
        assert types == 1 or sum("-DREAL=double" in line for line in lines) == 3
    assert all({"-ffp-contract=off", "-fPIC", "-O3"} <= set(line) for line in compiled)
    assert not [line for line in compiled if "-ffast-math" in line or "-Ofast" in line]


def test_nothing_is_compiled_again_where_nothing_has_changed(building):
    assert building.build("-O3")
    before = {path: path.stat().st_mtime_ns for path in building.built.iterdir()}
    building.commands()
    for file in building.source.iterdir():
        file.touch()
    assert not building.build("-O3")
    assert building.commands() == []
    assert {path: path.stat().st_mtime_ns for path in building.built.iterdir()} == before


@pytest.mark.parametrize("name", ["gru.h", "sequence.c", "tensorflow_operations.c"])
def test_a_changed_source_is_compiled(building, name):
    building.build("-O3")
    first = compilation.about(building.built)["sources"]
    with (building.source / name).open("a") as file:
        file.write("/* changed */\n")
    assert building.build("-O3")
    assert compilation.about(building.built)["sources"] == compilation.digest() != first


def test_other_options_another_compiler_and_lost_or_damaged_libraries_are_compiled(building):
    building.build("-O3")
    assert building.build("-O2")
    assert not building.build("-O2")
    for damage in (Path.unlink, lambda file: file.write_text("damaged")):
        damage(building.built / "kernels-x86-64-v3.so")
        assert building.build("-O2")
    building.program = building.program.rename(building.program.with_name("gcc"))
    assert building.build("-O2")
    (building.built / "about.json").write_text("{")
    assert building.build("-O2")


def test_some_builds_alone(building):
    assert building.build(builds=["x86-64-v3"])
    assert {path.name for path in building.built.glob("*.so")} == {"kernels-x86-64-v3.so", "operations.so", "processor.so"}
    assert not building.build(builds=["x86-64-v3"])
    assert building.build()
    assert {path.name for path in building.built.glob("*.so")} == LIBRARIES


def test_a_program_that_runs_keeps_its_library(building):
    building.build("-O3")
    with (building.built / "operations.so").open() as held:
        building.build("-O2")
        assert "-O3" not in (building.built / "about.json").read_text()
        assert os.fstat(held.fileno()).st_ino != (building.built / "operations.so").stat().st_ino


def test_a_compiler_that_fails_is_heard_and_leaves_what_was_there(building):
    building.build("-O3")
    before = {path: path.read_bytes() for path in building.built.iterdir()}
    with (building.source / "threads.c").open("a") as file:
        file.write("int broken(\n")
    with pytest.raises(CompilationError, match=r"(?s)cc .*threads\.c.*\nexpected a parameter"):
        building.build("-O3")
    assert {path: path.read_bytes() for path in building.built.iterdir()} == before


def test_a_compiler_that_is_missing_is_named(building):
    building.program.unlink()
    with pytest.raises(CompilationError, match=r"cc: cannot be run, No such file or directory"):
        building.build("-O3")


def test_what_is_left_out_says_why_and_is_built_later(building):
    building.build("-O3")
    compilation.leave_out("the reason", building.built)
    assert [path.name for path in building.built.iterdir()] == ["about.json"]
    assert compilation.about(building.built)["why_not"] == "the reason"
    assert building.build("-O3")
    assert compilation.about(building.built)["why_not"] == ""


@pytest.fixture
def hook(monkeypatch):
    """The module of the build hook; hatchling, which calls it, is no part of this environment."""
    interface = ModuleType("hatchling.builders.hooks.plugin.interface")
    interface.BuildHookInterface = object
    monkeypatch.setitem(sys.modules, interface.__name__, interface)
    monkeypatch.delenv("GRU_TF_BUILD_KERNELS", raising=False)
    spec = spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("system", "machine", "tags", "served"),
    [
        ("Linux", "x86_64", ["manylinux_2_36_x86_64", "manylinux_2_17_x86_64", "linux_x86_64"], True),
        ("Linux", "aarch64", ["manylinux_2_17_aarch64"], True),
        ("Linux", "x86_64", ["musllinux_1_2_x86_64", "linux_x86_64"], False),
        ("Linux", "x86_64", ["manylinux_2_17_i686"], False),  # a 32-bit Python
        ("Linux", "s390x", ["manylinux_2_17_s390x"], False),
        ("Darwin", "arm64", ["macosx_14_0_arm64"], False),
        ("Darwin", "x86_64", ["macosx_14_0_x86_64"], False),
        ("Windows", "AMD64", ["win_amd64"], False),
    ],
)
def test_a_wheel_for_another_platform_says_why_it_has_no_library(building, hook, monkeypatch, system, machine, tags, served):
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(hook, "platform_tags", lambda: tags)
    compiler = Compiler((str(building.program),))
    here = SimpleNamespace(
        **{name: getattr(compilation, name) for name in ("BUILDS", "GLIBC", "ABOUT")},
        build=partial(compilation.build, building.built, compiler, machine),
        leave_out=partial(compilation.leave_out, folder=building.built),
        about=partial(compilation.about, building.built),
    )
    monkeypatch.setattr(hook, "_compilation", lambda _: here)
    of_the_wheel = {"artifacts": []}
    made = hook.KernelsHook()
    made.root = str(ROOT)
    made.initialize("standard", of_the_wheel)
    assert "/gru_tf/recurrent/kernels/built/about.json" in of_the_wheel["artifacts"]
    assert of_the_wheel.get("tag") == (f"py3-none-manylinux_2_17_{machine}" if served else None)
    libraries = [path.name for path in building.built.glob("*.so")]
    assert len(libraries) == (0 if not served else 5 if machine == "x86_64" else 3)
    assert len(of_the_wheel["artifacts"]) == 1 + len(libraries)
    words = f"no library is built for {system} {machine}, only for Linux with glibc on x86-64 and aarch64"
    assert here.about()["why_not"] == ("" if served else words)


def test_the_switch_is_on_or_off(hook, monkeypatch):
    monkeypatch.setenv("GRU_TF_BUILD_KERNELS", "no")
    with pytest.raises(ValueError, match="GRU_TF_BUILD_KERNELS: received 'no', expected on or off"):
        hook.why_not(compilation)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    return Checkout(tmp_path_factory.mktemp("building"))


def installed(wheel, folder):
    """What a program without the checkout says of the kernels in a wheel: build and reason."""
    shutil.unpack_archive(wheel, folder, "zip")
    code = "from gru_tf.recurrent import kernels; print(kernels.build()); print(kernels.why_not()); print(kernels.__file__)"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    build, why_not, file = done.stdout.splitlines()
    assert Path(file).is_relative_to(folder)
    return build, why_not


@pytest.mark.slow
def test_a_machine_without_a_compiler_builds_a_wheel_for_its_kind(checkout, tmp_path):
    wheel = checkout.build("--wheel", tmp_path / "wheel")
    assert wheel.name.endswith(f"-py3-none-manylinux_2_17_{platform.machine()}.whl")
    build, why_not = installed(wheel, tmp_path / "site")
    assert (build != "") == (why_not == "")
    assert build or "this processor has no AVX2" in why_not
    built = {path.name for path in (tmp_path / "site" / "gru_tf" / "recurrent" / "kernels" / "built").iterdir()}
    assert built == {"about.json", *compilation.about()["libraries"]}
    first = {path: path.stat().st_mtime_ns for path in (checkout.folder / "gru_tf/recurrent/kernels/built").iterdir()}
    checkout.build("--wheel", tmp_path / "again")
    assert {path: path.stat().st_mtime_ns for path in first} == first


@pytest.mark.slow
def test_building_can_be_turned_off(checkout, tmp_path):
    wheel = checkout.build("--wheel", tmp_path / "wheel", GRU_TF_BUILD_KERNELS="off")
    assert wheel.name.endswith("-py3-none-any.whl")
    reason = "no library was built: GRU_TF_BUILD_KERNELS=off when gru-tf was installed"
    assert installed(wheel, tmp_path / "site") == ("", reason)


@pytest.mark.slow
def test_a_source_distribution_has_the_c_sources_and_no_libraries(checkout, tmp_path):
    with tarfile.open(checkout.build("--sdist", tmp_path)) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"gru_tf/recurrent/kernels/source/{file.name}" for file in compilation.SOURCE.iterdir()} <= names
    assert "hatch_build.py" in names
    assert not [name for name in names if name.endswith(".so")]


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64" or not shutil.which("gcc"), reason="needs gcc on x86-64")
def test_a_memory_error_is_noticed_by_the_sanitizers(tmp_path):
    """That `make sanitize` can fail: the last vector of an array is written whole, behind its end."""
    source = Path(shutil.copytree(compilation.SOURCE, tmp_path / "source"))
    text = (source / "functions.c").read_text()
    part = "(size_t)(count - n < LANES ? count - n : LANES)"
    assert text.count(part) == 1
    preload = subprocess.run(
        ["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    environment = {**os.environ, "LD_PRELOAD": preload, "ASAN_OPTIONS": "detect_leaks=0"}
    program = "import ctypes, numpy as np; a = np.zeros(41, 'f4')"
    program += f"; ctypes.CDLL('{tmp_path}/core.so').gru_tf_tanh_float(a.ctypes, a.ctypes, ctypes.c_int64(41))"
    ends = []
    for changed in (text, text.replace(part, "LANES")):
        (source / "functions.c").write_text(changed)
        options = ("-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
        Compiler(("gcc",), options).core(tmp_path / "core.so", "x86-64-v3", source=source)
        command = [sys.executable, "-c", program]
        ends.append(subprocess.run(command, env=environment, capture_output=True, text=True, check=False))
    assert ends[0].returncode == 0, ends[0].stderr
    assert "heap-buffer-overflow" in ends[1].stderr
