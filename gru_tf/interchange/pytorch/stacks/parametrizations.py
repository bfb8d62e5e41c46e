"""Weights that a PyTorch program computes at run time from other entries: weight norm, spectral norm, pruning, dropout.

The state_dict does not hold the weight itself, and the code that computes it is not in the file.
"""

import re
from collections.abc import Iterable

from gru_tf.foundation.errors import UserError

NAME = r"(?P<name>(?:weight|bias)(?:_(?:ih|hh|hr)(?:_l\d{1,6})?(?:_reverse)?)?)"
BEHIND = re.compile(rf"(?P<module>(?:.*\.)?){NAME}_(?P<kind>g|v|u|orig|mask|raw)", re.DOTALL)
BELOW = re.compile(rf"(?P<module>(?:.*\.)?)parametrizations\.{NAME}\.(?P<kind>original\d*)", re.DOTALL)
UTILS = "torch.nn.utils"
PARAMETRIZATIONS = (  # entries in place of the weight, by their endings; what computes it from them; how to get it back
    ({"original0", "original1"}, "weight norm", f"call {UTILS}.parametrize.remove_parametrizations(module, '{{name}}')"),
    ({"original"}, "a parametrization", f"call {UTILS}.parametrize.remove_parametrizations(module, '{{name}}')"),
    ({"g", "v"}, "weight norm", f"call {UTILS}.remove_weight_norm(module, '{{name}}')"),
    ({"orig", "mask"}, "pruning", f"call {UTILS}.prune.remove(module, '{{name}}')"),
    ({"orig"}, "spectral norm", f"call {UTILS}.remove_spectral_norm(module, '{{name}}')"),
    ({"raw"}, "weight dropout", "set state_dict['{key}'] = state_dict.pop('{key}_raw')"),
)


def check(keys: Iterable[str], modules: Iterable[str], recurrent: bool) -> None:
    """Refuse weights that are computed at run time.

    Args:
        keys: all entries of a state_dict.
        modules: the modules to check, names with their last dot.
        recurrent: whether to check the weights of recurrent layers, or the others.

    Raises:
        UserError: naming the weight, the entries it is computed from, and the call after which the state_dict holds it.
    """
    present, checked = set(keys), set(modules)
    replaced: dict[tuple[str, str], dict[str, str]] = {}  # module and weight → ending → entry
    for key in sorted(present):
        match = _match(key)
        if match and match["module"] in checked and ("_" in match["name"]) == recurrent:
            replaced.setdefault((match["module"], match["name"]), {})[match["kind"]] = key
    for (module, name), parts in replaced.items():
        weight = f"{module}{name}"
        parametrization = next((entry for entry in PARAMETRIZATIONS if entry[0] <= parts.keys()), None)
        if parametrization is not None and weight not in present:
            _, computation, remedy = parametrization
            received = f"{' and '.join(parts.values())}, from which {computation} computes it at run time"
            advice = f"{remedy.format(name=name, key=weight)}, for each such weight, and save the state_dict again"
            raise UserError(f"{weight}: expected the weight itself. Received: {received}; {advice}")


def modules(keys: Iterable[str]) -> list[str]:
    """Names, with their last dot, of all modules with entries that may belong to a parametrization."""
    return list(dict.fromkeys(match["module"] for match in map(_match, keys) if match))


def _match(key: str) -> re.Match[str] | None:
    return BEHIND.fullmatch(key) or BELOW.fullmatch(key)
