"""The page "What we found" is that of the records, and they say what the words between its numbers say."""

import re
import statistics

import pytest
import site_sources
from places import ROOT

recorded, findings = site_sources.module("pages.recorded"), site_sources.module("pages.findings")
DOCS = ROOT / "docs"


def test_the_page_is_that_of_the_records():
    assert findings.PAGE.read_text(encoding="utf-8") == findings.page(), "PYTHONPATH=docs python -m pages.findings"


@pytest.mark.parametrize("write", findings.ORDER, ids=lambda write: write.__name__)
def test_a_finding_has_a_figure_a_record_and_an_answer(write):
    finding = write()
    figure = DOCS / f"{finding.figure}.svg"
    assert 2_000 < figure.stat().st_size < 200_000
    assert "?" not in finding.verdict
    assert all((ROOT / "experiments" / "results" / name / "README.md").is_file() for name in finding.records)
    assert "nan" not in " ".join(finding.text)


def test_every_claim_is_in_the_summary_and_has_a_figure_of_its_own():
    every = findings.findings()
    assert len({one.figure for one in every}) == len({findings.anchor(one.claim) for one in every}) == len(every)
    page = findings.PAGE.read_text(encoding="utf-8")
    for one in every:
        assert f"[{one.claim}](#{findings.anchor(one.claim)}) |" in page
        assert f"\n## {one.claim}\n" in page


# --- the words ---


def better(name, task, first, second):
    """Which of two is better, "" where neither is."""
    return recorded.of(name).pair(task, first, second)["better"]


def test_parameters():
    row = recorded.of("claims").row
    counts = [int(row("digits", cell)["recurrent_parameters"]) for cell in ("rnn", "gru", "lstm")]
    assert 3 * counts[0] < counts[1] < 0.8 * counts[2] == 0.8 * 4 * counts[0]
    assert recorded.of("claims").claims["gru.parameters < lstm.parameters"]["verdict"] == "supported"


def test_speed():
    def ratio(cell, path, equal):
        median, low, high = map(float, re.findall(r"[\d.]+", findings.ratio(cell, "lstm", path, equal)))
        assert low <= median <= high
        return low, high

    for path in ("fused", "keras xla"):
        assert ratio("gru", path, "units")[0] > 0.75, "by less than its share of weights"
        assert ratio("gru", path, "units")[1] < 1.0
    assert ratio("gru", "keras", "units")[0] > 1.0, "slower as shipped"
    step = {cell: float(recorded.of("memory").row("adding", cell)["step_ms"]) for cell in ("lstm", "gru")}
    assert step["gru"] < step["lstm"], "at another size it is the other way round"
    why = recorded.of("claims").claims["gru.seconds_per_step < lstm.seconds_per_step"]["why"]
    bounds = [tuple(map(float, pair)) for pair in re.findall(r"\[(-?[\d.]+), (-?[\d.]+)\] %", why)]
    assert [high < 0 for _, high in bounds] == [True] * 7 + [False], "faster on seven tasks, not on translation"
    for path in ("fused", "keras xla", "keras"):
        assert ratio("gru", path, "parameters")[0] > 1.0, "slower at equal parameters"


def test_gradients():
    def median(cell, when):
        return statistics.median(recorded.gradients()[cell][when])

    assert median("rnn", "before") > 100 * median("lstm", "before") > 10_000 * median("gru", "before")
    assert min(median("lstm", "after"), median("gru", "after")) > 100 * median("rnn", "after")


def test_counting():
    assert better("weiss2018_anbn", "counting", "lstm", "gru") == "lstm"
    record = recorded.of("weiss2018_anbn")
    accepted = {c: [float(run["test accepted_to"]) for run in record.of_cell("counting", c)] for c in ("lstm", "gru")}
    assert min(accepted["lstm"]) > 100, "at every seed further than it was trained on"
    assert sum(n > 100 for n in accepted["gru"]) >= 5, "it counts as well"
    verdicts = {line["cell"]: line["verdict"] for line in recorded.of("weiss2018_anbn").published}
    assert verdicts == {"lstm": "worse", "gru": "better"}


