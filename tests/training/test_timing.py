"""Networks timed side by side: rounds by a clock of the test's own, real steps of real networks, failures on record."""

import math
from collections import Counter

import numpy as np
import pytest

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.timing import Timing
from gru_tf.foundation.block_interval import BLOCKS
from gru_tf.tasks import create
from gru_tf.training import timing, trainer
from gru_tf.training.batches import BatchPlan
from gru_tf.training.compiled_steps import CompiledSteps

ROWS = {"digits": {"reading": "rows"}}
STEPS = 10  # of a round by the test's own clock
EXACT = "the ratio of every two step times is known to ±3 %"


def run_of(cell="gru", task=None, **fields):
    """A final run of a small network; fields of the model, and the batch size."""
    training = {"batch_size": fields.pop("batch_size", 64), "epochs": 1, "jit": False}
    model = {"units": 5, **fields}
    content = {"purpose": "final", "task": task or ROWS, "cell": cell, "seed": 0, "model": model, "training": training}
    return Run.model_validate(content)


class Machine:
    """A clock that stands still but where a pass says how long it took; half of that is processor time.

    Args:
        seconds: cell → of its ten training steps in a round; as many batches without updates take a quarter.
        noise: standard deviation of the logarithm of a turn's time.
    """

    def __init__(self, seconds, noise=0.0):
        self.now, self.rng, self.noise, self.order = 0.0, np.random.default_rng(5), noise, []
        self.passes = {cell: (self.takes(cell, s), self.takes(cell, s / 4)) for cell, s in seconds.items()}

    def takes(self, cell, seconds):
        def one(first, count):
            self.order.append((first, cell))
            self.now += seconds * count / STEPS * math.exp(self.rng.normal(0, self.noise))

        return one

    def rounds(self, seconds=1e9, within=0.03):
        return timing.in_rounds(self.passes, STEPS, seconds, within, lambda: self.now, lambda: self.now / 2)


def test_times_are_milliseconds_of_a_step_and_both_kinds_are_taken():
    times, failed, ended = Machine({"rnn": 2.0, "gru": 3.0}).rounds()
    assert times["rnn"] == [pytest.approx((200.0, 100.0, 50.0, 25.0))] * BLOCKS
    assert times["gru"] == [pytest.approx((300.0, 150.0, 75.0, 37.5))] * BLOCKS
    assert (failed, ended) == ({}, EXACT)


def test_every_network_has_its_turns_in_each_round_in_an_order_that_changes_and_is_the_same_again():
    machines = [Machine({"rnn": 1.0, "gru": 1.0, "lstm": 1.0}) for _ in range(2)]
    for machine in machines:
        machine.rounds()
    assert machines[0].order == machines[1].order
    assert set(Counter(machines[0].order).values()) == {2}, "a pass of training and one without updates"
    trained = machines[0].order[::2]
    turns = [first + STEPS * r for r in range(BLOCKS) for first in (0, 3, 6, 8)]  # of 3, 3, 2 and 2 steps
    assert list(dict.fromkeys(first for first, _ in trained)) == turns
    orders = [tuple(cell for first, cell in trained if first == turn) for turn in turns]
    assert all(sorted(order) == ["gru", "lstm", "rnn"] for order in orders)
    assert len(set(orders)) == 6


@pytest.mark.parametrize("noise", [0.02, 0.2])
def test_noise_takes_more_rounds_until_the_ratio_is_known(noise):
    times, _, ended = Machine({"rnn": 1.0, "gru": 1.5}, noise).rounds()
    assert ended == EXACT
    assert len(times["rnn"]) >= (BLOCKS if noise < 0.05 else 20)
    logs = np.log([a.train / b.train for a, b in zip(times["gru"], times["rnn"], strict=True)])
    assert math.exp(np.mean(logs)) == pytest.approx(1.5, rel=0.05)


def test_ending_when_the_interval_is_short_leaves_it_its_level():
    """A width that is looked at again and again is short by luck some day; ten rounds at least keep that rare."""
    inside, machines = 0, 200
    for seed in range(machines):
        machine = Machine({"rnn": 1.0, "gru": 1.0}, 0.12)
        machine.rng = np.random.default_rng(seed)
        times, _, _ = machine.rounds()
        mean, half = timing.log_ratio([r.train for r in times["gru"]], [r.train for r in times["rnn"]])
        inside += abs(mean) <= half
    assert inside / machines > 0.87


@pytest.mark.parametrize(("seconds", "rounds"), [(0.0, 5), (-3.0, 5), (20.0, 8), (21.0, 9)])
def test_the_time_is_kept_but_for_five_rounds(seconds, rounds):
    times, _, ended = Machine({"rnn": 1.0, "gru": 1.0}, 0.0).rounds(seconds=seconds, within=-1.0)
    assert {len(series) for series in times.values()} == {rounds}  # of 2.5 s each
    assert ended == "the time was up"


def test_a_network_that_breaks_in_the_middle_gives_no_time_and_its_reason():
    machine = Machine({"rnn": 1.0, "gru": 1.0, "lstm": 2.0})

    def breaks(first, count):
        if first > 2 * STEPS:
            raise MemoryError("no room\nfor it")

    machine.passes["gru"] = (machine.passes["gru"][0], breaks)
    times, failed, ended = machine.rounds()
    assert set(times) == {"rnn", "lstm"}
    assert {len(series) for series in times.values()} == {BLOCKS}
    assert (failed, ended) == ({"gru": "MemoryError: no room for it"}, EXACT)


