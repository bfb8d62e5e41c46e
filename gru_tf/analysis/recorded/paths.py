"""Text without the paths of a machine: of each only the file's own name is left."""

import re

# of Unix from the root, of Windows from a drive; not what follows a scheme, a dot or a word, as in https://x.org/a, 0.3/0.4
ABSOLUTE = re.compile(r"(?<![\w.:/~-])(?:~?/|[A-Za-z]:[\\/])(?:[^\s/\\:'\"<>|,;()]+[\\/])+([^\s/\\:'\"<>|,;()]*)")


def without_paths(text: str) -> str:
    """The text with the last part alone of every absolute path."""
    return ABSOLUTE.sub(lambda path: path[1] or "…", text)
