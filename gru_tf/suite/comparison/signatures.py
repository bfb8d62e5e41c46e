"""Functions that take the options of a comparison as `**options`, with each spelled out for whoever inspects them."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from gru_tf.suite.comparison.options import ALL, OPTIONS, TYPES, Option

Function = TypeVar("Function", bound=Callable[..., Any])


def spelled_out(function: Function, annotations: Mapping[str, Any], after: str = "test") -> Function:
    """The function itself, whose signature and type hints now name every option in place of `**options`.

    Args:
        function: takes the options as `**options`.
        annotations: name → type of each.
        after: the parameter that they follow.
    """
    signature = inspect.signature(function)
    parameters = []
    for parameter in signature.parameters.values():
        if parameter.kind is not parameter.VAR_KEYWORD:
            parameters.append(parameter)
        if parameter.name == after:
            keyword = parameter.KEYWORD_ONLY
            parameters += [inspect.Parameter(n, keyword, default=None, annotation=a) for n, a in annotations.items()]
    function.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    returns = {"return": signature.return_annotation}
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters} | returns
    return function


def documented(function: Function) -> Function:
    """The function itself, with the options spelled out in its signature, its type hints and the Args of its docstring."""
    lines: list[str] = []
    for line in (function.__doc__ or "").split("\n"):  # none under -OO
        if line.strip().startswith("**options:"):
            margin = line[: len(line) - len(line.lstrip())]
            lines += [f"{margin}{name}: {_sentence(option)}" for name, option in OPTIONS.items()]
        else:
            lines.append(line)
    function.__doc__ = "\n".join(lines) or None
    return spelled_out(function, TYPES)


def _sentence(option: Option) -> str:
    """What an option is, after the kinds of data that have it where not all do."""
    names = ["forecasts" if kind == "forecast" else kind for kind in option.belongs_to]
    scope = f"for {' and '.join(names)}: " if names and len(names) < len(ALL) else ""
    return f"{scope}{option.description or option.help}."
