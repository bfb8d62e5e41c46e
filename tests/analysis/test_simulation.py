"""Simulated experiments: a table of which everything is known, today's protocol beside the new one, and the benchmark."""

import importlib.util
import math
from dataclasses import replace

import numpy as np
import pytest
from places import ROOT

from gru_tf.analysis import simulation
from gru_tf.analysis.simulation import Outcome, RunTable, reliability, replicates, truths
from gru_tf.analysis.statistics.intervals import Interval

CELLS = ("gru", "lstm", "rnn")


def table(means=(0.95, 0.93, 0.89), spread=0.1, of_seed=0.02, configurations=12, seeds=9, **options):
    """Cells whose configurations scatter by `spread`, and each of its seeds by `of_seed`, on validation and on test."""
    rng = np.random.default_rng(0)
    of_configuration = np.array(means)[:, None, None] - spread * np.abs(rng.normal(size=(3, configurations, 1)))
    noise = of_seed * rng.normal(size=(2, 3, configurations, seeds))
    validation, test = np.clip(of_configuration + noise, 0, 1)
    options = {"chance": 0.1, "margin": 0.009, "examples": 360} | options
    return RunTable("made", CELLS, validation, test, **options)


def test_a_replicate_tunes_on_validation_and_scores_another_seed():
    """Scores that say which configuration and seed they are of, so that every draw can be checked."""
    configurations, seeds = 5, 4
    validation = np.tile(np.arange(configurations)[None, :, None], (1, 1, seeds)).astype(float)
    test = np.arange(configurations * seeds, dtype=float).reshape(1, configurations, seeds)
    known = RunTable("coded", ("gru",), validation, test, chance=0.0, margin=0.1)
    rng = np.random.default_rng(1)
    scores = replicates(known, 40_000, 2, rng)[0]
    chosen = scores // seeds
    rates = np.bincount(chosen.astype(int), minlength=5) / len(scores)
    assert rates == pytest.approx([0, 0.1, 0.2, 0.3, 0.4], abs=0.01)  # the larger of two of five: (i) / 10
    assert np.bincount((scores % seeds).astype(int)) / len(scores) == pytest.approx([0.25] * 4, abs=0.01)
    coded = RunTable("coded", ("gru",), validation * 0 + np.arange(seeds), test, chance=0.0, margin=0.1)
    assert set(replicates(coded, 200, configurations, rng, searches=1)[0] // seeds) <= {0, 1, 2, 3, 4}


def test_one_search_gives_all_its_seeds_one_configuration():
    known = table()
    rng = np.random.default_rng(0)
    for _ in range(20):
        scores = replicates(known, 5, 4, rng, searches=1)
        for row, cell in zip(scores, known.test, strict=True):
            assert any(np.isin(row, configuration).all() for configuration in cell)


def test_the_truth_is_the_mean_by_brute_force():
    known = table(configurations=3, seeds=3)
    total = []
    for searched in range(3):
        for final in {0, 1, 2} - {searched}:
            best = np.argmax(known.validation[:, :, searched], axis=1)
            total.append([known.test[i, best[i], final] for i in range(3)])
    known_of = truths(known, 3).values()
    assert [of["mean"] for of in known_of] == pytest.approx(np.mean(total, axis=0), abs=3e-4)
    assert [of["median"] for of in known_of] == pytest.approx(np.median(total, axis=0), abs=3e-2)
    assert [(of["learned"], of["rate"]) for of in known_of] == [(of["mean"], 1.0) for of in known_of]


def test_the_truth_of_a_cell_that_fails_is_known_by_what_is_spoken_of():
    steady, failing = (truths(table(failing=share), 4)["gru"] for share in ({}, {"gru": 0.1}))
    assert failing["rate"] == pytest.approx(0.9, abs=0.01)
    assert failing["learned"] == pytest.approx(steady["mean"], abs=1e-3)
    assert failing["mean"] == pytest.approx(0.9 * steady["mean"] + 0.1 * 0.1, abs=0.01)


def test_failures_are_as_many_as_asked():
    scores = replicates(table(failing={"gru": 0.1}), 20_000, 4, np.random.default_rng(0))
    assert np.mean(scores < 0.3, axis=1) == pytest.approx([0.1, 0, 0], abs=0.01)
    assert np.median(scores[0][scores[0] < 0.3]) == pytest.approx(0.1, abs=0.001)


def outcome(answers, low=0.0, unreliable=()):
    intervals = {(0, cell): Interval(0.9, low, 1.0) for cell in CELLS}
    answers = dict(zip([(0, "gru", "lstm"), (0, "gru", "rnn"), (0, "lstm", "rnn")], answers, strict=True))
    return Outcome(answers, intervals, frozenset(unreliable), (5.0,))


def test_what_is_counted():
    known = table()
    first, second = outcome([1, 1, None]), outcome([1, -1, None], low=0.99)
    counted = reliability([known], [first, second], 4)
    assert counted.decided == pytest.approx(4 / 6)
    assert counted.same == counted.same_or_open == 0.5
    assert counted.all_same == 0
    assert counted.wrong == 0.5  # gru is better than rnn
    assert counted.coverage == 0.5
    assert math.isnan(counted.unreliable[0])
    assert counted.replicates == (5.0,)
    open_ = reliability([known], [outcome([1, 1, 1]), outcome([1, None, None])], 4)
    assert (open_.same, open_.same_or_open, open_.wrong) == (1.0, pytest.approx(1 / 3), 0.0)
    assert reliability([known], [outcome([0, 1, 1])] * 2, 4).wrong == 1.0  # gru and lstm are not equivalent
    assert reliability([table(margin=0.5)], [outcome([0, 1, 1])] * 2, 4).wrong == 0.0


@pytest.mark.parametrize(("what", "wrong"), [("rate", 1.0), ("mean", 1.0), ("learned", 0.0)])
def test_a_verdict_is_wrong_of_what_it_speaks_of(what, wrong):
    known = table(failing={"gru": 0.3})  # better than lstm where it learns
    one = replace(outcome([1, None, None]), spoken_of={(0, "gru", "lstm"): what})
    assert reliability([known], [one] * 2, 4).wrong == wrong


def simulated(protocol, tables, experiments, draws=4):
    rng = np.random.default_rng(0)
    return reliability(tables, [protocol(tables, draws, rng) for _ in range(experiments)], draws)


def test_two_experiments_agree_and_those_of_one_search_do_not():
    """The figures of `benchmarks/verdicts.py` on a small scale, on a made table whose searches matter as real ones do."""
    tables = [table()]
    anew = simulated(simulation.until_decided, tables, 60)
    once = simulated(simulation.one_search, tables, 400)
    assert anew.same >= 0.97
    assert anew.same_or_open >= 0.93
    assert anew.wrong <= 0.05
    assert 0.9 <= anew.coverage <= 0.98
    assert anew.decided > 0.9
    assert once.same_or_open < 0.65
    assert once.coverage < 0.85


def test_failures_are_noticed_and_turn_no_verdict():
    known = simulated(simulation.until_decided, [table((0.93, 0.925, 0.92), failing={"gru": 0.1})], 60)
    assert known.unreliable[0] > 0.85
    assert known.unreliable[1] <= 0.02
    assert known.wrong <= 0.05
    assert 0.9 <= known.coverage <= 0.99


def test_the_benchmark_reads_a_table_and_prints(tmp_path, monkeypatch, capsys):
    spec = importlib.util.spec_from_file_location("verdicts", ROOT / "benchmarks" / "verdicts.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    known = table()
    head = "# metric=accuracy direction=max chance=0.1 solved=1.0 examples=360 paired=True"
    lines = [head, "cell,configuration,learning_rate,clip_norm,seed,status,validation,test"]
    for i, cell in enumerate(CELLS):
        for j in range(12):
            for seed in range(9):
                status = "diverged,,0.3" if (i, j, seed) == (0, 0, 0) else f"finished,{known.validation[i, j, seed]}"
                test = "" if status.startswith("diverged") else f",{known.test[i, j, seed]}"
                lines.append(f"{cell},{j},0.01,1.0,{seed},{status}{test}")
    lines.append(f"{CELLS[-1]},11,0.01,1.0,9,finished,0.5,0.5")  # a seed that not every cell was run at
    path = tmp_path / "made.csv"
    path.write_text("\n".join(lines))
    read = module.read(path)
    assert read.validation[0, 0, 0] == -math.inf
    assert (read.test.ravel()[1:] == known.test.ravel()[1:]).all()
    assert (read.margin, read.paired, read.examples) == (pytest.approx(0.009), True, 360)
    monkeypatch.setattr("sys.argv", ["verdicts.py", str(path), "--experiments", "4", "--at-most", "8"])
    module.main()
    printed = capsys.readouterr().out
    assert printed.count("replicates until decided: ") == printed.count("one search, five seeds: ") == 2
    path.write_text("\n".join(lines[:3]))
    with pytest.raises(SystemExit, match="expected two seeds"):
        module.read(path)
