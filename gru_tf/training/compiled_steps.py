"""The compiled steps of one shape: a network, its optimiser and its passes over data, reused by every run of that shape.

Clip norm, dropout rates, weight noise and seeds are variables of the compiled step, not constants, and the learning rate of
each step is an input, as is the probability of teacher forcing, so that a search compiles once. Momentum, β, ρ and ε are
constants, as Keras' optimisers have them: of another value there are other compiled steps. No Python runs between steps: a
pass is one graph loop over tensors.
"""

import random
import time
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.utils import naming  # reset_uids has no public name

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.specs.recipe import OF_OPTIMIZERS
from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.layers.variable_dropout import VariableDropout
from gru_tf.recurrent.layers.word_dropout import WordDropout
from gru_tf.recurrent.linear_scan import SCOPE
from gru_tf.tasks import Array
from gru_tf.training import feeding, random_numbers, summation
from gru_tf.training.batches import BatchPlan
from gru_tf.training.decoder import Decoder
from gru_tf.training.feeding import DeviceData
from gru_tf.training.graph_rewriting import sums_kept
from gru_tf.training.network import dropouts, initial_distributions, initial_values, truncation
from gru_tf.training.network.dense import HeldDense
from gru_tf.training.network.model import build, kernel, loss, metric
from gru_tf.training.network.resolution import ResolvedNetwork
from gru_tf.training.teacher_forcing import TeacherForcing
from gru_tf.training.updates import Updates

NO_RATES = np.zeros(0, "float32")  # of a pass without updates
OF_THE_START = ("initial", "initial_scale", "keep_biases")  # fields that nothing compiled depends on
ON_TRAINED = 2**31  # added to the seed of a run that begins with a trained stack


def shape_of(
    run: Run, network: ResolvedNetwork, metrics: tuple[str, ...], buckets: tuple[int, ...], types: tuple[str, ...] = ()
) -> tuple[Any, ...]:
    """What two runs must share to use the same compiled steps; `types` are those of inputs and targets."""
    model = run.model.model_dump(exclude={*dropouts.FIELDS, *OF_THE_START})
    recipe = {"batch_size", "optimizer", "clip", "truncate", "jit", "deterministic", *OF_OPTIMIZERS}
    training = run.training.model_dump(include=recipe)
    forcing = run.training.teacher_forcing_per if run.training.writes else ""
    clipped = run.training.clip_norm is not None, run.training.clip_value is not None
    dropped = tuple(rate > 0 for rate in dropouts.rates(run.model).values())
    flags = (*dropped, *clipped, run.training.weight_decay > 0, run.training.weight_noise > 0, forcing)
    settings = (*model.items(), *training.items(), *sorted(run.cell.options.items()))
    return (run.cell.name, network.signature, network.start, metrics, buckets, types, flags, settings)


def on_gpu() -> bool:
    """Whether TensorFlow sees a GPU."""
    return bool(tf.config.list_logical_devices("GPU"))