def test_tasks_and_what_is_served():
    claims = recorded.of("claims").claims
    for claim in ("gru.score > lstm.score", "lstm.score > gru.score"):
        assert claims[claim]["verdict"] == "inconclusive"
    others = ("digits", "delayed", "polyphonic", "ett", "tiny", "multi30k")
    for cell in ("gru", "lstm"):
        assert [better("claims", task, cell, "rnn") for task in ("spoken", "sst2")] == [cell, cell]
        assert not any(better("claims", task, cell, "rnn") for task in others)
    assert all(row["verdict"] == "supported" for claim, row in claims.items() if claim.startswith("gru.score > 0"))
    assert findings.baselines("claims")[:2] == (["music"], [])
    record = recorded.of("claims")
    forecasts = [record.score("ett", cell) for cell in ("rnn", "lstm", "gru")]
    assert all(one.high < 0 for one in forecasts), "worse than the trivial answer"
    for task in ("ett", "tiny"):
        model = record.best_baseline(task)
        assert record.score(task, model).mean > record.score(task, record.best(task)).high
        assert better("claims", task, "lstm", model) == model
        assert {record.pair(task, cell, model)["verdict"] for cell in ("rnn", "gru")} == {"withheld"}


def test_forget_gate():
    def equal(first, second):
        return not any(better("forget_gate", task, first, second) for task in ("adding", "delayed", "digits", "polyphonic"))

    assert equal("lstm", "janet")
    assert equal("lstm", "lstm(forget_bias=0)")
    assert equal("lstm", "lstm(longest=50)")
    test = recorded.of("forget_gate").test
    assert 8 < test("adding", "janet").mean / test("adding", "lstm").mean < 15
    assert test("polyphonic", "janet").high < test("polyphonic", "lstm").low


def test_length():
    record = recorded.of("length")

    def solved(cell, steps):
        ended = record.of_cell(f"adding(length={steps}, longer=1)", cell)
        return [len(ended), sum(recorded.number(run["score"]) > 0.9 for run in ended)]

    for cell in ("lstm", "gru"):
        assert [solved(cell, steps) for steps in (25, 50, 100, 200)] == [[5, 5]] * 4
    assert [solved("janet", steps)[1] for steps in (50, 100, 200)] == [5, 5, 0]
    assert [solved("rnn", steps)[1] for steps in (50, 200, 400)] == [4, 0, 0]
    assert [solved(cell, 400)[1] for cell in ("gru", "lstm", "janet")] == [5, 4, 2]
    assert [run["status"] for run in record.of_cell("adding(length=400, longer=1)", "janet")].count("diverged") == 1


def test_copying_over_a_thousand_steps():
    record = recorded.of("bai2018_copy_memory")
    for cell in ("rnn", "lstm", "gru"):
        assert record.test("copy", cell).mean > 0.0204, "no better than to guess: 10 ln 8 / 1020 = 0.02039"
    assert all(float(line["published"]) > 0.0195 for line in record.published)


def test_small_data():
    name, cells = "small_data", ("rnn", "lstm", "gru")
    ahead = []
    for examples in (100, 300, 1000, 3000):
        task = f"mnist(examples={examples},"
        assert recorded.of(name).best_baseline(task) == "rocket"
        assert not any(better(name, task, one, two) for one in cells for two in cells if one < two)
        ahead.append(better(name, task, recorded.of(name).best(task), "rocket"))
        for cell in cells:
            runs = recorded.of(name).of_cell(task, cell)
            assert all(float(run["last_validation_loss"]) > 2 * float(run["last_train_loss"]) for run in runs)
    assert ahead == ["rocket", "", "", ""]


def test_conventions():
    for task, verdict in (
        ("adding", "equivalent"),
        ("delayed", "equivalent"),
        ("digits", "inconclusive"),
        ("poly", "inconclusive"),
    ):
        for other in ("gru_reset_before", "gru(convention=write)"):
            assert recorded.of("conventions").pair(task, "gru", other)["verdict"] == verdict


def test_needed():
    better_models = [
        name
        for name, task, _ in findings.BESIDE
        if better(name, task, recorded.of(name).best(task), recorded.of(name).best_baseline(task))
        == recorded.of(name).best_baseline(task)
    ]
    assert better_models == ["karim2018_ucr"] * 3 + ["lin2023_ett"]
    verdicts = [
        recorded.of("claims").pair(task, recorded.of("claims").best(task), model)["verdict"] for task, model in WITHHELD
    ]
    assert verdicts == ["withheld", "withheld"]


WITHHELD = (("ett", "ridge"), ("tiny", "ngram"))


def test_seventeen():
    name = "equal_parameters"
    record = recorded.of(name)
    assert [record.best(task) for task in record.tasks] == ["lru", "rnn", "qrnn", "gru"]
    for task in record.tasks:
        best = record.best(task)
        assert not all(better(name, task, best, cell) == best for cell in record.cells if cell != best)
        assert not better(name, task, best, record.best_baseline(task))
    errors = {cell: record.test("airline", cell).mean for cell in record.cells}
    assert sorted(errors, key=errors.get)[:2] == ["lru", "rnn"]
