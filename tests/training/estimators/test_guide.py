"""The guide's programs run, and print what stands below them."""

import re

import numpy as np
import pytest
from places import ROOT

GUIDE = (ROOT / "docs" / "how-to" / "scikit_learn.md").read_text(encoding="utf-8")
NUMBER = r"\d+\.\d+"


@pytest.mark.slow  # together: three networks and eight of folds
def test_the_guides_programs_print_what_it_says(capsys):
    blocks = re.findall(r"^```(python|text)\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    assert [kind for kind, _ in blocks] == ["python", "text", "python", "python", "text"]
    X = np.random.default_rng(0).normal(size=(30, 4))  # noqa: N806, the guide's name
    names = {"X": X, "y": X.sum(1), "patients": np.arange(30) % 5}
    for kind, block in blocks:
        if kind == "python":
            exec(block, names)  # noqa: S102, the guide's
            continue
        printed = capsys.readouterr().out
        assert re.sub(NUMBER, "n", printed) == re.sub(NUMBER, "n", block)
        numbers = [[float(number) for number in re.findall(NUMBER, text)] for text in (printed, block)]
        np.testing.assert_allclose(*numbers, rtol=0.02)
