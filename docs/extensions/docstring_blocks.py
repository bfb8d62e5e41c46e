"""Docstrings as this package writes them, made what Sphinx reads; and of Keras' classes the arguments that they take."""

import inspect
import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.inspect import stringify_signature

BEFORE_NAPOLEON = 400
SEVERAL = re.compile(r"    \S.*,$")  # names of arguments that the next line continues
MANY = re.compile(r"    \w+(?:, \w+){5,}: ")  # arguments that share one description
KERAS = {"build", "call", "compute_mask", "compute_output_shape", "compute_output_spec", "from_config", "get_config"}
SCIKIT_LEARN = {"set_fit_request", "set_predict_request", "set_score_request"}  # which it adds to every estimator


def literal(lines: list[str]) -> list[str]:
    """The lines, with "::" before each block that is indented by four spaces after an empty line."""
    marked: list[str] = []
    inside = False
    for place, line in enumerate(lines):
        indented = line.startswith("    ")
        begins = indented and not inside and place > 1 and not lines[place - 1].strip()
        if begins and not re.match(r"\s|[*-] ", lines[place - 2]):
            marked += ["::", ""]
        inside = indented or (inside and not line.strip())
        marked.append(line)
    return marked


def joined(lines: list[str]) -> list[str]:
    """The lines, each argument with all of its names in one."""
    whole: list[str] = []
    for line in lines:
        if whole and SEVERAL.match(whole[-1]) and ": " not in whole[-1] and line.startswith("        "):
            whole[-1] += f" {line.strip()}"
        else:
            whole.append(line)
    return whole


def gathered(lines: list[str]) -> list[str]:
    """The lines, with arguments that share one description, where they are many, in a sentence before the others."""
    many = next(filter(MANY.match, lines), None)
    if many is None or "Args:" not in lines:
        return lines
    names, _, words = many.strip().partition(": ")
    place = lines.index("Args:")
    sentence = f"Arguments {words.rstrip('.')}: {', '.join(f'`{name}`' for name in names.split(', '))}."
    rest = [line for line in lines[place:] if line is not many]
    return [*lines[:place], sentence, "", *rest]


def escaped(lines: list[str]) -> list[str]:
    """The lines, attributes with a last underscore kept as they are: to docutils it makes a name a link."""
    if "Attributes:" not in lines:
        return lines
    place = lines.index("Attributes:")
    return lines[:place] + [re.sub(r"^(    \w+)_: ", r"\1\\_: ", line) for line in lines[place:]]


def process(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """For autodoc, which wants its list changed in place."""
    lines[:] = escaped(gathered(joined(literal(lines))))


def arguments(app: Sphinx, what: str, name: str, thing: Any, options: Any, text: str, returns: str) -> Any:
    """Those of the constructor, for a class whose metaclass hides them behind `*args, **kwargs`."""
    if what != "class" or text != "(*args, **kwargs)":
        return None
    signature = inspect.signature(thing.__init__)
    parameters = [p.replace(annotation=p.empty) for p in list(signature.parameters.values())[1:]]
    return stringify_signature(inspect.Signature(parameters)), returns


def skip(app: Sphinx, what: str, name: str, thing: Any, left_out: bool, options: Any) -> bool | None:
    """Leave out what Keras asks of every layer, and scikit-learn of every estimator: their own pages describe it."""
    return True if name in KERAS | SCIKIT_LEARN else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to autodoc, before it reads headings such as "Args:"."""
    app.connect("autodoc-process-docstring", process, priority=BEFORE_NAPOLEON)
    app.connect("autodoc-process-signature", arguments)
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True}
