"""Every task in the catalogue keeps the contract; each check is shown to fail on a task that breaks it."""

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, get_args

import numpy as np
import own_files
import own_labelled
import pytest
from baseline_predictions import check_baseline_scores_chance, counted, draw, parts, real_steps, value
from pydantic import ValidationError
from scipy.io import savemat
from solvers import (
    solve_adding,
    solve_copy_memory,
    solve_delayed_recall,
    solve_modular_arithmetic,
    solve_parity,
    solve_reverse_string,
    solve_selective_copy,
    solve_temporal_order,
)

from gru_tf.data.datasets import DatasetError, locate
from gru_tf.tasks import END, TASKS, Examples, Metric, Signature, Splits, Task
from gru_tf.tasks.audio.polyphonic import FILES, Polyphonic, marginal_nll, read_pieces
from gru_tf.tasks.audio.spoken_digits import SpokenDigits
from gru_tf.tasks.forecasting.airline import Airline
from gru_tf.tasks.forecasting.ett import Ett
from gru_tf.tasks.images.digits import Digits
from gru_tf.tasks.images.mnist import Mnist
from gru_tf.tasks.language.multi30k import Multi30k
from gru_tf.tasks.memory.adding import Adding
from gru_tf.tasks.memory.copy_memory import CopyMemory
from gru_tf.tasks.memory.delayed_recall import DelayedRecall
from gru_tf.tasks.memory.selective_copy import SelectiveCopy
from gru_tf.tasks.series.ucr import Ucr

COLLECTIONS = get_args(Polyphonic.model_fields["collection"].annotation)

