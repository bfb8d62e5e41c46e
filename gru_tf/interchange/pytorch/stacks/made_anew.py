"""Weights that a PyTorch program computes at each call from other entries: weight norm, spectral norm, pruning, dropout.

Their state_dict does not hold the weight itself, and the program that makes it is not in the file.
"""

import re
from collections.abc import Iterable

from gru_tf.foundation.errors import UserError

NAME = r"(?P<name>(?:weight|bias)(?:_(?:ih|hh|hr)(?:_l\d{1,6})?(?:_reverse)?)?)"
BEHIND = re.compile(rf"(?P<module>(?:.*\.)?){NAME}_(?P<kind>g|v|u|orig|mask|raw)", re.DOTALL)
BELOW = re.compile(rf"(?P<module>(?:.*\.)?)parametrizations\.{NAME}\.(?P<kind>original\d*)", re.DOTALL)
UTILS = "torch.nn.utils"
WAYS = (  # what stands behind the weight's name, what makes the weight of it, and the advice that puts it back
    ({"original0", "original1"}, "weight norm", f"call {UTILS}.parametrize.remove_parametrizations(module, '{{name}}')"),
    ({"original"}, "a parametrization", f"call {UTILS}.parametrize.remove_parametrizations(module, '{{name}}')"),
    ({"g", "v"}, "weight norm", f"call {UTILS}.remove_weight_norm(module, '{{name}}')"),
    ({"orig", "mask"}, "pruning", f"call {UTILS}.prune.remove(module, '{{name}}')"),
    ({"orig"}, "spectral norm", f"call {UTILS}.remove_spectral_norm(module, '{{name}}')"),
    ({"raw"}, "weight dropout", "set state_dict['{key}'] = state_dict.pop('{key}_raw')"),
)


def check(keys: Iterable[str], modules: Iterable[str], recurrent: bool) -> None:
    """Refuse weights that are made anew at each call.

    Args:
        keys: all entries of a state_dict.
        modules: names with their last dot, of those that matter.
        recurrent: whether weights of a recurrent stack are looked for, or the others.

    Raises:
        UserError: naming the weight, what it is made of, and the call after which the state_dict holds it.
    """
    there, wanted = set(keys), set(modules)
    found: dict[tuple[str, str], dict[str, str]] = {}  # of each weight, what its entries are → one of them
    for key in sorted(there):
        match = _matched(key)
        if match and match["module"] in wanted and ("_" in match["name"]) == recurrent:
            found.setdefault((match["module"], match["name"]), {})[match["kind"]] = key
    for (module, name), parts in found.items():
        own = f"{module}{name}"
        way = next((way for way in WAYS if way[0] <= parts.keys()), None)
        if way is not None and own not in there:
            received = f"{' and '.join(parts.values())}, of which {way[1]} makes it while the program runs"
            advice = f"{way[2].format(name=name, key=own)}, for each such weight, and save the state_dict again"
            raise UserError(f"{own}: expected the weight itself. Received: {received}; {advice}")


def modules(keys: Iterable[str]) -> list[str]:
    """Names, with their last dot, of all modules with entries that may be so."""
    return list(dict.fromkeys(match["module"] for match in map(_matched, keys) if match))


def _matched(key: str) -> re.Match[str] | None:
    return BEHIND.fullmatch(key) or BELOW.fullmatch(key)