def test_where_all_break_it_ends():
    machine = Machine({"rnn": 1.0})
    machine.passes["rnn"] = (lambda *_: 1 / 0, lambda *_: None)
    assert machine.rounds() == ({}, {"rnn": "ZeroDivisionError: division by zero"}, "no network could be timed")


def test_rounds_go_through_the_split_and_begin_again_behind_its_end():
    plan = BatchPlan(np.arange(10).reshape(5, 2), np.ones((5, 2)), np.arange(5))
    assert [timing.part(plan, first, 3).bucket.tolist() for first in (0, 3, 6)] == [[0, 1, 2], [3, 4, 0], [1, 2, 3]]
    assert timing.part(plan, 0, 7).bucket.tolist() == [0, 1, 2, 3, 4, 0, 1]
    assert timing.part(plan, 3, 3).order.tolist() == [[6, 7], [8, 9], [0, 1]]


@pytest.fixture(scope="module")
def measured():
    """Two networks that can be built, and one that cannot; and how many steps each took."""
    taken = Counter()

    def counted(kind, method):
        def inner(self, data, steps, *more):
            taken[self.model.name, kind] += len(steps.order)
            return method(self, data, steps, *more)

        return inner

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "_compiled", {})  # what an earlier test compiled would not be warmed up
        for kind in ("train", "test"):
            patch.setattr(CompiledSteps, kind, counted(kind, getattr(CompiledSteps, kind)))
        broken = run_of("lstm").model_copy(update={"cell": run_of("lstm").cell.model_copy(update={"name": "lsdm"})})
        runs = [run_of("rnn"), broken, run_of("gru")]
        return runs, timing.measure(runs, seconds=0.0, steps=4), taken


def test_a_network_that_cannot_be_built_gives_a_reason_and_the_others_their_times(measured):
    (rnn, broken, gru), found, _ = measured
    assert (found.task, found.steps, found.rounds) == ("digits(reading=rows)", 4, 5)
    assert list(found.networks) == [run.cell.label for run in (rnn, broken, gru)]
    assert set(found.timed) == {"rnn", "gru"}
    for run in (rnn, gru):
        network = found.networks[run.cell.label]
        assert (network.error, network.fingerprint, network.batch_size) == ("", run.fingerprint, 64)
        series = (network.train_ms, network.train_cpu_ms, network.predict_ms, network.predict_cpu_ms)
        assert [len(one) for one in series] == [5] * 4
        assert min(network.train_ms + network.predict_ms) > 0
        assert network.kernel_path
        assert network.model_bytes > 4 * network.parameters > 0
    failed = found.networks[broken.cell.label]
    assert "lsdm" in failed.error
    assert "\n" not in failed.error
    assert (failed.train_ms, failed.model_bytes, failed.step_ms) == ((), None, None)


def test_each_round_is_so_many_steps_and_batches_of_each_network(measured):
    """One pass more before the rounds, and one step a pass that warms up."""
    _, _, taken = measured
    assert taken == {(cell, kind): 1 + 4 * (1 + 5) for cell in ("rnn", "gru") for kind in ("train", "test")}


def test_the_circumstances_stand_beside_the_times(measured):
    _, found, _ = measured
    assert found.cores >= 1
    assert found.device
    assert found.ended == "the time was up"
    assert found.seconds > 0
    assert found.load_before is None or len(found.load_before) == len(found.load_after) == 3


def test_times_survive_the_way_through_json(measured):
    _, found, _ = measured
    assert Timing.model_validate_json(found.model_dump_json()) == found


def test_training_afterwards_gives_the_bits_that_it_gives_without():
    """Compiled steps are shared with runs of the same shape in this process; their weights are drawn anew."""
    run = run_of("gru", dropout=0.2)
    before = trainer.train(run)
    timing.measure([run], seconds=0.0, steps=3)
    after = trainer.train(run)
    assert (after.history, after.test) == (before.history, before.test)


@pytest.mark.parametrize(
    "task",
    [
        {"tiny_shakespeare": {"timesteps": 10, "train_tokens": 1500}},  # a text in streams, of which a round is longer
        {"polyphonic": {"collection": "jsb_chorales"}},  # steps of several compiled lengths
    ],
    ids=lambda task: next(iter(task)),
)
def test_carried_states_and_sequences_of_several_lengths_are_timed_as_they_are_trained(task, needs_files):
    ((name, options),) = task.items()
    needs_files(create(name, options))
    found = timing.measure([run_of(cell, task, batch_size=16) for cell in ("rnn", "gru")], seconds=0.0, steps=12)
    assert set(found.timed) == {"rnn", "gru"}, found


def test_other_than_one_task_and_each_cell_once_is_refused():
    for runs in ([], [run_of(), run_of()], [run_of("rnn"), run_of("gru", {"digits": {"reading": "pixels"}})]):
        with pytest.raises(ValueError, match="^measure: expected runs of one task, each cell once"):
            timing.measure(runs)
