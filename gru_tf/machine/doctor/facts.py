"""Facts about this machine: versions, devices, threads, data and store."""

import os
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

import psutil

from gru_tf.data import datasets
from gru_tf.foundation import environment
from gru_tf.recurrent import kernels
from gru_tf.suite.engine import processes
from gru_tf.suite.tracking import default_uri

OPTIONAL = {"ray": "--engine ray", "torch": "compared in gru-tf speed", "onnxruntime": "ONNX"}
GIB = 1024**3


def describe() -> Iterator[tuple[str, str]]:
    """(name, value) of each fact; initialises TensorFlow's devices."""
    import keras
    import tensorflow as tf

    from gru_tf.recurrent.kernels import operations

    yield "versions", ", ".join(f"{name} {number}" for name, number in environment.versions().items())
    yield "optional", ", ".join(f"{name} {_version(name) or f'not installed ({what})'}" for name, what in OPTIONAL.items())
    yield "Keras backend", keras.backend.backend()
    cores, memory = environment.cores(), psutil.virtual_memory().total / GIB
    yield "processor", f"{environment.processor()}, {cores} of {os.cpu_count()} cores usable, {memory:.0f} GiB of memory"
    gpus = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    yield "GPU", ", ".join(str(details.get("device_name", "GPU")) for details in gpus) or "none that TensorFlow sees"
    yield "cuDNN", _cudnn(tf.sysconfig.get_build_info(), bool(gpus))
    yield "CPU kernels", _kernels(operations.why_not())
    workers = len(processes.devices(None))
    yield "gru-tf run", f"{workers} worker{'s' * (workers > 1)} of 1 thread; override with --workers and --threads"
    yield "store", default_uri()
    yield "data", f"{os.environ.get(datasets.FOLDERS) or f'{datasets.FOLDERS} is not set'}; cache {datasets.cache()}"


def _kernels(why_not: str) -> str:
    return f"none, {why_not}" if why_not else f"fused, build {kernels.build()}"


def _cudnn(build: dict[str, str], gpu: bool) -> str:
    if not build.get("is_cuda_build"):
        return "not in this build of TensorFlow: on a machine with an NVIDIA GPU, pip install 'gru-tf[gpu]'"
    return f"this build needs version {build.get('cudnn_version', 'unknown')}" + ("" if gpu else ", but there is no GPU")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