# What is particular to a task. A task that is not named here is tested at its default options, as a synthetic one.
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "digits": [{"reading": "pixels"}, {"reading": "rows"}],
    "polyphonic": [{"collection": collection} for collection in COLLECTIONS],
}
SMALL = {"examples": 300, "validation_examples": 12, "test_examples": 200}  # 512 sequences: half of 1,024
VARIANTS |= {  # memory, synthetic
    "adding": [
        {},
        {"length": 2},
        {"length": 3, "longer": 1},
        {"length": 10, "longer": 3, "examples": 20, "test_examples": 3000},
        {"shortest": 2, "length": 30, "test_shortest": 35, "test_longest": 60},
    ],
    "copy_memory": [
        {},
        {"delay": 1, "copied": 6, "alphabet": 5},
        {"delay": 7, "copied": 10, "alphabet": 2, "longer": 3, **SMALL},
        {"delay": 30, "copied": 40, "alphabet": 3, "longer": 1},
        {"shortest": 10, "delay": 20, "test_longest": 40},
    ],
    "temporal_order": [{}, {"relevant": 3}, {"length": 10, "longer": 3}, {"length": 10, "relevant": 3, "longer": 1}],
    "parity": [{}, {"running": True}, {"length": 10, "longer": 1, **SMALL}, {"length": 10, "running": True, **SMALL}],
    "selective_copy": [
        {},
        {"length": 5, "copied": 5, "alphabet": 7},
        {"length": 9, "copied": 1, "alphabet": 250, "longer": 3, **SMALL},
        {"length": 200, "copied": 100, "alphabet": 2, "longer": 1, **SMALL},
    ],
    "delayed_recall": [
        {},
        {"length": 8, "lag": 7},
        {"length": 10, "lag": 1, "alphabet": 2, "longer": 3, **SMALL},
        {"length": 30, "lag": 20, "alphabet": 250, "longer": 1},
        {"length": 20, "test_longest": 30},
    ],
    "modular_arithmetic": [
        {},
        {"length": 10, "modulus": 2, **SMALL},
        {"shortest": 8, "length": 20, "test_longest": 41},
    ],
    "reverse_string": [
        {},
        {"length": 10, "longer": 3, **SMALL},
        {"shortest": 1, "length": 40, "test_longest": 500},
    ],
    "counting": [
        {},
        {"language": "anbncn", "longest": 50, "targets": "determined"},
        {"longest": 1, "held_out": 1, "test_longest": 4, "copies": 1},
    ],
}
VARIANTS["temporal_order"].append({"shortest": 100, "length": 110})
VARIANTS["parity"].append({"shortest": 14, "length": 40, "running": True, "test_shortest": 41, "test_longest": 500})
VARIANTS["selective_copy"].append({"shortest": 9, "length": 30})
VARIANTS |= {  # forecasts of series that are drawn
    "waves": [{}, {"horizon": 10}, {"horizon": 10, "targets": "every"}, {"length": 5, "targets": "every"}],
}
VARIANTS["waves"].append({"horizon": 10, "targets": "every", "scores": "every"})
VARIANTS |= {  # images, speech, forecasts, series
    "mnist": [
        {"reading": "rows"},
        {"examples": 2000, "validation_examples": 500},
        {"reading": "rows", "permuted": True, "examples": 2000, "validation_examples": 500},
    ],
    "spoken_digits": [{}, {"held_out": "theo"}, {"held_out": "yweweler"}],
    "ett": [
        {},
        {"target": "OT", "horizon": 24},
        {"target": "OT", "inputs": "all", "window": 24, "horizon": 48, "relative": True},
    ],
    "airline": [{}, {"window": 12, "horizon": 24, "relative": False}],
    "sunspots": [{}, {"window": 12, "horizon": 140}, {"relative": True}],
    "temperatures": [{}, {"window": 10, "horizon": 7}],
    "ucr": [{"name": name} for name in ("ArrowHead", "GunPoint", "ItalyPowerDemand", "JapaneseVowels")],
}
VARIANTS |= {  # language
    "penn_treebank": [{"train_tokens": 20_011}, {"level": "words", "timesteps": 35, "embedding": 8}],
    "tiny_shakespeare": [{}, {"timesteps": 7, "embedding": 8, "train_tokens": 1000}],
    "sst2": [{}, {"vocabulary": 100, "longest": 5, "embedding": 8}],
    "imdb": [{}, {"vocabulary": 1000, "longest": 30}],
}
SHOP = {"path": own_files.path("shop.csv"), "target": ["sales"], "time": "day"}
SHOPS = {"path": own_files.path("shops.parquet"), "target": ["sales", "visits"], "time": "day", "group": "shop"}
VARIANTS |= {  # a user's own series
    "forecast": [
        {**SHOP, "covariates": ["temperature", "weather"], "window": 14, "horizon": 7, "season": 7},
        {**SHOPS, "window": 10, "horizon": 3, "relative": False},
        {**SHOP, "test_path": own_files.path("shop_later.csv"), "window": 7, "season": 14, "stride": 3},
    ],
}
VARIANTS |= {  # translation
    "multi30k": [
        {},
        {"source_vocabulary": 100, "target_vocabulary": 50, "longest": 6, "embedding": 8, "train_sentences": 1000},
        {"direction": "de-en", "minimum_count": 2, "reverse_source": True, "bleu": "words", "longest": 44},
    ],
}
FIXED = {"digits", "polyphonic"}  # the data set's own split: no seed changes it
FIXED |= {"mnist", "spoken_digits", "ett", "airline", "sunspots", "temperatures", "ucr"}
# Equal sequences that the published split holds in two parts, kept because scores must compare: train and validation,
# train and test, validation and test.
REPEATED = {"polyphonic(collection='nottingham')": (1, 1, 0)}
# A day on which all seven variables stand still, there in each split, is all zeros relative to its last hour.
REPEATED |= {"ett(target='OT', inputs='all', window=24, horizon=48, relative=True)": (1, 1, 1)}
FIXED |= {"forecast", "counting"}
NOISY = {"waves"}  # nobody can forecast its noise: its own tests have a solver that comes as near as can be
FIXED |= {"penn_treebank", "tiny_shakespeare", "sst2", "imdb"}
# Of up to eight bits there are fewer strings than are drawn.
REPEATED |= {"reverse_string(shortest=1, length=40, test_longest=500)": (74, 76, 40)}
REPEATED |= {  # a language has one string for each n: those that were trained are validated too
    "counting()": (100, 0, 0),
    "counting(language='anbncn', longest=50, targets='determined')": (50, 0, 0),
    "counting(longest=1, held_out=1, test_longest=4, copies=1)": (1, 0, 0),
}
REPEATED |= {  # language: texts of few words repeat, and cut short or with few known words do so more often
    "penn_treebank(level='words', timesteps=35, embedding=8)": (1, 1, 0),
    "tiny_shakespeare(timesteps=7, embedding=8, train_tokens=1000)": (8, 7, 1506),
    "sst2()": (0, 2, 0),
    "sst2(vocabulary=100, longest=5, embedding=8)": (264, 480, 152),
    "imdb()": (17, 83, 40),
    "imdb(vocabulary=1000, longest=30)": (18, 86, 41),
}
FIXED |= {"multi30k"}
REPEATED |= {
    "multi30k()": (1, 0, 0),
    "multi30k(direction='de-en', minimum_count=2, reverse_source=True, bleu='words', longest=44)": (1, 0, 0),
    "multi30k(source_vocabulary=100, target_vocabulary=50, longest=6, embedding=8, train_sentences=1000)": (78, 77, 72),
}


VARIANTS |= {"sequences": own_labelled.SEQUENCES, "texts": own_labelled.TEXTS}
FIXED |= {"sequences", "texts"}
REPEATED[f"texts({own_files.shown(own_labelled.TEXTS[1])})"] = (0, 1, 0)  # another file tests: what it repeats is kept

# What the targets are by the task's definition, from inputs and options, hand-written: (inputs, task) → targets.
Solver = Callable[[Any, Any], Any]
SOLVERS: dict[str, Solver] = {  # memory, synthetic
    "adding": solve_adding,
    "copy_memory": solve_copy_memory,
    "temporal_order": solve_temporal_order,
    "parity": solve_parity,
    "selective_copy": solve_selective_copy,
    "delayed_recall": solve_delayed_recall,
    "modular_arithmetic": solve_modular_arithmetic,
    "reverse_string": solve_reverse_string,
}


def entries() -> list[Any]:
    """(label, task) for every task at every variant."""
    cases = []
    for name in TASKS.names():
        for options in VARIANTS.get(name, [{}]):
            label = f"{name}({own_files.shown(options)})"
            cases.append(pytest.param(label, TASKS.find(name)(**options), id=label))
    return cases


