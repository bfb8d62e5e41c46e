"""Data whose random split puts near copies, or one person, into training and test: what is refused, offered and stated."""

import numpy as np
import pandas
import pytest
from refusals import refused

from gru_tf.suite import comparison
from gru_tf.tasks import create

RECORDINGS, LENGTH, STEP = 8, 40, 10
RNG = np.random.default_rng(1)
CUT = range(0, 161, STEP)
MADE = RNG.normal(size=(RECORDINGS, 200, 2)).cumsum(1)
WINDOWS = np.stack([part[start : start + LENGTH] for part in MADE for start in CUT])
RECORDING = np.repeat(np.arange(RECORDINGS), len(CUT))
LABELS = np.arange(len(WINDOWS)) % 2


def plan(tmp_path, arrays, **options):
    np.savez(tmp_path / "mine.npz", **arrays)
    return comparison.plan(tmp_path / "mine.npz", **options)


def parts_of(planned, seed=0):
    """The recording of each sequence of the three parts, from the values alone."""
    task = create(planned.guess.task, planned.guess.options).at(seed)
    parts = task.splits(np.random.default_rng(0))
    scale = task.encodings()["encoding"]["columns"]
    plain = [np.asarray(part.inputs) for part in (parts.train, parts.validation, parts.test)]
    plain = [part * [c["deviation"] for c in scale] + [c["mean"] for c in scale] for part in plain]
    near = [np.abs(part[:, None, 0] - WINDOWS[None, :, 0]).sum(-1).argmin(1) for part in plain]
    assert all(np.allclose(WINDOWS[place], part, atol=1e-4) for place, part in zip(near, plain, strict=True))
    return near


def split_line(planned):
    (line,) = [text for text, options in planned.inferences if options == ("split",)]
    return line


def shares_a_step(one, other):
    """Whether any window of one has a step of a window of the other."""
    steps = {tuple(step) for place in other for step in WINDOWS[place]}
    return any(tuple(step) in steps for place in one for step in WINDOWS[place])


def test_overlapping_windows_are_refused_until_it_is_said_how_to_split(tmp_path):
    arrays = {"X": WINDOWS, "y": LABELS, "take": RECORDING}
    message = refused(
        lambda: plan(tmp_path, arrays), "94 % of the sequences begin inside another one", "most 10 steps after"
    )
    assert "(group) (candidates: take), or split time" in message
    assert "near copies" in str(plan(tmp_path, arrays, split="random").notes)


@pytest.mark.parametrize(
    ("arrays", "options", "line"),
    [
        ({"take": RECORDING}, {"group": "take"}, "split by group: 'take' (8), none in two parts"),
        ({"subject": RECORDING}, {}, "split by group: 'subject' (8), none in two parts"),
        ({}, {"split": "group"}, "split by group: 8 recordings, as overlaps tell, none in two parts"),
    ],
)
def test_no_recording_is_in_two_parts(tmp_path, arrays, options, line):
    planned = plan(tmp_path, {"X": WINDOWS, "y": LABELS, **arrays}, **options)
    assert split_line(planned).startswith(line)
    for seed in (0, 1):
        train, validation, test = (set(RECORDING[part]) for part in parts_of(planned, seed))
        assert train | validation | test == set(range(RECORDINGS))
        assert not train & validation | train & test | validation & test
    assert not planned.notes


def test_by_time_the_last_ones_test_and_share_no_step_with_others(tmp_path):
    planned = plan(tmp_path, {"X": WINDOWS, "y": LABELS}, split="time")
    train, validation, test = parts_of(planned)
    assert max(train) < min(validation)
    assert max(validation) < min(test)
    assert sorted(test) == list(range(len(WINDOWS) - round(0.2 * len(WINDOWS)), len(WINDOWS)))
    assert not shares_a_step(train, [*validation, *test])
    assert not shares_a_step(validation, test)
    left_out = len(WINDOWS) - len(train) - len(validation) - len(test)
    assert left_out > 0
    assert f"; {left_out} that share steps with later ones are left out" in split_line(planned)


