"""Data files: found, fetched from a server on this machine, and refused with a clear message where anything is wrong."""

import gc
import hashlib
import io
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gru_tf.data.datasets import DataFile, DatasetError, find, locate
from gru_tf.foundation.errors import UserError

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OTHER = CONTENT[::-1]
BOTH = threading.Barrier(2)


class Handler(BaseHTTPRequestHandler):
    """Answers each address in its own way; the request's path says how."""

    def do_GET(self) -> None:
        kind = urlsplit(self.path).path.strip("/")
        if kind == "absent":
            self.send_error(404)
            return
        if kind == "together":
            BOTH.wait(timeout=30)  # answers only once two have asked, so that they do fetch at the same time
        body = {"short": CONTENT[:1000], "cut": CONTENT[:1000], "wrong": OTHER, "empty": b""}.get(kind, CONTENT)
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT) if kind == "cut" else len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the server listens."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder, not made yet; no named folders, and no proxy before this machine."""
    monkeypatch.delenv("GRU_TF_DATA", raising=False)
    monkeypatch.setenv("GRU_TF_CACHE", str(tmp_path / "cache"))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    return tmp_path / "cache"


def a_file(url: str) -> DataFile:
    return DataFile("music/piece.mat", url, SHA256, len(CONTENT))


def put(folder: Path, content: bytes) -> Path:
    path = folder / "music" / "piece.mat"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def refused(file: DataFile) -> str:
    """The message of the error that `locate` raises, checked for what every such message says."""
    with pytest.raises(DatasetError) as caught:
        locate(file)
    message = str(caught.value)
    assert isinstance(caught.value, UserError)
    assert message.startswith("music/piece.mat: ")
    assert "\n" not in message
    for words in ("Received: ", "Expected: ", "set GRU_TF_DATA to a folder that has"):
        assert words.lower() in message.lower()
    return message


def test_fetches_once_into_the_cache(address: str, cache: Path) -> None:
    path = locate(a_file(f"{address}/good"))
    assert path == cache / "music" / "piece.mat"
    assert path.read_bytes() == CONTENT
    assert files_in(cache) == [path]
    assert locate(a_file("http://127.0.0.1:1/never-asked")) == path


def test_replaces_a_damaged_copy_in_the_cache(address: str, cache: Path) -> None:
    put(cache, CONTENT[:-1])
    assert locate(a_file(f"{address}/good")).read_bytes() == CONTENT


