"""What the option `--seeds` takes."""

import pytest

from gru_tf.commands.arguments import seeds_of
from gru_tf.experiment import yaml_file
from gru_tf.foundation.errors import UserError


@pytest.mark.parametrize(
    ("text", "expected"),
    [("100-103", [100, 101, 102, 103]), ("1,2,5", [1, 2, 5]), ("1, 7-9", [1, 7, 8, 9]), ("4-4", [4])],
)
def test_ranges_and_lists(text, expected):
    assert seeds_of(text) == expected


@pytest.mark.parametrize("text", ["", "3", "-3", "a-b", "1,", "1-2-3", "1;2", "0-99999999999999999999", "²,3"])
def test_what_is_neither_is_refused(text):
    with pytest.raises(UserError, match=r"^--seeds: received '.*', expected a range or a list, such as 100-109 or 1,2,5$"):
        seeds_of(text)


@pytest.mark.parametrize("text", ["5-3", "0-10000", "0-9999999999"])
def test_too_many_or_none(text):
    with pytest.raises(UserError, match=r"expected at most 10,000 seeds, the smaller end of a range first$"):
        seeds_of(text)


def test_they_stand_in_place_of_the_files_own():
    file = yaml_file.locate("adding")
    own, other = yaml_file.load(file), yaml_file.load(file, seeds=seeds_of("40-42"))
    assert own.but(seeds=(40, 41, 42)) == other
    assert own.fingerprint != other.fingerprint
    with pytest.raises(UserError, match=r"^adding.yaml: seeds: expected each seed once. Received: 4 2 times"):
        yaml_file.load(file, seeds=seeds_of("4,4"))