every_task = pytest.mark.parametrize(("label", "task"), entries())


def every_part(splits: Splits) -> list[Examples]:
    """Training, validation, test and whatever further test splits there are."""
    return [*parts(splits), *splits.more.values()]


def arrays(splits: Splits) -> list[Any]:
    return [array for part in every_part(splits) for array in (part.inputs, part.targets, part.lengths)]


def equal(one: Splits, two: Splits) -> list[bool]:
    return [a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(arrays(one), arrays(two), strict=True)]


# ---------------------------------------------------------------------------------------------------------- the checks


def check_words(task: Task) -> None:
    for words in (task.question, task.reference, task.licence):
        assert words.strip()
        assert "\n" not in words


def check_same_seed_same_arrays(task: Task) -> None:
    assert all(equal(draw(task), draw(task)))


def check_other_seed_other_arrays(task: Task, fixed: bool) -> None:
    same = equal(draw(task, 0), draw(task, 1))
    drawn = same[::3]  # the inputs of the parts
    assert all(same) if fixed else not any(drawn), f"equal at two seeds: {same}; is it rightly in or out of FIXED?"


def check_global_generators_untouched(task: Task) -> None:
    before, legacy = random.getstate(), np.random.get_state(legacy=False)
    draw(task)
    after = np.random.get_state(legacy=False)
    assert random.getstate() == before
    assert np.array_equal(after["state"]["key"], legacy["state"]["key"])
    assert after["state"]["pos"] == legacy["state"]["pos"]


def check_splits_disjoint(task: Task, repeated: tuple[int, int, int] = (0, 0, 0)) -> None:
    """By content, padding aside; `repeated` must be exact, so that an exception cannot outlive its cause.

    A further test split holds nothing that training or validation have.
    """
    train, validation, test, *more = (
        {steps[:length].tobytes() for steps, length in zip(part.inputs, part.lengths, strict=True)}
        for part in every_part(draw(task))
    )
    assert (len(train & validation), len(train & test), len(validation & test)) == repeated
    assert not any(further & (train | validation) for further in more)


def check_shapes(task: Task) -> None:
    splits = draw(task)
    for part in every_part(splits):
        check_shapes_of(part, task.signature)
    assert max(part.inputs.shape[1] for part in parts(splits)) == task.signature.timesteps


def check_shapes_of(part: Examples, signature: Signature) -> None:
    count, timesteps, *features = part.inputs.shape
    assert features == ([] if signature.tokens else [signature.features])
    if signature.tokens:
        assert np.issubdtype(part.inputs.dtype, np.integer)
    else:
        assert part.inputs.dtype in (np.float32, np.uint8)
    assert part.lengths.shape == (count,)
    assert np.issubdtype(part.lengths.dtype, np.integer)
    assert part.lengths.max() == timesteps
    # only a network that must not look ahead, and is scored at every step, never meets padding
    unmet = signature.per_step and signature.causal
    assert signature.varying or unmet or part.lengths.min() == timesteps, "lengths vary: is that stated?"
    steps = (timesteps,) if signature.per_step else ()
    outputs = () if signature.target == "class" else (signature.outputs,)
    if signature.decoded:  # as long as its own longest
        steps = (int((part.targets >= 0).sum(1).max()),)
        assert steps <= (signature.decoded,)
    assert part.targets.shape == (count, *steps, *outputs)


def check_tokens(task: Task) -> None:
    if task.signature.tokens:
        for part in every_part(draw(task)):
            assert part.inputs.min() >= 0
            assert part.inputs.max() < task.signature.tokens


def check_targets(task: Task) -> None:
    for part in every_part(draw(task)):
        assert counted(task, part).any()
        if task.signature.target == "class":
            assert np.issubdtype(part.targets.dtype, np.signedinteger)
            assert part.targets.min() >= (-1 if task.signature.targets_over_time else 0)
            assert part.targets.max() < task.signature.outputs
        elif task.signature.target == "value":
            assert part.targets.dtype == np.float32
            assert np.isfinite(part.targets).all()
        else:
            assert part.targets.dtype == np.uint8
            assert part.targets.max() <= 1


def check_inputs_finite(task: Task) -> None:
    assert all(np.isfinite(part.inputs).all() for part in every_part(draw(task)) if part.inputs.dtype == np.float32)


def check_padding_is_zero(task: Task) -> None:
    """But that of classes, which is −1: no target."""
    nothing = -1 if task.signature.target == "class" else 0
    for part in every_part(draw(task)):
        padding = ~real_steps(part)
        assert not part.inputs[padding].any()
        if task.signature.decoded:  # one end, and nothing behind it
            assert not (np.diff((part.targets < 0).astype(int)) < 0).any()
            assert not ((part.targets[:, :-1] == END) & (part.targets[:, 1:] >= 0)).any()
        assert not (task.signature.per_step and (part.targets[padding] != nothing).any())


def check_causal_targets_lie_ahead(task: Task) -> None:
    """Where a step's target is the step that follows, it is that one, over the whole real length."""
    signature = task.signature
    if signature.causal and (signature.tokens or signature.features) == signature.outputs:
        for part in every_part(draw(task)):
            follows = real_steps(part)[:, 1:]
            coming, targets = part.inputs[:, 1:], part.targets[:, :-1]
            if signature.target == "class" and not signature.tokens:  # one-hot; a step may have no target
                coming, follows = coming.argmax(-1), follows & (targets >= 0)
            assert np.array_equal(targets[follows], coming[follows])


