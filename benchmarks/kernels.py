"""A training step of a recurrent layer: fused kernel, Keras + XLA and PyTorch in turn, beside the floor of its arithmetic.

    python benchmarks/kernels.py [--cells rnn,lstm,gru] [--shapes 32x100x32x64,…] [--threads 1] [--rounds 9]

A step is the layer's last output, a squared error, the gradients of all weights and a tiny update; the layer is the first
of its network, so nobody asks for the gradient of its inputs. TensorFlow's steps run in one graph loop, PyTorch's in a
loop in Python. Shapes are batch × steps × features × units; the first has the units of experiments/yardstick.yaml.

The floor is the step's matrix products at the rate of a large one, measured in each round as well. Times are milliseconds
of the processor (cpu: of all threads together, which other work on the machine disturbs least) and of the clock (wall).
Median (quartiles) over the rounds; ratios are those of the same round, likewise.
"""

import argparse
import resource
import time
from importlib.util import find_spec

import numpy as np

from gru_tf.foundation import startup

UNITS = {"rnn": 107, "lstm": 54, "gru": 62}  # experiments/yardstick.yaml's
SHAPES = "32x64x1,32x100x32x64,64x100x64x128"
KERNEL, XLA, KERAS, TORCH, PRODUCT = "fused", "keras xla", "keras", "pytorch", "product"
TINY = 1e-9  # of an update: the weights, and so the work, stay what they are


def contestants(cell, shape, paths, threads):
    """Path → (what runs a number of steps, seconds that it took to prepare)."""
    prepare = {KERNEL: in_tensorflow, XLA: in_tensorflow, KERAS: in_tensorflow, TORCH: in_pytorch}
    ready = {}
    for path in paths:
        started = time.perf_counter()
        steps = prepare[path](cell, shape, path, threads)
        steps(1)
        ready[path] = steps, time.perf_counter() - started
    return ready


def arrays(shape):
    """Inputs (batch, steps, features) and targets (batch, units)."""
    batch, timesteps, features, units = shape
    rng = np.random.default_rng(0)
    return [rng.normal(size=size).astype("float32") for size in ((batch, timesteps, features), (batch, units))]


def in_tensorflow(cell, shape, path, threads):
    """Steps of this project's layer, or of Keras' own with or without XLA.

    Raises:
        SystemExit: where this project's layer does not take the fused kernel.
    """
    import tensorflow as tf

    from gru_tf.recurrent.cells import CELLS
    from gru_tf.recurrent.layers import recurrent
    from gru_tf.training.compiled_steps import kernel_path_of

    x, y = map(tf.constant, arrays(shape))
    layer = recurrent(CELLS.find(cell), shape[-1], {}, ordinary=path != KERNEL)
    layer.build(x.shape)
    weights = [weight.value for weight in layer.trainable_weights]

    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum((layer(x, training=True) - y) ** 2)
        for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
            weight.assign_sub(TINY * gradient)
        return loss

    one = tf.function(step, jit_compile=path == XLA, autograph=False)

    def loop(count):
        def body(i, total):
            return i + 1, total + one(x, y)

        return tf.while_loop(lambda i, _: i < count, body, (tf.constant(0), tf.constant(0.0)))[1]

    steps = tf.function(loop, autograph=False)
    taken = kernel_path_of(one.get_concrete_function(x, y).graph.as_graph_def(), path == XLA)
    if (path == KERNEL) != (taken == "fused cpu"):
        raise SystemExit(f"{cell}, {path}: the graph contains {taken}; {getattr(layer, 'kernel_path', str)()}")
    return lambda count: steps(tf.constant(count)).numpy()


def in_pytorch(cell, shape, path, threads):
    """Steps of PyTorch's layer."""
    import torch

    torch.set_num_threads(threads)
    x, y = map(torch.from_numpy, arrays(shape))
    layer = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell](shape[2], shape[3], batch_first=True)
    weights = list(layer.parameters())

    def steps(count):
        for _ in range(count):
            layer.zero_grad()
            loss = ((layer(x)[0][:, -1] - y) ** 2).sum()
            loss.backward()
            with torch.no_grad():
                for weight in weights:
                    weight.sub_(TINY * weight.grad)
        return loss.item()

    return steps


