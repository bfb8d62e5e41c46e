"""Weights that multiply rounding errors: a model is judged in float64, and in float32 by what float32 does to its source.

A recurrent network may be chaotic: two computations of it in float32, which differ only in the order of sums, are then far
apart after some steps, and both are as right as float32 can be. In float64 they agree, or one of them is another function.
Each batch is judged by itself: rounding grows with the steps, and another function differs from the first ones on.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError
from gru_tf.interchange import building
from gru_tf.interchange.differences import Differences, Verified
from gru_tf.interchange.network import Network
from gru_tf.interchange.real_steps import model_inputs, real_steps
from gru_tf.interchange.source import Computation

TIMES = 10  # so many times one rounding may be another: each is one draw of it
MOST = 0.1  # of rounding's relative error, beyond which a batch distinguishes nothing
FIRST = 1e-4  # of the shortest batch: more is no rounding, which grows with the steps
STEP = 2.0**-52  # the last bit of a float64
Numbers = tuple[Array, list[Array]]  # output and states
Batches = Callable[[str], Iterable[tuple[Array, Array | None, str]]]


@dataclass
class Judge:
    """Judges each batch: a gap may be some times as large as the rounding of the same batch.

    Args:
        tolerance: a gap that passes in any case.
    """

    tolerance: float
    worst: list[tuple[float, float, str]] = field(default_factory=list)  # rounding, gap, place of each batch that counts
    saturated: int = 0
    wrong: bool = False
    steps: int = 0  # of the longest batch that counts
    first: tuple[int, float] = (1 << 30, 0.0)  # steps and rounding of the shortest batch

    def add(self, rounding: float, gap: float, where: str, steps: int) -> None:
        """One batch: its rounding error, the gap that is judged by it, and its place."""
        self.first = min(self.first, (steps, rounding))
        if rounding > MOST:
            self.saturated += 1
            return
        self.worst.append((rounding, gap, where))
        self.steps = max(self.steps, steps)
        self.wrong = self.wrong or not gap <= max(self.tolerance, TIMES * rounding)

    @property
    def passes(self) -> bool:
        """Whether no batch is wrong, and one of several steps counts: with one step, no state is read."""
        return not self.wrong and self.steps > 1 and self.first[1] <= FIRST

    def largest(self) -> tuple[float, float, str]:
        """Largest rounding error, largest gap and its place."""
        gap, where = max((gap, where) for _, gap, where in self.worst)
        return max(rounding for rounding, _, _ in self.worst), gap, where


def verify(
    model: Any,
    network: Network,
    wide: Network,
    run: Computation,
    single: Differences,
    batches: Batches,
    *,
    by: str,
    tolerance: float,
    cases: int,
) -> Verified:
    """The result of a comparison in float64, where that in float32 found differences.

    Where the framework has no float64, the model's own replaces it: then the framework's float32 must be as near to it as
    the model's float32 is.

    Args:
        model: in float32, from `building.build(network)`.
        network: the imported one.
        wide: the same as read in float64.
        run: the source's own computation; `ExactComputation` where it can do float64.
        single: the differences in float32.
        batches: dtype of numbers → inputs, real steps and name of each batch, the same ones in every dtype.
        by: what computed the source's side.
        tolerance: the largest difference that passes in float64.
        cases: how many batches were compared.

    Raises:
        UserError: where they differ in float64, or in float32 by more than rounding makes.
    """
    exact, in_float32 = getattr(run, "in_float64", None), getattr(run, "in_float32", run)
    own_64, own_32 = _computation(wide, "float64"), _computation(network, "float32")
    double, float32 = Judge(tolerance), Judge(tolerance)
    for inputs, real, where in batches("float32"):  # the same numbers for all
        numbers = inputs.astype("float64") if network.tokens is None else inputs
        own, steps = own_64(numbers, real), inputs.shape[1]
        reference = own if exact is None else exact(numbers, real)
        if exact is not None:
            shaken = own if network.tokens is not None else own_64(numbers * (1 + STEP), real)
            double.add(_gap(shaken, own, network, real), _gap(own, reference, network, real), where, steps)
        source = _gap(in_float32(inputs, real), reference, network, real)
        rebuilt = _gap(own_32(inputs, real), reference, network, real)
        delivered = (np.asarray(model(model_inputs(inputs, real))), reference[1])
        ours = max(rebuilt, _gap(delivered, reference, network, real))
        float32.add(*((source, ours) if exact is not None else (rebuilt, max(source, ours))), where, steps)
    if (exact is not None and not double.passes) or not float32.passes:
        raise refusal(double, float32, single, by, tolerance, cases)
    rounding, gap, where = float32.largest()
    phrase = phrase_of(by, *((rounding, gap, "float64") if exact is not None else (gap, rounding, "the model in float64")))
    if float32.saturated:
        batches_ = "a batch" if float32.saturated == 1 else f"{float32.saturated} batches"
        phrase += f", but for {batches_} in which nothing is left of either"
    if exact is None:
        return Verified(gap, where, cases, by, rounding=phrase)
    _, largest, where = double.largest()
    return Verified(largest, where, cases, f"{by} in float64", rounding=phrase)


def refusal(double: Judge, float32: Judge, single: Differences, by: str, tolerance: float, cases: int) -> UserError:
    """The message: where rounding leaves nothing to compare, that; else where and how far they differ in float32."""
    if not double.wrong and not float32.wrong and float32.first[1] <= FIRST:
        received = "weights that amplify rounding until nothing can be compared after one step"
        return UserError(f"expected numbers to compare with {by}. Received: {received}")
    try:
        single.judged(by, tolerance, cases)
    except UserError as error:
        return error
    raise AssertionError("single differences were above the tolerance")


def phrase_of(by: str, source: float, model: float, judge: str) -> str:
    """What the report says of both rounding errors: how far the source and the model are from the judge."""
    return f"rounding in float32, which these weights amplify: {by} {source:.1e} from {judge}, the model {model:.1e}"


def _gap(own: Numbers, reference: Numbers, network: Network, real: Array | None) -> float:
    """The largest relative difference of outputs and states of one batch."""
    differences = Differences()
    differences.add("output", *real_steps(own[0], reference[0], real, network.every_step), "")
    for (name, _), state, expected in zip(network.states(), own[1], reference[1], strict=True):
        differences.add(name, state, expected, "")
    return differences.worst()[0]


def _computation(network: Network, dtype: str) -> Computation:
    """The imported network in Keras."""
    model = building.build(network, states=True, dtype=dtype)

    def run(inputs: Array, lengths: Array | None = None) -> Numbers:
        output, *states = model(model_inputs(inputs, lengths))
        return np.asarray(output), [np.asarray(state) for state in states]

    return run