def check_files(task: Task) -> None:
    """The stated checksum is that of the file, a user's own or in the first named folder that has it."""
    folders = [Path(folder) for folder in os.environ.get("GRU_TF_DATA", "").split(os.pathsep) if folder]
    for path, sha256 in task.checksums().items():
        file = next(folder / path for folder in [Path(), *folders] if (folder / path).is_file())
        assert len(sha256) >= 16
        assert hashlib.sha256(file.read_bytes()).hexdigest().startswith(sha256)


def check_solver_scores_solved(task: Task, solver: Solver, options: Task | None = None) -> None:
    """On every part; `options` is the task whose options the solver reads, where it is not `task`."""
    for part in every_part(draw(task)):
        answer = solver(part.inputs, options or task)
        if task.signature.target == "class" and task.metric.name != "accuracy":
            answer = np.eye(task.signature.outputs)[answer]
        assert value(task, part, answer) == pytest.approx(task.metric.solved, abs=1e-12)


def check_import_leaves_tensorflow_unloaded(module: str, path: str = "") -> None:
    program = f"import sys, {module}; sys.exit('loaded' if {{'tensorflow', 'keras'}} & set(sys.modules) else 0)"
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# ------------------------------------------------------------------------------------------- every task, every variant

DATA_CHECKS: dict[str, Callable[[Task], None]] = {
    "same_seed_same_arrays": check_same_seed_same_arrays,
    "global_generators_untouched": check_global_generators_untouched,
    "shapes": check_shapes,
    "tokens": check_tokens,
    "targets": check_targets,
    "inputs_finite": check_inputs_finite,
    "padding_is_zero": check_padding_is_zero,
    "causal_targets_lie_ahead": check_causal_targets_lie_ahead,
    "files": check_files,
}


@every_task
@pytest.mark.parametrize("check", DATA_CHECKS)
def test_data(label: str, task: Task, check: str, needs_files: Callable[[Task], None]) -> None:
    needs_files(task)
    DATA_CHECKS[check](task)


