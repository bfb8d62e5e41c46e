"""A real Ray cluster of two nodes on this machine, one of which is killed in the middle."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from running import HERE, STEADY, Command, Reference, all_closed, numbers, sqlite, until, write
from test_broken_runs import BROKEN, LIMIT, broken, check, results

import gru_tf

Start = Callable[..., Command]
MEMORY = 80 * 1024**2  # of each node's object store; the least that Ray takes is 75 MiB
NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": MEMORY}
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # Ray's name for it: else it takes the machine's outer address


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """The head, with one core."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"RAY_USAGE_STATS_ENABLED": "0", **LOOPBACK}.items():
            patch.setenv(name, value)
        patch.setenv("PYTHONPATH", os.pathsep.join([str(HERE / "site"), str(Path(gru_tf.__file__).parent.parent)]))
        from ray.cluster_utils import Cluster

        made = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
        assert made.address.startswith("127.0.0.1:")
        yield made
        made.shutdown()


def training(node: Any) -> list[psutil.Process]:
    """The processes of a node that train."""
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    return [child for child in raylet.children() if child.name().startswith("ray::train_on_n")]


def _held(node: Any) -> list[psutil.Process]:
    """A process of the node, stopped in the middle of its run; none where it was between two."""
    for process in training(node):
        process.suspend()
        if process.name().startswith("ray::train_on_n"):
            return [process]
        process.resume()
    return []


def test_a_node_dies(start: Start, tmp_path: Path, cluster: Any, reference: Reference) -> None:
    """Killed with a run on it, it leaves its work to the other; everything is there, once, as the local engine has it."""
    second = cluster.add_node(**NODE)
    file = str(write(tmp_path, "steady", STEADY))
    command = start("run", file, "--engine", "ray", "--address", cluster.address, **LOOPBACK)
    until(
        lambda: (command.done() >= 4 and training(second)) or command.process.poll() is not None, "a run on the second node"
    )
    assert command.process.poll() is None, command.said()
    done = command.done()
    (held,) = until(lambda: _held(second), "a run on the second node")
    cluster.remove_node(second, allow_graceful=False)
    with suppress(psutil.NoSuchProcess):
        held.resume()
    assert command.ended() == 0, command.said()
    assert done < len(reference.numbers)
    assert numbers(sqlite(tmp_path), "steady") == reference.numbers
    assert all_closed(sqlite(tmp_path), "steady")
    assert ": failed:" not in command.said()
    print(f"\nthe node died with {done} of {len(reference.numbers)} runs done")


def test_every_fault(start: Start, tmp_path: Path, cluster: Any) -> None:
    """Broken runs are recorded and tried again as the local engine does it."""
    faults = [("hang", 1000), ("killed", 1000), ("value", 1000), ("killed", 1), ("killed", 0)]
    file = str(write(tmp_path, "broken", broken(tmp_path, faults)))
    arguments = ["--engine", "ray", "--address", cluster.address, "--time-limit", LIMIT]
    command = start("run", file, *arguments, **LOOPBACK)
    assert command.ended() == 1, command.said()
    expected = {fault: BROKEN[fault] for fault in faults}
    for fault in faults:
        if fault[0] == "killed" and BROKEN[fault][0] == "failed":
            expected[fault] = ("failed", 2, "its Ray task died: The worker died unexpectedly while executing this task.")
    check(results(sqlite(tmp_path), "broken"), tmp_path, expected)
    assert all_closed(sqlite(tmp_path), "broken")
