"""The nearest file that is meant by one that is not there."""

import pytest

from gru_tf.foundation.errors import near_file, one_line

MODELS = (".pt", ".keras", ".safetensors")
TABLES = (".csv", ".csv.gz", ".gz", ".npz")


@pytest.fixture
def folder(tmp_path):
    for name in ("model.keras", "model.pt", "Encoder.PT", "notes.txt", "load.csv.gz", "loads.npz", "xyz.csv"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("asked", "endings", "near"),
    [
        ("mode.pt", MODELS, "model.pt"),
        ("mode.keras", MODELS, "model.keras"),
        ("mode.safetensors", MODELS, "model.keras"),
        ("model", MODELS, "model.keras"),
        ("encoder.pt", MODELS, "Encoder.PT"),
        ("note.txt", MODELS, None),
        ("notes.pt", MODELS, None),
        ("laod.csv.gz", TABLES, "load.csv.gz"),
        ("laod.csv", TABLES, "load.csv.gz"),
        ("qqq.csv", TABLES, None),
    ],
)
def test_the_nearest_file_has_the_same_ending_where_there_is_one_and_no_common_ending_makes_it_near(
    folder, asked, endings, near
):
    assert near_file(folder / asked, endings) == (f". Did you mean '{near}'?" if near else "")


def test_in_a_folder_that_is_not_there_none_is_near(tmp_path):
    assert near_file(tmp_path / "gone" / "model.pt", MODELS) == ""


def test_a_library_s_colours_are_not_repeated():
    assert one_line("\x1b[1mException\x1b[0m:\n  \x07shape\x1b[2K (2, 3)") == "Exception: shape (2, 3)"
