"""Compiles the C sources into libraries, one for each level of processor: what the package's build hook does.

The hook loads this file by itself, where nothing of the package can be imported: it needs the standard library alone, and
`ziglang`, a C compiler from the package index. Libraries lie in `built/` with `about.json`, which says what they were
built from; where nothing was built, it says why.
"""

import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
SOURCE = FOLDER / "source"
BUILT = FOLDER / "built"
ABOUT = "about.json"
OPERATIONS, PROCESSOR = "operations.so", "processor.so"

# Machine → name of each build → its -march; "" for the machine's baseline.
BUILDS: dict[str, dict[str, str]] = {
    "x86_64": {"x86-64-v4": "x86-64-v4", "x86-64-v3": "x86-64-v3", "generic": ""},
    "aarch64": {"generic": ""},
}
FLAGS = ("-std=gnu11", "-fPIC", "-ffp-contract=off", "-fvisibility=hidden", "-pthread")
TYPES = {"float": ("-DREAL=float",), "double": ("-DREAL=double", "-DREAL_IS_DOUBLE")}
BY_TYPE = ("sequence.c", "weights.c", "inputs.c", "matrix.c", "functions.c")  # compiled once for each type
ONCE = ("threads.c", "memory.c")
ZIG_CACHES = ("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR")
GLIBC = "2.17"  # the oldest C library that the libraries load with: manylinux2014's


class CompilationError(RuntimeError):
    """The compiler is missing, or refused the sources: its command and its words."""


def library(build: str) -> str:
    """The file name of a build's library."""
    return f"kernels-{build}.so"


def zig(machine: str) -> tuple[str, ...]:
    """The command of the C compiler that comes as a Python package."""
    return (sys.executable, "-m", "ziglang", "cc", "-target", f"{machine}-linux-gnu.{GLIBC}")


def digest() -> str:
    """64 hexadecimal digits of the C sources and of how they are compiled."""
    total = hashlib.sha256()
    for file in (*sorted(SOURCE.glob("*.[ch]")), Path(__file__)):
        total.update(f"{file.name} ".encode() + file.read_bytes())
    return total.hexdigest()


def about(folder: Path = BUILT) -> dict[str, Any]:
    """What a folder of libraries says of itself.

    Raises:
        OSError, ValueError: where it says nothing, or nothing that can be read.
    """
    content = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{folder / ABOUT}: received {content!r}, expected an object")
    return content


def sha256(file: Path) -> str:
    """64 hexadecimal digits of a file's content; "" where there is no such file."""
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