@every_task
def test_words_and_signature_need_no_data(label: str, task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRU_TF_DATA", str(tmp_path / "none"))  # any look for a file would raise
    check_words(task)
    # words that occur so often are as many as the data have
    assert "minimum_count" in task.model_fields_set or task.signature.timesteps >= 1


@every_task
def test_another_seed(label: str, task: Task, needs_files: Callable[[Task], None]) -> None:
    needs_files(task)
    check_other_seed_other_arrays(task, fixed=label.partition("(")[0] in FIXED)
    assert task.draws_data == (label.partition("(")[0] not in FIXED)


@every_task
def test_splits_are_disjoint(label: str, task: Task, needs_files: Callable[[Task], None]) -> None:
    needs_files(task)
    check_splits_disjoint(task, REPEATED.get(label, (0, 0, 0)))


@every_task
def test_the_baseline_scores_chance(label: str, task: Task, needs_files: Callable[[Task], None]) -> None:
    needs_files(task)
    check_baseline_scores_chance(task, fixed=label.partition("(")[0] in FIXED)
    assert task.metric.trivial != Metric.trivial, "expected a name of the task's own for its baseline"


@pytest.mark.parametrize(
    ("label", "task"), [entry for entry in entries() if entry.id.partition("(")[0] not in FIXED | NOISY]
)
def test_solver_scores_solved(label: str, task: Task) -> None:
    assert label.partition("(")[0] in SOLVERS, "a synthetic task needs a hand-written solver in SOLVERS"
    check_solver_scores_solved(task, SOLVERS[label.partition("(")[0]])


def test_importing_the_tasks_leaves_tensorflow_unloaded() -> None:
    check_import_leaves_tensorflow_unloaded(", ".join(map(TASKS.address, TASKS.names())), os.getcwd())


def test_what_is_particular_names_tasks_that_exist() -> None:
    labels = {entry.id for entry in entries()}
    assert set(VARIANTS) | FIXED | set(SOLVERS) <= set(TASKS.names())
    assert set(REPEATED) <= labels
    assert not set(SOLVERS) & FIXED


# ------------------------------------------------------------------------------------- each check is shown able to fail


class Altered(Task):
    """A sound task with one thing changed."""

    question: ClassVar[str] = "Is the check able to fail?"
    reference: ClassVar[str] = "this file"
    licence: ClassVar[str] = " "

    original: Task
    change: Callable[[Splits, Any], Splits] = lambda splits, rng: splits
    stated_signature: Mapping[str, Any] = {}
    stated_metric: Mapping[str, Any] = {}

    @property
    def signature(self) -> Signature:
        return replace(self.original.signature, **self.stated_signature)

    @property
    def metric(self) -> Metric:
        return replace(self.original.metric, **self.stated_metric)

    def splits(self, rng: np.random.Generator) -> Splits:
        return self.change(self.original.splits(rng), rng)


class Rolls(Task):
    """Six small random piano rolls a split, of 2 to 5 steps and 4 notes: a sound task with padding, made of nothing."""

    question: ClassVar[str] = "Which of 4 notes sound next?"
    reference: ClassVar[str] = "this file"
    licence: ClassVar[str] = "none"

    @property
    def signature(self) -> Signature:
        return Signature(timesteps=4, features=4, outputs=4, target="binary", per_step=True, causal=True)

    @property
    def metric(self) -> Metric:
        return Metric(name="nll", direction="min", chance=4 * np.log(2), solved=0.0)

    def splits(self, rng: np.random.Generator) -> Splits:
        lengths = np.array([4, 1, 2, 3, 4, 4])
        real = (np.arange(4) < lengths[:, None])[..., None]
        rolls = [rng.integers(0, 2, (6, 5, 4), np.uint8) for _ in range(3)]
        return Splits(*(Examples(roll[:, :-1] * real, roll[:, 1:] * real, lengths) for roll in rolls))


class Words(Task):
    """Six small random texts a split, of 2 to 5 words out of 9, each word to be predicted: padded tokens."""

    question: ClassVar[str] = "Which of 9 words comes next?"
    reference: ClassVar[str] = "this file"
    licence: ClassVar[str] = "none"

    @property
    def signature(self) -> Signature:
        return Signature(4, 3, outputs=9, target="class", per_step=True, causal=True, tokens=9, varying=True)

    @property
    def metric(self) -> Metric:
        return Metric(name="perplexity", direction="min", chance=9.0, solved=1.0)

    def splits(self, rng: np.random.Generator) -> Splits:
        lengths = np.array([4, 1, 2, 3, 4, 4])
        real = np.arange(4) < lengths[:, None]
        texts = [rng.integers(0, 9, (6, 5)) for _ in range(3)]
        return Splits(*(Examples(np.where(real, t[:, :-1], 0), np.where(real, t[:, 1:], -1), lengths) for t in texts))


adding, rolls, digits, words = (
    Adding(length=4, examples=50, validation_examples=50, test_examples=400),
    Rolls(),
    Digits(reading="rows"),
    Words(),
)
few = {"examples": 50, "validation_examples": 50, "test_examples": 400}
copying, picking, recalling = CopyMemory(delay=4, **few), SelectiveCopy(length=12, **few), DelayedRecall(length=12, **few)


def with_test(change: Callable[[Examples], dict[str, Any]]) -> Callable[[Splits, Any], Splits]:
    """Splits of which some arrays of the test part are others."""
    return lambda splits, rng: replace(splits, test=replace(splits.test, **change(splits.test)))


def with_longer(change: Callable[[Examples], dict[str, Any]]) -> Callable[[Splits, Any], Splits]:
    """Splits of which some arrays of the further test split "longer" are others."""
    return lambda splits, rng: replace(
        splits, more={"longer": replace(splits.more["longer"], **change(splits.more["longer"]))}
    )


def at(array: Any, index: Any, number: float) -> Any:
    """The array with another number there."""
    changed = array.copy()
    changed[index] = number
    return changed


def leak(splits: Splits, rng: Any) -> Splits:
    splits.train.inputs[0, : splits.test.inputs.shape[1]] = splits.test.inputs[0]
    return splits


def unseeded(splits: Splits, rng: Any) -> Splits:
    splits.test.inputs[...] = np.random.default_rng().random(splits.test.inputs.shape)
    return splits


def touch(generator: Callable[[], float]) -> Callable[[Splits, Any], Splits]:
    def change(splits: Splits, rng: Any) -> Splits:
        generator()
        return splits

    return change


def dirty_padding(name: str) -> Callable[[Splits, Any], Splits]:
    def change(splits: Splits, rng: Any) -> Splits:
        array = getattr(splits.validation, name)
        array[1, -1] = 1  # the second piece has one real step
        return splits

    return change


def same_at_every_seed(splits: Splits, rng: Any) -> Splits:
    return draw(adding, 5)


MUTATIONS: dict[str, tuple[Callable[[Any], None], Task]] = {
    "no licence": (check_words, Altered(original=adding)),
    "unseeded": (check_same_seed_same_arrays, Altered(original=adding, change=unseeded)),
    "one data set for every seed": (
        lambda task: check_other_seed_other_arrays(task, fixed=False),
        Altered(original=adding, change=same_at_every_seed),
    ),
    "drawn, but said to be fixed": (lambda task: check_other_seed_other_arrays(task, fixed=True), adding),
    "Python's generator": (check_global_generators_untouched, Altered(original=adding, change=touch(random.random))),
    "NumPy's generator": (check_global_generators_untouched, Altered(original=adding, change=touch(np.random.random))),
    "a test row in train": (check_splits_disjoint, Altered(original=adding, change=leak)),
    "a test image in train": (check_splits_disjoint, Altered(original=digits, change=leak)),
    "an exception gone stale": (lambda task: check_splits_disjoint(task, (0, 1, 0)), adding),
    "wrong length stated": (check_shapes, Altered(original=adding, stated_signature={"timesteps": 5})),
    "wrong features stated": (check_shapes, Altered(original=adding, stated_signature={"features": 3})),
    "wrong outputs stated": (check_shapes, Altered(original=adding, stated_signature={"outputs": 2})),
    "per step, not so": (check_shapes, Altered(original=adding, stated_signature={"per_step": True})),
    "a last step that is nobody's": (
        check_shapes,
        Altered(original=rolls, change=with_test(lambda e: {"lengths": np.minimum(e.lengths, 3)})),
    ),
    "double precision": (
        check_shapes,
        Altered(original=adding, change=with_test(lambda e: {"inputs": e.inputs * np.ones(1)})),
    ),
    "a label too many": (check_targets, Altered(original=digits, change=with_test(lambda e: {"targets": e.targets + 1}))),
    "targets of two": (check_targets, Altered(original=rolls, change=with_test(lambda e: {"targets": e.targets * 2}))),
    "targets not a number": (
        check_targets,
        Altered(original=adding, change=with_test(lambda e: {"targets": e.targets * np.float32("nan")})),
    ),
    "inputs not a number": (
        check_inputs_finite,
        Altered(original=adding, change=with_test(lambda e: {"inputs": e.inputs * np.float32("nan")})),
    ),
    "dirty input padding": (check_padding_is_zero, Altered(original=rolls, change=dirty_padding("inputs"))),
    "dirty target padding": (check_padding_is_zero, Altered(original=rolls, change=dirty_padding("targets"))),
    "targets are the inputs": (
        check_causal_targets_lie_ahead,
        Altered(original=rolls, change=with_test(lambda e: {"targets": e.inputs})),
    ),
    "chance of adding 10 % off": (
        lambda task: check_baseline_scores_chance(task, fixed=False),
        Altered(original=Adding(length=4, test_examples=10_000), stated_metric={"chance": 1 / 6 * 1.1}),
    ),
    "chance of digits below a guess": (
        lambda task: check_baseline_scores_chance(task, fixed=True),
        Altered(original=digits, stated_metric={"chance": 27 / 360}),
    ),
    "wrong direction": (
        lambda task: check_baseline_scores_chance(task, fixed=True),
        Altered(original=digits, stated_metric={"direction": "min"}),
    ),
    "unsolvable": (
        lambda task: check_solver_scores_solved(task, solve_adding),
        Altered(original=adding, change=with_test(lambda e: {"targets": e.targets + np.float32(0.01)})),
    ),
}
MUTATIONS |= {  # of tokens
    "tokens said to be numbers": (check_shapes, Altered(original=words, stated_signature={"tokens": 0})),
    "numbers said to be tokens": (check_shapes, Altered(original=copying, stated_signature={"tokens": 10})),
    "tokens that are no whole numbers": (
        check_shapes,
        Altered(original=words, change=with_test(lambda e: {"inputs": e.inputs.astype(np.float32)})),
    ),
    "a token beyond the vocabulary": (check_tokens, Altered(original=picking, stated_signature={"tokens": 9})),
    "a token below 0": (
        check_tokens,
        Altered(original=words, change=with_test(lambda e: {"inputs": at(e.inputs, (0, 0), -1)})),
    ),
    "dirty token padding": (check_padding_is_zero, Altered(original=words, change=dirty_padding("inputs"))),
    "tokens do not follow": (
        check_causal_targets_lie_ahead,
        Altered(original=words, change=with_test(lambda e: {"targets": e.inputs})),
    ),
}
MUTATIONS |= {  # of classes at every step
    "a class too many at a step": (
        check_targets,
        Altered(original=copying, change=with_test(lambda e: {"targets": at(e.targets, (3, -1), 9)})),
    ),
    "a class below −1": (
        check_targets,
        Altered(original=copying, change=with_test(lambda e: {"targets": at(e.targets, (3, -1), -2)})),
    ),
    "no class for a whole sequence": (
        check_targets,
        Altered(original=digits, change=with_test(lambda e: {"targets": at(e.targets, 3, -1)})),
    ),
    "no target at all": (
        check_targets,
        Altered(original=recalling, change=with_test(lambda e: {"targets": e.targets * 0 - 1})),
    ),
    "classes without a sign": (
        check_targets,
        Altered(original=copying, change=with_test(lambda e: {"targets": e.targets.astype(np.uint8)})),
    ),
    "a class for padding": (check_padding_is_zero, Altered(original=words, change=dirty_padding("targets"))),
    "lengths vary unsaid": (
        check_shapes,
        Altered(original=adding, change=with_test(lambda e: {"lengths": at(e.lengths, 0, 1)})),
    ),
    "chance of copy memory 1 % off": (
        lambda task: check_baseline_scores_chance(task, fixed=False),
        Altered(original=CopyMemory(test_examples=10_000), stated_metric={"chance": 10 * np.log(8) / 70 * 1.01}),
    ),
    "chance of delayed recall 5 % off": (
        lambda task: check_baseline_scores_chance(task, fixed=False),
        Altered(original=DelayedRecall(test_examples=10_000), stated_metric={"chance": 0.25 * 1.05}),
    ),
    "one wrong symbol": (
        lambda task: check_solver_scores_solved(task, solve_copy_memory, copying),
        Altered(original=copying, change=with_test(lambda e: {"targets": at(e.targets, (0, -1), 0)})),
    ),
}
MUTATIONS |= {  # of lengths
    "lengths vary unsaid where the network may look ahead": (
        check_shapes,
        Altered(original=rolls, stated_signature={"causal": False}),
    ),
}
MUTATIONS |= {  # of further test splits
    "training rows in a further split": (
        check_splits_disjoint,
        Altered(original=adding, change=lambda splits, rng: replace(splits, more={"again": splits.train})),
    ),
    "validation rows in a further split": (
        check_splits_disjoint,
        Altered(original=words, change=lambda splits, rng: replace(splits, more={"again": splits.validation})),
    ),
    "a further split unseeded": (
        check_same_seed_same_arrays,
        Altered(original=adding, change=with_longer(lambda e: {"inputs": np.random.default_rng().random(e.inputs.shape)})),
    ),
    "one further split for every seed": (
        lambda task: check_other_seed_other_arrays(task, fixed=False),
        Altered(original=adding, change=with_longer(lambda e: {"inputs": e.inputs * 0})),
    ),
    "other features in a further split": (
        check_shapes,
        Altered(original=adding, change=with_longer(lambda e: {"inputs": e.inputs[..., :1]})),
    ),
    "a label too many in a further split": (
        check_targets,
        Altered(original=picking, change=with_longer(lambda e: {"targets": e.targets + 1})),
    ),
    "a wrong answer in a further split": (
        lambda task: check_solver_scores_solved(task, solve_selective_copy, picking),
        Altered(original=picking, change=with_longer(lambda e: {"targets": at(e.targets, (0, -1), 8)})),
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_check_fails_on_a_broken_task(name: str) -> None:
    check, broken = MUTATIONS[name]
    with pytest.raises(AssertionError):
        check(broken)


@pytest.mark.parametrize("task", [rolls, words, adding, copying, picking, recalling], ids=lambda task: type(task).__name__)
def test_what_is_altered_is_sound(task: Task) -> None:
    """Else its mutations would prove nothing."""
    for check in [*DATA_CHECKS.values(), check_splits_disjoint]:
        check(task)
    check_other_seed_other_arrays(task, fixed=False)


def test_the_file_check_fails_on_a_wrong_checksum(needs_files: Callable[[Task], None]) -> None:
    class Wrong(Polyphonic):
        def checksums(self) -> dict[str, str]:
            return dict.fromkeys(super().checksums(), "0" * 64)

    needs_files(Wrong())
    with pytest.raises(AssertionError):
        check_files(Wrong())


def test_the_import_check_fails_where_tensorflow_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text("")
    (tmp_path / "heavy.py").write_text("import tensorflow")
    with pytest.raises(AssertionError):
        check_import_leaves_tensorflow_unloaded("heavy", str(tmp_path))


# ------------------------------------------------------------------------------------------------- the tasks one by one


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (Digits, {"reading": "columns"}),
        (Adding, {"length": 1}),
        (Adding, {"length": "50"}),
        (Adding, {"test_examples": 0}),
        (Adding, {"delay": 3}),
        (Polyphonic, {"collection": "jsb"}),
        (Mnist, {"examples": 50_001}),
        (Mnist, {"reading": "columns"}),
        (SpokenDigits, {"held_out": "jason"}),
        (Ett, {"target": "HUFL"}),
        (Ett, {"horizon": 2881}),
        (Ett, {"window": 8600, "horizon": 96}),
        (Airline, {"horizon": 25}),
        (Ucr, {"name": "Coffee"}),
        (Ucr, {"path": "a.ts"}),
        (Ucr, {"path": "a.ts", "test_path": "b.ts", "name": "GunPoint"}),
        (Ucr, {"validation": 1.0}),
        (Multi30k, {"longest": 45}),
        (Multi30k, {"direction": "de-fr"}),
        (Multi30k, {"train_sentences": 29_001}),
        (Multi30k, {"beam": 0}),
    ],
)
def test_an_impossible_option_is_refused(kind: type[Task], options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        kind(**options)


@pytest.mark.parametrize("lengths", [[3, 0], [3, 4], [-1, 3]])
def test_examples_of_an_impossible_length_are_refused(lengths: list[int]) -> None:
    with pytest.raises(ValueError, match=r"expected lengths from 1 to 3\. Received: (0|4|-1) in row [01]"):
        Examples(np.zeros((2, 3, 1)), np.zeros(2), np.array(lengths))


def test_digits_are_those_of_scikit_learn() -> None:
    """Read from the package's table of comma-separated numbers, in the order of the fixed permutation."""
    import sklearn.datasets

    table = np.loadtxt(Path(sklearn.datasets.__file__).parent / "data" / "digits.csv.gz", delimiter=",")
    table = table[np.random.default_rng(0).permutation(1797)]
    for reading, shape in (("pixels", (64, 1)), ("rows", (8, 8))):
        splits = draw(Digits.model_validate({"reading": reading}))
        assert [len(part) for part in parts(splits)] == [1078, 359, 360]
        inputs = np.concatenate([part.inputs for part in parts(splits)])
        assert np.array_equal(inputs, table[:, :64].reshape(-1, *shape) / 16)
        assert np.array_equal(np.concatenate([part.targets for part in parts(splits)]), table[:, 64])
    assert Digits().metric.chance == 1 / 10


def test_digits_handed_out_may_be_changed() -> None:
    draw(Digits()).test.inputs[...] = 0
    assert draw(Digits()).test.inputs.any()


@pytest.mark.parametrize("length", [2, 3, 7, 50])
def test_adding_marks_once_in_each_half(length: int) -> None:
    for part in parts(draw(Adding(length=length, examples=2000))):
        markers = part.inputs[..., 1]
        assert np.isin(markers, (0, 1)).all()  # at length 2 both steps are marked
        assert (markers[:, : length // 2].sum(1) == 1).all()
        assert (markers[:, length // 2 :].sum(1) == 1).all()
        assert (markers.sum(0) > 0).all()  # any step may be marked
        assert part.inputs[..., 0].min() >= 0
        assert part.inputs[..., 0].max() < 1


PUBLISHED = {"jsb_chorales": 11.09, "nottingham": 10.26, "musedata": 11.52, "piano_midi": 11.05}
PIECES = {
    "jsb_chorales": (229, 76, 77),
    "nottingham": (694, 173, 170),
    "musedata": (524, 135, 124),
    "piano_midi": (87, 12, 25),
}
STEPS = {
    "jsb_chorales": (13_807, 4_602, 4_725),
    "nottingham": (176_561, 45_513, 44_463),
    "musedata": (245_202, 82_755, 64_339),
    "piano_midi": (75_911, 8_540, 19_036),
}


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_polyphonic_has_the_known_pieces(collection: str, needs_files: Callable[[Task], None]) -> None:
    task = Polyphonic.model_validate({"collection": collection})
    needs_files(task)
    splits = draw(task)
    assert tuple(len(part) for part in parts(splits)) == PIECES[collection]
    assert tuple(int((part.lengths + 1).sum()) for part in parts(splits)) == STEPS[collection]
    assert round(task.metric.chance, 2) == PUBLISHED[collection]
    assert locate(FILES[collection]).stat().st_size == FILES[collection].bytes


def test_marginals_by_hand() -> None:
    """Two notes. Training predicts three steps, in which they sound 2 and 0 times: (2 + 1)/5 and 1/5."""
    train = [np.array([[0, 1], [1, 0], [0, 0]], np.uint8), np.array([[0, 0], [1, 0]], np.uint8)]
    test = [np.array([[0, 1], [1, 1]], np.uint8)]
    assert marginal_nll(train, test) == pytest.approx(-np.log(3 / 5) - np.log(1 / 5))


def cells(*pieces: Any) -> Any:
    """A MATLAB cell array (1, number of pieces)."""
    array = np.empty((1, len(pieces)), object)
    for index, piece in enumerate(pieces):
        array[0, index] = piece
    return array


ROLL = np.eye(5, 88, dtype=np.uint8)
GOOD = {"traindata": cells(ROLL, ROLL[:2]), "validdata": cells(ROLL), "testdata": cells(ROLL)}


def test_a_file_of_the_right_form_is_read(tmp_path: Path) -> None:
    savemat(tmp_path / "piece.mat", GOOD)
    train, validation, test = read_pieces(tmp_path / "piece.mat")
    assert [len(piece) for piece in train] == [5, 2]
    assert np.array_equal(test[0], ROLL)
    assert len(validation) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"traindata": cells(ROLL)}, "Received: traindata"),
        ({**GOOD, "testdata": cells(ROLL, ROLL[:, :87])}, "testdata, piece 2: expected a uint8 matrix .* uint8 \\(5, 87\\)"),
        ({**GOOD, "testdata": cells(ROLL * 2)}, "of zeros and ones"),
        ({**GOOD, "testdata": cells(ROLL[:1])}, "2 or more steps"),
        ({**GOOD, "testdata": cells(ROLL.astype(float))}, "float64 \\(5, 88\\)"),
        ({**GOOD, "testdata": ROLL.astype(float)}, "piece 1: expected a uint8 matrix .* Received: float64 \\(\\)"),
        ({**GOOD, "testdata": cells()}, "at least one piece"),
    ],
)
def test_malformed_content_is_refused(tmp_path: Path, content: dict[str, Any], words: str) -> None:
    savemat(tmp_path / "piece.mat", content)
    with pytest.raises(DatasetError, match=words):
        read_pieces(tmp_path / "piece.mat")


@pytest.mark.parametrize("size", [0, 100, 1000])
def test_a_damaged_file_is_refused(tmp_path: Path, size: int) -> None:
    savemat(tmp_path / "whole.mat", GOOD, do_compression=True)
    whole = (tmp_path / "whole.mat").read_bytes()
    (tmp_path / "piece.mat").write_bytes(whole[:size] if size < 1000 else whole[:-40])
    with pytest.raises(DatasetError, match="expected a MATLAB file|expected the arrays"):
        read_pieces(tmp_path / "piece.mat")


def test_a_longest_piece_that_the_signature_does_not_promise_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    savemat(tmp_path / "piece.mat", GOOD)
    monkeypatch.setenv("GRU_TF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("gru_tf.tasks.audio.polyphonic.locate", lambda file: tmp_path / "piece.mat")
    with pytest.raises(DatasetError, match="expected a longest piece of 160 steps. Received: 5 steps"):
        draw(Polyphonic())
