"""Modules of the tasks import in one direction: no helper knows the task that it serves, not even its type."""

from collections.abc import Iterator, Mapping, Set

import grimp
import pytest


def cycles(imports: Mapping[str, Set[str]]) -> Iterator[list[str]]:
    """Ways from a module back to itself, one for each module that has one."""
    for start in imports:
        ways, seen = [[start]], set()
        while ways:
            way = ways.pop()
            if start in imports.get(way[-1], set()):
                yield [*way, start]
                break
            further = imports.get(way[-1], set()) - seen
            seen |= further
            ways += [[*way, module] for module in further]


def test_no_module_of_the_tasks_imports_itself_through_others() -> None:
    graph = grimp.build_graph("gru_tf", exclude_type_checking_imports=False, cache_dir=None)
    modules = {module for module in graph.modules if module.startswith("gru_tf.tasks")}
    assert {"gru_tf.tasks.own.forecast", "gru_tf.tasks.own._options"} <= modules
    assert list(cycles({module: graph.find_modules_directly_imported_by(module) for module in modules})) == []


@pytest.mark.parametrize(
    ("imports", "found"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": set()}, []),
        ({"a": {"b"}, "b": {"a"}}, [["a", "b", "a"], ["b", "a", "b"]]),
        ({"a": {"b"}, "b": {"c"}, "c": {"b"}}, [["b", "c", "b"], ["c", "b", "c"]]),
    ],
)
def test_a_cycle_is_found(imports: dict[str, set[str]], found: list[list[str]]) -> None:
    assert list(cycles(imports)) == found
