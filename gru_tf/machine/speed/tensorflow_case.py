"""Prepares a case to be timed in TensorFlow: builds, traces, compiles and runs it once.

A training step is the one that `training.train` takes, in the same graph loop, so that no Python runs between steps. A
batch or a streamed step is one call from Python and ends with its outputs in NumPy, as in a user's program; the call
itself, 0.1 to 0.3 ms, is therefore part of a small case's time.
"""

import time
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.specs import Choice, ModelSpec, TrainingSpec
from gru_tf.foundation.errors import UserError
from gru_tf.interchange.streaming import Streaming
from gru_tf.machine.speed import pytorch_case
from gru_tf.machine.speed.cases import OUTPUTS, Case, PreparedCase
from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.kernels import operations
from gru_tf.recurrent.layers import recurrent
from gru_tf.tasks import Examples
from gru_tf.training import feeding
from gru_tf.training.batches import BatchPlan
from gru_tf.training.compiled_steps import CompiledSteps, kernel_path_of, on_gpu
from gru_tf.training.network.model import build
from gru_tf.training.network.resolution import resolve, resolve_run

KERNELS = {"fused": "fused cpu", "cudnn": "cudnn"}  # path → what its graph must contain, and no other's


def why_not_fused() -> str:
    """Why no layer computes by a fused CPU kernel in this process; empty where they do."""
    return "TensorFlow sees a GPU" if on_gpu() else operations.why_not()


def prepare(case: Case) -> PreparedCase:
    """`case` on random data, warmed up by one repeat.

    Raises:
        UserError: where the case's path is not available: no GPU, no kernels, no such layer, no PyTorch.
    """
    if case.path == "pytorch":
        return pytorch_case.prepare(case, tf.config.threading.get_intra_op_parallelism_threads(), on_gpu())
    if case.path == "cudnn" and not on_gpu():
        raise UserError(f"{case.cell.label}: path cudnn: TensorFlow sees no GPU")
    ready = {"train": _train, "infer": _infer, "stream": _stream}[case.what](case)
    if KERNELS.get(case.path) != (ready.kernel_path if ready.kernel_path in KERNELS.values() else None):
        raise UserError(f"{case.cell.label}: requested path {case.path}, but the graph contains {ready.kernel_path}")
    return ready


def _train(case: Case) -> PreparedCase:
    run = Run(
        purpose="final",
        task=Choice(name="speed"),
        cell=case.cell,
        seed=0,
        model=ModelSpec(units=case.units, implementation=case.implementation),
        training=TrainingSpec(batch_size=case.batch, jit=case.jit, deterministic=case.deterministic),
    )
    steps = CompiledSteps(run, resolve_run(run, case.signature), ("accuracy",), (case.timesteps,), case.ordinary)
    _without_cudnn(case, steps.model.layers)
    data = feeding.load(_examples(case), case.timesteps)
    steps.warm_up(data, test=False)
    return PreparedCase(
        lambda times: steps.train(data, _same_batch(case, times)),
        steps.compile_seconds,
        steps.kernel_path,
        steps.model.count_params(),
    )


def _infer(case: Case) -> PreparedCase:
    size = ModelSpec(units=case.units, implementation=case.implementation)
    model = build(resolve(size, case.signature, CELLS.find(case.cell.name), case.cell.options), ordinary=case.ordinary)
    _without_cudnn(case, model.layers)
    x = tf.constant(_examples(case).inputs)
    clock = time.perf_counter()
    forward = tf.function(lambda x: model(x, training=False), jit_compile=case.jit, autograph=False)
    path = kernel_path_of(forward.get_concrete_function(x).graph.as_graph_def(), case.jit)

    def repeat(times: int) -> None:
        for _ in range(times):
            forward(x).numpy()

    repeat(1)
    return PreparedCase(repeat, time.perf_counter() - clock, path, model.count_params())


def _stream(case: Case) -> PreparedCase:
    if case.path == "fused":
        return _stream_by_kernel(case)
    spec, head = CELLS.find(case.cell.name), keras.layers.Dense(OUTPUTS)
    if case.implementation == "custom":
        cell = spec.build(case.units, **case.cell.options)
    else:
        cell = recurrent(spec, case.units, case.cell.options, ordinary=case.ordinary).cell
    x = tf.constant(_examples(case).inputs[:, 0])
    start = cell.get_initial_state(batch_size=1)
    start = list(start) if isinstance(start, (list, tuple)) else [start]
    head(cell(x, start)[0])  # creates the weights

    def step(x: Any, states: Any) -> Any:
        output, states = cell(x, states)
        return head(output), states

    clock = time.perf_counter()
    compiled = tf.function(step, jit_compile=case.jit, autograph=False)

    def repeat(times: int) -> Any:
        states = start
        for _ in range(times):
            output, states = compiled(x, states)
            answer = output.numpy()
        return answer

    repeat(1)
    path = "xla step" if case.jit else "step"
    return PreparedCase(repeat, time.perf_counter() - clock, path, cell.count_params() + head.count_params())


def _stream_by_kernel(case: Case) -> PreparedCase:
    """By `gru_tf.Streaming`, which calls the kernels from NumPy."""
    size = ModelSpec(units=case.units)
    model = build(resolve(size, case.signature, CELLS.find(case.cell.name), case.cell.options))
    x = _examples(case).inputs[0, 0]
    clock = time.perf_counter()
    streaming = Streaming(model)

    def repeat(times: int) -> Any:
        streaming.reset()
        for _ in range(times):
            answer = streaming.step(x)
        return answer

    repeat(1)
    return PreparedCase(repeat, time.perf_counter() - clock, streaming.kernel_path, model.count_params())


def _without_cudnn(case: Case, layers: Iterable[Any]) -> None:
    """On a GPU, keep a stock layer that is timed as a plain loop from using cuDNN."""
    for layer in layers if case.path != "cudnn" and on_gpu() else ():
        if hasattr(layer, "use_cudnn"):
            layer.use_cudnn = False


def _examples(case: Case) -> Examples:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(case.batch, case.timesteps, case.features)).astype("float32")
    return Examples(inputs, rng.integers(0, OUTPUTS, case.batch), np.full(case.batch, case.timesteps))


def _same_batch(case: Case, times: int) -> BatchPlan:
    order = np.tile(np.arange(case.batch, dtype="int32"), (times, 1))
    return BatchPlan(order, np.ones_like(order, "float32"), np.zeros(times, "int32"))
