"""The YAML of experiment files, loaded and dumped: no surprising types, no silent duplicates."""

import re
from typing import Any

import yaml


class Loader(yaml.SafeLoader):
    """YAML whose scalars mean what they look like, and no silent duplicates.

    PyYAML's YAML 1.1 reads `1e-3` as text, `010` as 8, `1:30` as 90 and `2020-01-01` as a date; here the first is a
    number and the others are text, which is then refused where a number is expected.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A dict with text for keys; a key given twice raises instead of the last one winning."""
        seen = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.tag != "tag:yaml.org,2002:str":
                received = f" Received: {key.value}" if isinstance(key, yaml.ScalarNode) else ""
                raise yaml.MarkedYAMLError(problem=f"expected text as a key.{received}", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"'{key.value}' is given a second time", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_REPLACED = {f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "timestamp")}
Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _REPLACED]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_FLOAT = r"[-+]?(\d[\d_]*\.[\d_]*|\.\d[\d_]*|\d[\d_]*(?=[eE]))([eE][-+]?\d+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?(0|[1-9][\d_]*)\Z"), list("-+0123456789"))
Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(rf"({_FLOAT})\Z"), list("-+.0123456789"))


class Dumper(yaml.SafeDumper):
    """YAML that quotes text which resembles a number, to PyYAML or to the loader here, such as `1e-3`."""


Dumper.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(rf"({_FLOAT})\Z"), list("-+.0123456789"))