def product(size=1024):
    """Steps that are matrix products of 2 · size³ operations."""
    import tensorflow as tf

    a = tf.constant(np.random.default_rng(0).normal(size=(size, size)).astype("float32"))
    multiply = tf.function(lambda a: tf.reduce_sum(tf.matmul(a, a)[0]), autograph=False)

    def steps(count):
        for _ in range(count):
            multiply(a).numpy()

    steps.flops = 2 * size**3
    return steps


def seconds():
    """What the processor's clock and the clock on the wall say."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return np.array([used.ru_utime + used.ru_stime, time.perf_counter()])


def per_step(steps, count):
    """Milliseconds of one of `count` steps, by both clocks."""
    began = seconds()
    steps(count)
    return 1000 * (seconds() - began) / count


def measure(ready, rounds, turn_seconds):
    """Path → milliseconds a step, (clock, round); who begins changes from round to round."""
    names, counts = list(ready), {}
    for name in names:
        once = per_step(ready[name], 3)[1]
        counts[name] = max(1, round(1000 * turn_seconds / once))
    times = {name: [] for name in names}
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            times[name].append(per_step(ready[name], counts[name]))
    return {name: np.array(found).T for name, found in times.items()}


def spread(values):
    """Median and quartiles in a few characters."""
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"


def row(cell, shape, clock, times, share):
    """A line of the table, in Markdown; the floor is a share of a large product's time."""
    floor = times[PRODUCT] * share
    own = times[KERNEL]
    words = [cell, " × ".join(map(str, shape)), clock, f"{np.median(floor):.2f}", spread(own), spread(own / floor)]
    for path in (p for p in times if p not in (KERNEL, PRODUCT)):
        words += [spread(times[path]), spread(times[path] / own)]
    return f"| {' | '.join(words)} |"


def head(paths):
    """The table's first lines."""
    words = ["cell", "batch × steps × features × units", "clock", "floor, ms", "fused, ms", "× floor"]
    for path in (p for p in paths if p != KERNEL):
        words += [f"{path}, ms", "÷ fused"]
    return f"| {' | '.join(words)} |\n|{'---|' * len(words)}"


def shapes(text, cell):
    """(batch, steps, features, units) of each shape in "32x64x1,…"; without units, those of the yardstick."""
    for part in text.split(","):
        sizes = tuple(map(int, part.split("x")))
        yield sizes if len(sizes) == 4 else (*sizes, UNITS[cell])


def main():
    """Time each cell at each shape; print a line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", default="rnn,lstm,gru")
    parser.add_argument("--shapes", default=SHAPES)
    parser.add_argument("--paths", default=f"{KERNEL},{XLA},{TORCH}", help=f"also: {KERAS}")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--turn", type=float, default=0.2, help="seconds of a turn of a contestant")
    options = parser.parse_args()
    with startup.quiet():
        from gru_tf.experiment.specs import Choice
        from gru_tf.machine.speed.flops import product_weights
        from gru_tf.training import trainer

        trainer.configure(options.threads)
    paths = [path for path in options.paths.split(",") if path != TORCH or find_spec("torch")]
    print(f"{options.threads} thread{'s' * (options.threads > 1)}\n{head(paths)}", flush=True)
    rates, compiled, multiply = [], [], product()
    for cell in options.cells.split(","):
        for shape in shapes(options.shapes, cell):
            ready = contestants(cell, shape, paths, options.threads)
            steps = {**{path: steps for path, (steps, _) in ready.items()}, PRODUCT: multiply}
            times = measure(steps, options.rounds, options.turn)
            inputs, states = product_weights(Choice(name=cell), shape[2], shape[3])
            share = 2 * shape[0] * shape[1] * (2 * inputs + 3 * states) / multiply.flops
            for index, clock in enumerate(("cpu", "wall")):
                print(row(cell, shape, clock, {path: both[index] for path, both in times.items()}, share), flush=True)
            rates += list(multiply.flops / times[PRODUCT][1] / 1e6)
            compiled += [(path, took) for path, (_, took) in ready.items()]
    print(f"\nrate of a product, by the clock: {spread(rates)} GFLOP/s")
    for path in paths:
        print(f"prepared, {path}: {spread([took for p, took in compiled if p == path])} s a shape")


if __name__ == "__main__":
    main()
