"""Where a run took place: versions, commit, device, threads; recorded with every result."""

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

from gru_tf.foundation.digest import sha256_of_parts

PACKAGE = Path(__file__).parents[1]  # the folder gru_tf
PACKAGES = ("gru-tf", "tensorflow", "keras", "keras-tuner", "mlflow", "numpy", "scikit-learn")


@cache
def commit() -> str:
    """The commit of the package's checkout, "-dirty" if it was changed since; "" outside a checkout."""
    try:
        command = ["git", "-C", str(PACKAGE), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


@cache
def versions() -> dict[str, str]:
    """Python's version and those of the packages that decide a run's numbers."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


@cache
def source() -> str:
    """This package and those that it builds on, in 16 digits: no other version goes on from a checkpoint of this one."""
    files = [file for ending in ("py", "c", "h") for file in sorted(PACKAGE.rglob(f"*.{ending}"))]
    return sha256_of_parts([repr(sorted(versions().items())).encode(), *files])[:16]


@cache
def processor() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load() -> tuple[float, float, float] | None:
    """Processes running or waiting, averages over 1, 5 and 15 minutes; None where the system does not count them."""
    try:
        return os.getloadavg()
    except (AttributeError, OSError):
        return None


def reset_peak_memory() -> None:
    """Start a new count of the process's peak memory, where the system can (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return  # the peak then counts from the process's start, which is an upper bound


def peak_memory_mb() -> float:
    """Peak resident memory of this process in MiB, since the last reset where the system can."""
    status = Path("/proc/self/status")
    if status.is_file():
        fields = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines() if ":" in line)
        return int(fields["VmHWM"].split()[0]) / 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 if os.uname().sysname != "Darwin" else 1024**2)
