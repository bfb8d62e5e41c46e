"""Checksums against the values that FIPS 180 publishes, and against the system's own `sha256sum`."""

import subprocess
from pathlib import Path

import pytest

from gru_tf.foundation import digest

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, appendix B.1
NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_published_checksums(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert digest.sha256_of_text("abc") == digest.sha256_of_file(tmp_path / "abc") == ABC
    assert digest.sha256_of_bytes(b"abc").hex() == ABC
    assert len(digest.sha256_of_bytes(b"abc")) == digest.SIZE
    assert digest.sha256_of_parts([]) == digest.sha256_of_text("") == NOTHING
    assert digest.sha256_of_text("abd") != ABC


def test_parts_are_joined_without_anything_in_between(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"b")
    (tmp_path / "empty").touch()
    assert digest.sha256_of_parts([b"a", tmp_path / "b", tmp_path / "empty", b"c"]) == ABC


def test_a_large_file_has_the_checksum_that_sha256sum_says(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(bytes(range(256)) * 9999 + "σ".encode())
    stdout = subprocess.run(["sha256sum", str(file)], capture_output=True, text=True, check=True).stdout
    assert stdout.startswith(digest.sha256_of_file(file))


def test_an_error_names_the_file(tmp_path: Path) -> None:
    for file, kind in ((tmp_path / "absent", FileNotFoundError), (tmp_path, IsADirectoryError)):
        with pytest.raises(kind) as caught:
            digest.sha256_of_parts([b"", file])
        assert caught.value.filename == str(file)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that opens and cannot be read")
def test_an_error_while_reading_names_the_file_too() -> None:
    with pytest.raises(OSError, match="/proc/self/mem"):
        digest.sha256_of_file(Path("/proc/self/mem"))