@dataclass(frozen=True)
class Compiler:
    """How files are compiled.

    Args:
        command: of the compiler.
        options: how it optimizes and checks.
    """

    command: tuple[str, ...]
    options: tuple[str, ...] = ("-O3", "-g0")

    @property
    def name(self) -> str:
        """Command or version: what decides the libraries' bytes."""
        return f"ziglang {version('ziglang')}" if self._is_zig else " ".join(self.command)

    @property
    def _is_zig(self) -> bool:
        return "ziglang" in self.command

    def core(self, output: Path, march: str = "", options: Sequence[str] = (), source: Path | None = None) -> None:
        """Compile the library of one level of processor.

        Args:
            output: the file to write.
            march: the level, such as "x86-64-v3"; "" for the machine's baseline.
            options: more of the compiler's, such as -DVECTOR_BYTES=64.
            source: the folder of the sources; the package's if None.

        Raises:
            CompilationError: where the compiler is missing or fails.
        """
        source = source or SOURCE
        units = [(source / name, flags) for name in BY_TYPE for flags in TYPES.values()]
        units += [(source / name, ()) for name in ONCE]
        level = [f"-march={march.replace('-', '_') if self._is_zig else march}"] if march else []
        self._library(output, [(file, (*flags, *level, *options)) for file, flags in units], ["-lm", "-Wl,-z,defs"])

    def operations(self, output: Path) -> None:
        """Compile TensorFlow's operations; when loaded, they look up all their symbols, of TensorFlow and of the core.

        Raises:
            CompilationError: where the compiler is missing or fails.
        """
        self._library(output, [(SOURCE / "tensorflow_operations.c", ())], ["-Wl,-z,now"])

    def processor(self, output: Path) -> None:
        """Compile what tells the level of a processor, and runs on any.

        Raises:
            CompilationError: where the compiler is missing or fails.
        """
        self._library(output, [(SOURCE / "processor.c", ())], [])

    def _library(self, output: Path, units: Sequence[tuple[Path, Sequence[str]]], link: Sequence[str]) -> None:
        """Compile files with the flags of each, and link them; what they need is in a folder that is gone afterwards."""
        with tempfile.TemporaryDirectory(prefix=".objects-", dir=output.parent) as folder:
            objects = [str(Path(folder, f"{number}.o")) for number in range(len(units))]
            for (file, flags), into in zip(units, objects, strict=True):
                self._run([*flags, "-c", str(file), "-o", into], folder)
            # zig first compiles a runtime library, 9 s, unless told that none is needed; the C library is then to be named
            libraries = ["-nostdlib", "-lc"] if self._is_zig else []
            self._run(["-shared", *objects, "-o", str(output), *libraries, *link], folder)

    def _run(self, arguments: Sequence[str], folder: str) -> None:
        command = [*self.command, *FLAGS, *self.options, *arguments]
        # what zig keeps of a compilation is not left in a user's home
        cache = {name: os.environ.get(name, folder) for name in ZIG_CACHES}
        try:
            done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **cache}, check=False)
        except OSError as error:
            raise CompilationError(f"{command[0]}: cannot be run, {error.strerror}") from error
        if done.returncode:
            raise CompilationError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def build(
    folder: Path = BUILT,
    compiler: Compiler | None = None,
    machine: str = platform.machine(),
    builds: Sequence[str] = (),
) -> bool:
    """Compile the libraries for a kind of processor, unless the folder has them from the same sources and compiler.

    Args:
        folder: where they go.
        compiler: zig's if None.
        machine: "x86_64" or "aarch64".
        builds: which levels of processor; all of this kind's if empty.

    Returns:
        Whether anything was compiled.

    Raises:
        CompilationError: where the compiler is missing or fails.
    """
    compiler = compiler or Compiler(zig(machine))
    recipe = {"machine": machine, "sources": digest(), "compiler": compiler.name, "options": list(compiler.options)}
    chosen = {name: BUILDS[machine][name] for name in builds or BUILDS[machine]}
    if _has(folder, recipe, chosen):
        return False
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".compiling-", dir=folder) as temporary:
        files = _compile(Path(temporary), compiler, chosen)
        libraries = {file.name: sha256(file) for file in files}
        for file in files:  # a program that has a library loaded keeps the old file
            os.replace(file, folder / file.name)
    _write_about(folder, {**recipe, "why_not": "", "libraries": libraries})
    return True


def leave_out(reason: str, folder: Path = BUILT) -> None:
    """Say in a folder why it has no libraries, and remove those of an earlier build."""
    for file in folder.glob("*.so"):
        file.unlink()
    _write_about(folder, {"machine": platform.machine(), "why_not": reason, "libraries": {}})


def _compile(folder: Path, compiler: Compiler, builds: Mapping[str, str]) -> list[Path]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        files = {folder / library(name): march for name, march in builds.items()}
        waiting = [pool.submit(compiler.core, file, march) for file, march in files.items()]
        waiting.append(pool.submit(compiler.operations, folder / OPERATIONS))
        waiting.append(pool.submit(compiler.processor, folder / PROCESSOR))
        for done in waiting:
            done.result()
    return [*files, folder / OPERATIONS, folder / PROCESSOR]


def _has(folder: Path, recipe: Mapping[str, Any], builds: Iterable[str]) -> bool:
    try:
        recorded = about(folder)
    except (OSError, ValueError):
        return False
    libraries = recorded.get("libraries", {})
    same = all(recorded.get(name) == value for name, value in recipe.items()) and {*map(library, builds)} <= {*libraries}
    return same and all(sha256(folder / name) == digits for name, digits in libraries.items())


def _write_about(folder: Path, content: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / f".{ABOUT}-{os.getpid()}"
    new.write_text(json.dumps(content, indent=1), encoding="utf-8")
    os.replace(new, folder / ABOUT)


if __name__ == "__main__":  # FOLDER BUILD COMPILER OPTION …
    build(Path(sys.argv[1]), Compiler((sys.argv[3],), tuple(sys.argv[4:])), builds=sys.argv[2:3])
