"""Links that are right in the repository, and lead to a page of the site where there is one."""

from sphinx.application import Sphinx

PLACES = {  # in the repository, as pages one folder deep name them → on the site
    "](../../notebooks/": "](../tutorials/",
    "](../../CHANGELOG.md": "](../changelog.md",
}


def rewrite(app: Sphinx, page: str, content: list[str]) -> None:
    """For the event `source-read`, which wants its text changed in place."""
    for link, place in PLACES.items():
        content[0] = content[0].replace(link, place)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the reading of sources."""
    app.connect("source-read", rewrite)
    return {"parallel_read_safe": True}
