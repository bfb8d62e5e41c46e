"""The page of public data sets: ten of them, each with a recommendation that its own numbers support."""

import json
import shlex

import pytest
import site_sources

from gru_tf.suite.comparison.options import OPTIONS, flag

own_data = site_sources.module("pages.own_data")
MEASURED = json.loads(own_data.MEASURED.read_text(encoding="utf-8"))
SIGNS = {"max": 1, "min": -1}


def supports(numbers):
    """Whether what is recommended has the better mean, and a better one than the trivial answer."""
    sign = SIGNS[numbers["direction"]]
    cell, other = (sign * numbers[kind]["test"][0] for kind in ("cell", "other"))
    best = max(cell, other)
    recommended = cell if numbers["network"] else other
    return recommended == best > sign * numbers["trivial"]


def test_ten_sets_are_measured():
    assert list(MEASURED) == [one.name for one in own_data.SETS]
    assert len(MEASURED) == 10


@pytest.mark.parametrize("name", MEASURED)
def test_the_recommendation_is_what_the_numbers_say(name):
    numbers = MEASURED[name]
    assert supports(numbers)
    assert numbers["advice"].lower().startswith(f"recommended: {numbers['recommended']}")
    assert numbers["network"] == (numbers["recommended"] in ("rnn", "lstm", "gru"))
    assert numbers["seconds"] < 60 * own_data.MINUTES + 90, "the limit is kept, but for timing and publishing"


def test_a_recommendation_of_the_worse_is_noticed():
    numbers = next(each for each in MEASURED.values() if not each["network"])
    assert not supports(numbers | {"network": True})
    assert not supports(numbers | {"trivial": numbers["other"]["test"][0]})


def test_the_page_shows_every_set_with_its_command():
    page = own_data.page()
    for one in own_data.SETS:
        assert one.title in page
        assert one.command in page
        words = shlex.split(one.command)
        assert {word for word in words if word.startswith("--")} <= {flag(name) for name in OPTIONS} | {"--test"}
    without = sum(not numbers["network"] for numbers in MEASURED.values())
    assert f"**On {without} of 10 the recommendation is a model without a recurrent network, on {10 - without}" in page
