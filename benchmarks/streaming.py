"""How long one streamed step takes, by the fused kernels, by TensorFlow and by PyTorch: `python benchmarks/streaming.py`.

    python benchmarks/streaming.py [--cells rnn,lstm,gru] [--units 64] [--features 1] [--batch 1] [--rounds 30]

A network of one layer and a dense head of one output; the state is carried from step to step, inputs and outputs are in
NumPy, and all use one thread. In each round every contestant takes its turn; of the times per step, wall and CPU, median
and quartiles. PyTorch takes part where it is installed: its cell module and a linear head in `torch.inference_mode`.
"""

import argparse
import importlib.util
import os
import time

import numpy as np

from gru_tf.foundation import startup

CELLS = {"rnn": "RNNCell", "lstm": "LSTMCell", "gru": "GRUCell"}  # with PyTorch's names
STEPS = 200  # a turn


def main():
    """Time all contestants and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", default=",".join(CELLS))
    for name, default in (("units", 64), ("features", 1), ("batch", 1), ("rounds", 30)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    inputs = np.random.default_rng(0).normal(size=(STEPS, options.batch, options.features)).astype("float32")
    for cell in options.cells.split(","):
        contestants = {name: make(cell, options) for name, make in MAKERS.items()}
        times = {name: [] for name, step in contestants.items() if step}
        for _ in range(options.rounds):
            for name, each in times.items():
                each.append(turn(contestants[name], inputs))
        for name, each in times.items():
            wall, cpu = zip(*each, strict=True)
            print(f"{cell:5} {name:11} {spread(wall)}, CPU {spread(cpu)}", flush=True)


def turn(step, inputs):
    """Microseconds a step: wall, and CPU of all threads."""
    wall, cpu = time.perf_counter(), time.process_time()
    for x in inputs:
        step(x)
    spent = time.perf_counter() - wall, time.process_time() - cpu
    return [seconds / len(inputs) * 1e6 for seconds in spent]


def spread(times):
    """Median and quartiles, e.g. "8.1 µs (7.9–8.4)"."""
    low, median, high = np.percentile(times, [25, 50, 75])
    return f"{median:.1f} µs ({low:.1f}–{high:.1f})"


def fused(cell, options):
    """A streamed step as `gru_tf.Streaming` takes it."""
    streaming = _streaming(cell, options)
    if streaming.kernel_path != "fused cpu":
        raise SystemExit(f"nothing to compare: {streaming.kernel_path}")
    return streaming.step


def compiled(cell, options):
    """The same where there are no kernels."""
    os.environ["GRU_TF_KERNELS"] = "off"
    streaming = _streaming(cell, options)
    del os.environ["GRU_TF_KERNELS"]
    return streaming.step


def _streaming(cell, options):
    with startup.quiet():
        import keras

        import gru_tf
        from gru_tf.training import trainer

        trainer.configure(1)
    keras.utils.set_random_seed(0)
    model = gru_tf.stacked(cell, options.units, features=options.features, outputs=1, return_sequences=True)
    return gru_tf.Streaming(model, options.batch)


def pytorch(cell, options):
    """PyTorch's cell and a linear head; None where it is not installed."""
    if importlib.util.find_spec("torch") is None:
        return None
    import torch

    torch.set_num_threads(1)
    recurrent = getattr(torch.nn, CELLS[cell])(options.features, options.units)
    head, state = torch.nn.Linear(options.units, 1), None

    def step(x):
        nonlocal state
        with torch.inference_mode():
            state = recurrent(torch.from_numpy(x), state)
            return head(state[0] if isinstance(state, tuple) else state).numpy()

    return step


MAKERS = {"fused": fused, "TensorFlow": compiled, "PyTorch": pytorch}

if __name__ == "__main__":
    main()
