"""A whole run gives the same bits on another processor: with other caches, forms of libraries, builds and threads."""

import json
import os
import subprocess
import sys
from pathlib import Path

import another_processor
import pytest
from core_library import is_served, processor_has

from gru_tf.foundation import arithmetic
from gru_tf.recurrent import kernels

pytestmark = pytest.mark.slow
FOLDERS = [str(Path(another_processor.__file__).parent), str(Path(kernels.__path__[0]).parents[2])]

RUNS = [
    # 1,280 targets a batch, more than Eigen sums at once; 110 units, whose decomposition it cuts; dropout
    {
        "task": {"copy_memory": {"delay": 20, "examples": 320, "validation_examples": 64, "test_examples": 64}},
        "cell": "rnn",
        "model": {"units": 110, "dropout": 0.2},
        "training": {"epochs": 2},
    },
    # two layers in both directions, another task, clipping, noise on the weights, and a rate that falls on a plateau
    {
        "task": {"adding": {"length": 20, "examples": 320, "validation_examples": 64, "test_examples": 64}},
        "cell": "lstm",
        "model": {"units": 21, "layers": 2, "bidirectional": True},
        "training": {
            "epochs": 3,
            "clip": "weight",
            "optimizer": "rmsprop",
            "momentum": 0.9,
            "centered": True,
            "weight_noise": 0.075,
            "decay": "plateau",
            "decay_every": 1,
            "decay_factor": 0.5,
        },
    },
    # classes, and the other gated cell
    {"task": "digits", "cell": "gru", "model": {"parameters": 4000}, "training": {"epochs": 1}},
]
RUNS = [{"purpose": "final", "seed": 3, **run} for run in RUNS]

OTHERS = {
    "oneDNN for a processor without AVX": {"ONEDNN_MAX_CPU_ISA": "SSE41"},
    "OpenBLAS and NumPy for an older one": {"OPENBLAS_CORETYPE": "Prescott", "NPY_DISABLE_CPU_FEATURES": "X86_V3"},
    "kernels in vectors of 16 bytes": {"GRU_TF_KERNELS": "generic"},
    "two threads": {"THREADS": "2"},
    "three threads": {"THREADS": "3"},
}
if processor_has("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"):
    OTHERS |= {"kernels for AVX2": {"GRU_TF_KERNELS": "x86-64-v3"}, "kernels for AVX-512": {"GRU_TF_KERNELS": "x86-64-v4"}}


def trained(runs=RUNS, *mends, cache=0, without=(), **environment):
    """What the runs left behind in a process of these environment variables, without the settings named."""
    if not is_served():
        pytest.skip("bits are held on Linux on x86-64 with AVX2")
    held = {name: value for name, value in arithmetic.settings().items() if name not in without}
    variables = {**os.environ, **held, "PYTHONPATH": ":".join(FOLDERS), "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    for name in without:
        variables.pop(name, None)
    command = [sys.executable, another_processor.__file__, json.dumps(runs), str(cache), *mends]
    done = subprocess.run(command, capture_output=True, text=True, env=variables, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    if found == another_processor.UNKNOWN:
        pytest.skip("this TensorFlow does not tell where Eigen keeps the sizes of the caches")
    return found


@pytest.fixture(scope="module")
def here():
    """What the runs give on this processor, by one thread."""
    return trained()


def numbers(found):
    """Without what the record says of bits: the settings of another processor are not the ones it expects."""
    return [[path, *rest] for path, _, *rest in found]


def test_bits_are_recorded_as_held(here):
    assert [(path, bits) for path, bits, *_ in here] == [("fused cpu", "held")] * len(RUNS)


@pytest.mark.parametrize("environment", OTHERS.values(), ids=OTHERS)
def test_the_same_bits(here, environment):
    assert numbers(trained(**environment)) == numbers(here)


@pytest.mark.parametrize("cache", [24, 48])
def test_the_same_bits_with_another_first_cache(here, cache):
    assert trained(cache=cache) == here


@pytest.mark.parametrize("mend", ["dense", "initial values"])
def test_a_mend_taken_back_is_noticed(mend):
    # or else the comparisons above would find no difference because they cannot
    runs = RUNS[:1]
    assert numbers(trained(runs, mend, cache=32)) != numbers(trained(runs, mend, cache=48))


def test_onednn_let_in_is_noticed():
    runs, let_in = RUNS[:1], ("TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL",)
    found = [trained(runs, "dense", without=let_in, ONEDNN_MAX_CPU_ISA=isa) for isa in ("AVX2", "SSE41")]
    assert numbers(found[0]) != numbers(found[1])
    assert all("TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL is not set" in bits for _, bits, *_ in found[0] + found[1])
