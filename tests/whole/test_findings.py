"""The page "What we found" is that of the records, and they say what the words between its numbers say."""

import re

import pytest
import site_sources
from places import ROOT

recorded, findings = site_sources.module("pages.recorded"), site_sources.module("pages.findings")
DOCS = ROOT / "docs"


def test_the_page_is_that_of_the_records():
    assert findings.PAGE.read_text(encoding="utf-8") == findings.page(), "PYTHONPATH=docs python -m pages.findings"


@pytest.mark.parametrize("finding", findings.findings(), ids=lambda one: one.figure)
def test_a_finding_has_a_figure_a_record_and_an_answer(finding):
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
        low, _, high = map(float, re.findall(r"[\d.]+", findings.ratio(cell, "lstm", path, equal)))
        return low, high

    for path in ("fused", "keras xla"):
        assert ratio("gru", path, "units")[1] < 1.0 < ratio("gru", path, "parameters")[0] + 0.1
    assert ratio("gru", "keras", "units")[0] > 1.0, "slower as shipped"
    for path in ("fused", "keras xla", "keras"):
        assert ratio("gru", path, "parameters")[0] > 1.0, "slower at equal parameters"


def test_gradients():
    def median(cell, when):
        return sorted(recorded.gradients()[cell][when])[5]

    assert median("rnn", "before") > 100 * median("lstm", "before") > 10_000 * median("gru", "before")
    assert min(median("lstm", "after"), median("gru", "after")) > 100 * median("rnn", "after")


def test_counting():
    assert better("weiss2018_anbn", "counting", "lstm", "gru") == "lstm"
    verdicts = {line["cell"]: line["verdict"] for line in recorded.of("weiss2018_anbn").published}
    assert verdicts == {"lstm": "worse", "gru": "better"}


def test_tasks_and_what_is_served():
    claims = recorded.of("claims").claims
    for claim in ("gru.score > lstm.score", "lstm.score > gru.score"):
        assert claims[claim]["verdict"] == "inconclusive"
    assert [better("claims", task, "gru", "rnn") for task in ("spoken", "sst2")] == ["gru", "gru"]
    others = ("digits", "delayed", "polyphonic", "ett", "tiny", "multi30k")
    assert not any(better("claims", task, "gru", "rnn") for task in others)
    assert all(row["verdict"] == "supported" for claim, row in claims.items() if claim.startswith("gru.score > 0"))
    assert findings.baselines("claims")[:2] == (["music"], [])
    record = recorded.of("claims")
    forecasts = [record.score("ett", cell) for cell in ("rnn", "lstm", "gru")]
    assert all(one.high < 0 for one in forecasts), "worse than the trivial answer"
    for task in ("ett", "tiny"):
        model = record.best_baseline(task)
        assert record.score(task, model).mean > record.score(task, record.best(task)).high


def test_forget_gate():
    def equal(first, second):
        return not any(better("forget_gate", task, first, second) for task in ("adding", "delayed", "digits", "polyphonic"))

    assert equal("lstm", "janet")
    assert equal("lstm", "lstm(forget_bias=0)")
    assert equal("lstm", "lstm(longest=50)")
    test = recorded.of("forget_gate").test
    assert 8 < test("adding", "janet").mean / test("adding", "lstm").mean < 15
    assert test("polyphonic", "janet").high < test("polyphonic", "lstm").low