class CompiledSteps:
    """Passes over data for one shape of run.

    Args:
        run: one of that shape.
        network: of `run`; runs of the same shape differ from it in rates of dropout and initial values alone.
        metrics: names of the means that a pass without updates also takes.
        buckets: lengths that sequences are truncated to.
        ordinary: whether layers are Keras' own where Keras has them: to time these, no run takes them.

    Attributes:
        model: the Keras model being trained.
        jit: the resolved jit_compile.
        compile_seconds: time to trace and compile the passes.
        kernel_path: "cudnn", "fused cpu", "while-loop", "parallel scan", or one of these two with "xla " before it.
        why_not_fused: the first condition of the fused CPU kernels that the recurrence does not meet, or "".
    """

    def __init__(
        self,
        run: Run,
        network: ResolvedNetwork,
        metrics: tuple[str, ...],
        buckets: tuple[int, ...],
        ordinary: bool = False,
    ):
        self.ordinary = ordinary
        self.network, self.metrics, self.buckets = network, metrics, buckets
        self.signature, self.masked = network.signature, network.masked
        path, self.jit = kernel(run.model, CELLS.find(run.cell.name), run.cell.options, run.training.jit, on_gpu())
        self.why_not_fused, self.batch_size = path.why_not_fused, run.training.batch_size
        self.model = self._build(run, VariableDropout, self.batch_size if network.signature.carried else None)
        self.updates = Updates(run.training, self.model.trainable_variables)
        self.optimizer = self.updates.optimizer
        self.truncate = run.training.truncate
        self.compile_seconds = 0.0
        self.kernel_path = ""
        self._train_pass: Any = None
        self._test_passes: dict[tuple[int, ...], Any] = {}
        self._predict_pass: Any = None
        decoded = network.signature.decoded
        writes = run.training.writes and decoded > 0
        self.forcing = TeacherForcing(self.model, run.training.teacher_forcing_per) if writes else None
        self._decoder = Decoder(self.model, self.signature, self.masked, self.batch_size) if decoded else None

    def _build(self, run: Run, dropout: Any, carried_rows: int | None = None, ordinary: bool = False) -> Any:
        # Keras numbers layers throughout the life of a process, and TensorFlow keeps a kernel for each variable's name:
        # with new names every run would cost half a MiB. The same names in each model let it reuse the kernel.
        naming.reset_uids()
        ordinary = ordinary or self.ordinary
        dense = keras.layers.Dense if ordinary or not run.training.deterministic else HeldDense
        words = WordDropout if dropout is VariableDropout else None
        return build(self.network.with_model(run.model), dropout, carried_rows, ordinary, dense, words)

    def reset(self, run: Run) -> None:
        """Begin `run`: weights drawn from its seed, optimiser state zero, its rates in the variables."""
        # Keras seeds unseeded initializers from these two generators. keras.utils.set_random_seed would also set that of
        # TensorFlow, which nothing here reads and which makes it drop its compiled kernels: 2 MiB and time in every run.
        # A head on a trained stack draws from another seed: from the one that trained the stack, it would be its old head.
        seed = run.seed if run.model.start is None else (run.seed + ON_TRAINED) % 2**32
        random.seed(seed)
        np.random.seed(seed)
        new = self._build(run, VariableDropout)
        if run.training.deterministic and run.model.start is None:
            initial_values.hold(new)
        initial_distributions.draw(new, run.model, run.cell.options, seed)
        self.set_weights([w.numpy() for w in new.trainable_variables])
        self.updates.reset(run.training, run.seed)
        if self.forcing:
            self.forcing.reset(run.seed, run.training)
        random_numbers.begin(self.model, run)

    def weights(self) -> list[Any]:
        """The trainable weights as arrays."""
        return [v.numpy() for v in self.model.trainable_variables]

    def set_weights(self, weights: list[Any]) -> None:
        """Assign arrays to the trainable weights, in their order."""
        for variable, value in zip(self.model.trainable_variables, weights, strict=True):
            variable.assign(value)

    def state(self) -> list[Any]:
        """The optimiser's variables and the states of all that draws random numbers as arrays."""
        return [v.numpy() for v in self._state_variables()]

    def set_state(self, state: list[Any]) -> None:
        """Assign a result of `state`."""
        for variable, value in zip(self._state_variables(), state, strict=True):
            variable.assign(value)

    def _state_variables(self) -> list[Any]:
        coins = [self.forcing.coins.state] if self.forcing else []
        return [*self.optimizer.variables, *random_numbers.states(self.model), *coins]

    def export(self, run: Run) -> Any:
        """The trained network as a model of ordinary layers, Keras' own where it has them, for saving."""
        model = self._build(run, keras.layers.Dropout, ordinary=True)
        for variable, value in zip(model.trainable_variables, self.weights(), strict=True):
            variable.assign(value)
        return model

    def warm_up(self, data: DeviceData, test: bool = True) -> None:
        """Trace and compile both passes by one step a bucket, once; the weights that result are meaningless.

        Args:
            data: what the passes will read, or arrays of the same shapes.
            test: whether to compile the pass without updates as well.
        """
        if self.kernel_path:  # set last, so that a failed warm-up is repeated
            return
        clock = time.perf_counter()
        count = len(self.buckets)
        order = np.zeros((count, self.batch_size), "int32")
        once = BatchPlan(order, np.ones_like(order, "float32"), np.arange(count, dtype="int32"))
        self._train_pass = self._trace(self._train_on, self._train_loop, data, once, self.buckets)
        self.train(data, once)
        if test:
            self.test(data, once)
            if self.signature.decoded:
                self.write(data, np.ones(1, "int32"))
        self.compile_seconds = time.perf_counter() - clock
        self.kernel_path = kernel_path_of(self._train_pass.graph.as_graph_def(), self.jit)

    def train(self, data: DeviceData, steps: BatchPlan, rates: Array | None = None, forced: Array | None = None) -> float:
        """One pass with updates; returns the mean loss of a target.

        Args:
            data: what to read.
            steps: in which order.
            rates: (S,) float32, the learning rate of each step; that of the last step before if None.
            forced: (S,) float32, with which probability a decoder reads a target; that of the last step before if None.
        """
        if rates is None:
            rates = np.full(len(steps.order), self.optimizer.learning_rate.numpy(), "float32")
        if self.forcing:
            self.forcing.begin(forced)
        return self._means([sums for (sums,) in self._run(self._train_pass, data, steps, rates)])[0]

    def test(self, data: DeviceData, steps: BatchPlan, buckets: tuple[int, ...] | None = None) -> tuple[float, ...]:
        """One pass without updates; returns the means over all targets of the loss and of each metric's terms.

        Args:
            data: what to read.
            steps: in which order.
            buckets: lengths that the plan truncates sequences to; those of training if None.
        """
        return self.test_each(data, steps, buckets)[0]

    def test_each(
        self, data: DeviceData, steps: BatchPlan, buckets: tuple[int, ...] | None = None
    ) -> tuple[tuple[float, ...], Array]:
        """What `test` returns, and (N,) float32 of each example the sum of the first metric's terms over its targets."""
        buckets = buckets or self.buckets
        if buckets not in self._test_passes:
            self._test_passes[buckets] = self._trace(self._test_on, self._test_loop, data, steps, buckets)
        sums, each = zip(*self._run(self._test_passes[buckets], data, steps), strict=True)
        examples, real = steps.order[steps.valid > 0], np.concatenate(each)[steps.valid > 0]
        by_example = np.zeros(1 + examples.max(), np.float32)  # of a part of the examples, as it is timed, others stay 0
        by_example[examples] = real
        return self._means(list(sums)), by_example

    def predict(self, data: DeviceData, steps: BatchPlan) -> Array:
        """(N, outputs) float32 of each example, of quantiles all blocks; (N, span, outputs) where every step has a target.

        What stands after the end of a sequence means nothing.
        """
        if self._predict_pass is None:
            self._predict_pass = self._trace(self._predict_on, self._predict_loop, data, steps, self.buckets)
        (outputs,) = zip(*(rest for _, *rest in self._run(self._predict_pass, data, steps)), strict=True)
        real = np.concatenate(outputs)[steps.valid > 0]
        by_example = np.empty_like(real)
        by_example[steps.order[steps.valid > 0]] = real
        return by_example

    def write(self, data: DeviceData, lengths: Array, width: int = 1) -> Array:
        """The result of `Decoder.write`, for a signature that is `decoded`."""
        assert self._decoder is not None  # noqa: S101, called where sequences are decoded
        return self._decoder.write(data, lengths, width)

    def _trace(self, step: Any, loop: Any, data: DeviceData, steps: BatchPlan, buckets: tuple[int, ...]) -> Any:
        compiled = tf.function(step, jit_compile=self.jit, autograph=False)
        signature = [tf.TensorSpec([None, *a.shape[1:]], a.dtype) for a in next(data.feeds(steps))]

        def one_pass(sums: Any, rates: Any, *feed: Any) -> Any:
            inputs, targets, lengths, order, valid, bucket = feed

            def truncated(length: int, i: Any) -> Any:
                arrays = (inputs, targets, lengths)
                return compiled(*feeding.batch(self.signature, self.masked, arrays, order[i], valid[i], length))

            def at(i: Any) -> Any:
                branches = [lambda length=length: truncated(length, i) for length in buckets]
                return branches[0]() if len(branches) == 1 else tf.switch_case(bucket[i], branches)

            return loop(at, sums, order, rates)

        traced = tf.function(one_pass, autograph=False)
        sums, rates = tf.TensorSpec([2 + len(self.metrics)], tf.float64), tf.TensorSpec([None], tf.float32)
        with sums_kept():
            return traced.get_concrete_function(sums, rates, *signature)

    def _run(self, traced: Any, data: DeviceData, steps: BatchPlan, rates: Array = NO_RATES) -> Iterator[tuple[Any, ...]]:
        """What a pass gives of each part of the data, sums first, to which those of the parts before are added."""
        if self.signature.carried:
            for layer in self.model.layers:
                if getattr(layer, "stateful", False):
                    layer.reset_state()
        sums = tf.zeros(2 + len(self.metrics), tf.float64)
        done = 0
        for feed in data.feeds(steps):
            count = int(feed[3].shape[0])
            with sums_kept():
                sums, *more = traced(sums, tf.constant(rates[done : done + count]), *feed)
            done += count
            yield (sums, *more)

    @staticmethod
    def _means(sums: list[Any]) -> tuple[float, ...]:
        *totals, weight = sums[-1].numpy()
        return tuple(float(total / weight) if weight else 0.0 for total in totals)  # a few steps may have no label at all

    def _train_loop(self, at: Any, sums: Any, order: Any, rates: Any) -> Any:
        def body(i: Any, sums: Any) -> Any:
            self.optimizer.learning_rate.assign(rates[i])
            if self.forcing:
                self.forcing.advance()
            return i + 1, sums + at(i)

        end = tf.shape(order)[0]
        return tf.while_loop(lambda i, _: i < end, body, (tf.constant(0), sums))[1:]

    @staticmethod
    def _test_loop(at: Any, sums: Any, order: Any, _: Any) -> Any:
        def body(i: Any, sums: Any, each: Any) -> Any:
            more, terms = at(i)
            return i + 1, sums + more, each.write(i, terms)

        end = tf.shape(order)[0]
        each = tf.TensorArray(tf.float32, end, element_shape=order.shape[1:])
        _, sums, each = tf.while_loop(lambda i, *_: i < end, body, (tf.constant(0), sums, each))
        return sums, each.stack()

    def _predict_loop(self, at: Any, sums: Any, order: Any, _: Any) -> Any:
        steps = (self.signature.span,) if self.signature.per_step else ()
        end, shape = tf.shape(order)[0], (self.batch_size, *steps, self.network.widened.outputs)
        outputs = tf.TensorArray(tf.float32, end, element_shape=shape)
        _, outputs = tf.while_loop(
            lambda i, *_: i < end, lambda i, outputs: (i + 1, outputs.write(i, at(i))), (tf.constant(0), outputs)
        )
        return sums, outputs.stack()

    def _predict_on(self, x: Any, y: Any, weight: Any) -> Any:
        outputs = tf.cast(self.model(x, training=False), tf.float32)
        if not self.signature.per_step:
            return outputs
        return tf.pad(outputs, ((0, 0), (0, self.signature.span - outputs.shape[1]), (0, 0)))  # of a shorter bucket

    def _train_on(self, x: Any, y: Any, weight: Any) -> Any:
        if self.signature.weights:
            classes = tf.maximum(tf.cast(y, tf.int32), 0)  # −1, a step without a target, weighs nothing already
            weight = weight * tf.gather(tf.constant(self.signature.weights, tf.float32), classes)
        losses, gradients = self.updates.where_differentiated(lambda: self._differentiated(x, y, weight))
        self.updates.apply(gradients)
        return self._sums([losses] * (1 + len(self.metrics)), weight)

    def _differentiated(self, x: Any, y: Any, weight: Any) -> tuple[Any, list[Any]]:
        """The losses and the gradient of their mean.

        An embedding's comes as one row for each token of the batch. The rows of a token are added up here: left by
        themselves, Keras' Adam and RMSprop on TensorFlow square each of them instead of their sum, and a norm does so too.
        """
        cut, read = self.truncate, self.forcing.inputs(x) if self.forcing else x
        with tf.GradientTape() as tape:
            outputs = self.model(read, training=True) if cut is None else truncation.forward(self.model, read, cut)
            losses = loss(self.signature, y, outputs, self.network.levels)
            all_weights = summation.total(weight)  # 0 where no step of the batch has a target: then the gradient is 0
            mean = summation.total(losses * weight) / tf.where(all_weights == 0, 1.0, all_weights)
        gradients = tape.gradient(mean, [v.value for v in self.model.trainable_variables])
        return losses, [tf.convert_to_tensor(g) if isinstance(g, tf.IndexedSlices) else g for g in gradients]

    def _test_on(self, x: Any, y: Any, weight: Any) -> Any:
        if self.signature.scored == "last":  # of the steps with a target
            weight = weight * tf.cast(tf.cumsum(weight, axis=1, reverse=True) == 1, tf.float32)
        outputs = self.model(x, training=False)
        levels = self.network.levels
        losses = loss(self.signature, y, outputs, levels)
        values = [losses, *(metric(name, self.signature, y, outputs, levels) for name in self.metrics)]
        first = tf.cast(values[min(1, len(self.metrics))] * weight, tf.float32)
        each = tf.reduce_sum(first, tuple(range(1, len(first.shape))))
        return self._sums(values, weight), each

    @staticmethod
    def _sums(values: list[Any], weight: Any) -> Any:
        return tf.cast(tf.stack([*(summation.total(v * weight) for v in values), summation.total(weight)]), tf.float64)


def kernel_path_of(graph: Any, jit: bool) -> str:
    """What executes the recurrence, as seen in the traced graph."""
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    for path, operation in (("cudnn", "CudnnRNN"), ("fused cpu", "GruTfSequence")):
        if any(node.op.startswith(operation) for node in nodes):
            return path
    scan = any(SCOPE in node.name for node in nodes)
    return ("xla " if jit else "") + ("parallel scan" if scan else "while-loop")