def test_the_steps_of_windows_at_random_are_shared(tmp_path):
    """So that the tests above look at what they say."""
    train, _, test = parts_of(plan(tmp_path, {"X": WINDOWS, "y": LABELS}, split="random"))
    assert shares_a_step(train, test)
    assert set(RECORDING[train]) & set(RECORDING[test])


def trials(**columns):
    """60 trials of 5 steps, of six subjects."""
    trial = np.repeat(np.arange(60), 5)
    labels = (np.arange(60) // 6 % 2)[trial]
    x = RNG.normal(size=300).round(4)
    frame = {"trial_id": trial, "step": np.tile(np.arange(5), 60), "x": x, "label": labels}
    return pandas.DataFrame({**frame, **{name: np.asarray(values)[trial] for name, values in columns.items()}})


@pytest.mark.parametrize("name", ["subject", "env", "patient_id"])
def test_a_column_that_says_whose_a_sequence_is_becomes_the_group_and_no_input(tmp_path, name):
    trials(**{name: np.arange(60) % 6}).to_csv(tmp_path / "a.csv", index=False)
    planned = comparison.plan(tmp_path / "a.csv")
    assert planned.guess.options["group"] == name
    task = create(planned.guess.task, planned.guess.options)
    assert task.encodings()["inputs"] == ["x"]
    assert split_line(planned).startswith(f"split by group: '{name}' (6), none in two parts")
    chosen = comparison.plan(tmp_path / "a.csv", split="random")
    assert "group" not in chosen.guess.options
    assert create(chosen.guess.task, chosen.guess.options).encodings()["inputs"] == ["x"]


def test_another_column_with_one_value_a_sequence_is_offered_and_stays_an_input(tmp_path):
    trials(kind=np.arange(60) % 6, serial=np.arange(60), mass=RNG.normal(size=60)).to_csv(tmp_path / "a.csv", index=False)
    planned = comparison.plan(tmp_path / "a.csv")
    offered = "no groups, but kind has one value a sequence, which comes again: is it whose they are?"
    assert (offered, ("group",)) in planned.inferences
    assert create(planned.guess.task, planned.guess.options).encodings()["inputs"] == ["x", "kind", "serial", "mass"]


def test_groups_are_not_split_by_time_or_at_random(tmp_path):
    trials(subject=np.arange(60) % 6).to_csv(tmp_path / "a.csv", index=False)
    for split in ("time", "random"):
        refused(
            lambda split=split: comparison.plan(tmp_path / "a.csv", group="subject", split=split), "both group and split"
        )
    refused(lambda: comparison.plan(tmp_path / "a.csv", split="tim"), "received 'tim', expected 'time', 'group' or 'random'")


def test_sequences_with_dates_are_in_order_of_their_first(tmp_path):
    """The file begins with the newest."""
    frame = trials()
    days = pandas.Timestamp("2024-06-01") - pandas.to_timedelta(frame.trial_id, "D")
    frame = frame.assign(step=days + pandas.to_timedelta(frame.step, "min"))
    frame.to_csv(tmp_path / "a.csv", index=False)
    planned = comparison.plan(tmp_path / "a.csv", split="time")
    task = create(planned.guess.task, planned.guess.options)
    x = task.encodings()["encoding"]["columns"][0]
    tested = np.asarray(task.splits(np.random.default_rng(0)).test.inputs)[:, :, 0] * x["deviation"] + x["mean"]
    np.testing.assert_allclose(np.sort(tested.ravel()), np.sort(frame.x[frame.trial_id < 12]), atol=1e-5)


def test_what_was_called_split_is_draws(tmp_path):
    np.savez(tmp_path / "mine.npz", X=RNG.normal(size=(40, 5)), y=np.arange(40) % 2)
    for value in ("drawn", "fixed"):
        task = create("sequences", {"path": str(tmp_path / "mine.npz"), "split": value})
        assert (task.draws, task.split, task.split_by) == (value, None, "random")
        assert comparison.plan(tmp_path / "mine.npz", split=value).experiment.tasks[0].options.get("draws", "fixed") == value
