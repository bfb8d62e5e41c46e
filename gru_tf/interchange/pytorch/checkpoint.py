"""The tensors of a state_dict in a file's content, which may be a checkpoint of several dicts."""

from collections.abc import Iterator, Mapping
from typing import Any

from gru_tf.foundation.errors import UserError
from gru_tf.interchange.pytorch import stacks

DEEPEST = 100  # dots before a name
COMPILED, PARALLEL = "_orig_mod.", "module."  # what torch.compile and DataParallel put before names


def find_tensors(content: Any, kind: type[Any]) -> dict[str, Any]:
    """Name → tensor of the state_dict in a file's content, which may be nested: {"state_dict": …, "optimizer": …}.

    If exactly one dict has recurrent weights, names are relative to it; otherwise they start with the path of their dict.
    Names lose the "module." of DataParallel and the "_orig_mod." of torch.compile.

    Args:
        content: what the file holds.
        kind: the type of its tensors.

    Raises:
        UserError: if there is no dict of tensors, or a name that cannot be printed.
    """
    dicts = dict(_dicts(content, kind, "", set()))
    if not dicts:
        received = "an empty dict" if content == {} else type(content).__name__
        raise UserError(f"expected a state_dict, a dict of names and tensors. Received: {received}")
    for path, name in ((path, name) for path, tensors in dicts.items() for name in tensors):
        if not f"{path}{name}".isprintable():  # nor is it printed: it may hold what a terminal obeys
            raise UserError(f"expected printable names. Received: {ascii(path + name)[:80]}")
    recurrent = {path: tensors for path, tensors in dicts.items() if any(stacks.KEY.fullmatch(name) for name in tensors)}
    if len(recurrent) == 1:
        (tensors,) = recurrent.values()
        return _without_wrappers(tensors)
    return {
        f"{path}{name}": tensor
        for path, tensors in (recurrent or dicts).items()
        for name, tensor in _without_wrappers(tensors).items()
    }


def _dicts(content: Any, kind: type[Any], path: str, seen: set[int]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Path → the tensors directly under it; each dict once, for a pickle's dicts may contain themselves."""
    if not isinstance(content, Mapping) or id(content) in seen or path.count(".") > DEEPEST:
        return
    seen.add(id(content))
    if tensors := {key: value for key, value in content.items() if isinstance(key, str) and isinstance(value, kind)}:
        yield path, tensors
    for key, value in content.items():
        yield from _dicts(value, kind, f"{path}{key}.", seen)


def _without_wrappers(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Names without what wrappers put before them; unchanged if two would become one."""
    short = {}
    for name, tensor in tensors.items():
        plain = ".".join(part for part in name.split(".") if part != COMPILED[:-1])
        while plain.startswith(PARALLEL):
            plain = plain.removeprefix(PARALLEL)
        short[plain] = tensor
    return short if len(short) == len(tensors) else dict(tensors)