def test_home_is_understood(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GRU_TF_CACHE", "~/mine")
    assert locate(a_file(f"{address}/good")) == tmp_path / "mine" / "music" / "piece.mat"


@pytest.mark.parametrize(
    ("kind", "received"),
    [
        ("absent", "404 Client Error: Not Found"),
        ("short", f"Received: 1,000 bytes with sha256 {hashlib.sha256(CONTENT[:1000]).hexdigest()}"),
        ("cut", "IncompleteRead(1000 bytes read, 255000 more expected)"),
        ("wrong", f"Received: 256,000 bytes with sha256 {hashlib.sha256(OTHER).hexdigest()}"),
        ("empty", "Received: 0 bytes with sha256 "),
    ],
)
def test_a_bad_answer_is_refused_and_leaves_nothing(address: str, cache: Path, kind: str, received: str) -> None:
    message = refused(a_file(f"{address}/{kind}"))
    assert received in message
    assert f"Expected: 256,000 bytes with sha256 {SHA256}" in message
    assert f"{address}/{kind}" in message
    assert files_in(cache) == []


def test_a_refused_connection_is_named(cache: Path) -> None:
    message = refused(a_file("http://127.0.0.1:1/piece.mat"))
    assert "Connection refused" in message
    assert "GRU_TF_DATA is not set" in message
    assert files_in(cache) == []


def test_a_refusal_by_the_server_closes_the_connection(address: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()  # what earlier tests left open is theirs
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        refused(a_file(f"{address}/absent"))
        gc.collect()
    assert [str(warning.message) for warning in caught] == []


def test_an_error_being_handled_is_not_taken_for_the_cause(cache: Path) -> None:
    try:
        raise KeyError("something else")
    except KeyError:
        assert "Connection refused" in refused(a_file("http://127.0.0.1:1/piece.mat"))


def test_a_cache_that_cannot_be_written_is_named(address: str, cache: Path) -> None:
    cache.write_text("a file where a folder should be")  # refused for every user, unlike a folder without permission
    message = refused(a_file(f"{address}/good"))
    assert str(cache) in message
    assert "GRU_TF_CACHE" in message
    assert cache.read_text() == "a file where a folder should be"


def test_two_processes_may_fetch_at_once(address: str, cache: Path) -> None:
    program = (
        "import sys; from gru_tf.data.datasets import *;"
        "print(locate(DataFile('music/piece.mat', sys.argv[1], sys.argv[2], int(sys.argv[3]))))"
    )
    command = [sys.executable, "-c", program, f"{address}/together", SHA256, str(len(CONTENT))]
    pair = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate(timeout=60) for process in pair]
    assert [process.returncode for process in pair] == [0, 0], answers
    path = cache / "music" / "piece.mat"
    assert [out.strip() for out, _ in answers] == [str(path)] * 2
    assert path.read_bytes() == CONTENT
    assert files_in(cache) == [path]


def test_named_folders_come_first_in_their_order(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(cache, CONTENT)
    (tmp_path / "none").mkdir()
    first, second = put(tmp_path / "first", CONTENT), put(tmp_path / "second", CONTENT)
    folders = [tmp_path / "none", tmp_path / "first", tmp_path / "second"]
    monkeypatch.setenv("GRU_TF_DATA", os.pathsep.join(map(str, folders)) + os.pathsep)
    assert locate(a_file("http://127.0.0.1:1/never-asked")) == first
    first.unlink()
    assert locate(a_file("http://127.0.0.1:1/never-asked")) == second
    second.unlink()
    assert locate(a_file("http://127.0.0.1:1/never-asked")) == cache / "music" / "piece.mat"


def test_a_wrong_file_in_a_named_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = put(tmp_path / "mine", OTHER)
    monkeypatch.setenv("GRU_TF_DATA", str(tmp_path / "mine"))
    message = refused(a_file("http://127.0.0.1:1/never-asked"))
    for words in (str(wrong), hashlib.sha256(OTHER).hexdigest(), SHA256):
        assert words in message
    assert wrong.read_bytes() == OTHER


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine" / "music" / "piece.mat").mkdir(parents=True)  # a folder of that name
    monkeypatch.setenv("GRU_TF_DATA", str(tmp_path / "mine"))
    assert "Received: cannot be read, [Errno" in refused(a_file("http://127.0.0.1:1/never-asked"))


def test_a_named_folder_must_exist(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "mine", CONTENT)
    monkeypatch.setenv("GRU_TF_DATA", os.pathsep.join([str(tmp_path / "mine"), str(tmp_path / "mistyped")]))
    message = refused(a_file(f"{address}/good"))
    assert f"GRU_TF_DATA names a folder that does not exist. Received: {tmp_path / 'mistyped'}." in message


def test_named_folders_without_the_file_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRU_TF_DATA", str(tmp_path))
    assert f"GRU_TF_DATA={tmp_path} has no such file" in refused(a_file("http://127.0.0.1:1/piece.mat"))


class Terminal(io.StringIO):
    """Standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_a_bar_is_drawn_on_a_terminal_only(address: str, monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO]) -> None:
    error = stream()
    monkeypatch.setattr(sys, "stderr", error)
    locate(a_file(f"{address}/good"))
    assert ("256.0/256.0 kB" in error.getvalue()) == (stream is Terminal)


def test_a_bar_ends_with_an_error(address: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert "IncompleteRead" in refused(a_file(f"{address}/cut"))
    assert files_in(cache) == []


def test_looking_for_a_file_does_not_load_tensorflow(tmp_path: Path) -> None:
    put(tmp_path / "mine", CONTENT)
    program = (
        "import sys; from gru_tf.data.datasets import *;"
        f"locate(DataFile('music/piece.mat', '', '{SHA256}', {len(CONTENT)}));"
        "print(sorted({'tensorflow', 'keras', 'pooch', 'requests'} & set(sys.modules)))"
    )
    environment = {**os.environ, "GRU_TF_DATA": str(tmp_path / "mine")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def reverse(path: Path) -> None:
    """What was fetched, back to front."""
    path.write_bytes(path.read_bytes()[::-1])


def refuse(path: Path) -> None:
    raise ValueError("expected a zip archive")


def test_what_is_fetched_may_be_converted(address: str, cache: Path) -> None:
    file = replace(a_file(f"{address}/wrong"), convert=reverse)  # OTHER, the content back to front
    assert locate(file).read_bytes() == CONTENT
    assert find(file) is None
    assert files_in(cache) == [cache / "music" / "piece.mat"]


def test_what_cannot_be_converted_is_refused(address: str, cache: Path) -> None:
    assert "Received: expected a zip archive." in refused(replace(a_file(f"{address}/good"), convert=refuse))
    assert SHA256 not in refused(replace(a_file(f"{address}/good"), convert=reverse)).partition("Expected")[0]
    assert files_in(cache) == []


def test_a_file_of_a_named_folder_is_found_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = put(tmp_path / "mine", CONTENT)
    monkeypatch.setenv("GRU_TF_DATA", str(tmp_path / "mine"))
    assert find(replace(a_file("http://127.0.0.1:1/never-asked"), convert=refuse)) == mine
