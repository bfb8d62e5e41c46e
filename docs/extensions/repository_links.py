"""Links that are right in the repository, made right on the site: notebooks are pages, folders are named without a link."""

import re
from pathlib import Path

from sphinx.application import Sphinx

LINK = re.compile(r"\[([^\]]+)\]\((\.\./[^)#]+)\)")


def rewrite(app: Sphinx, page: str, content: list[str]) -> None:
    """For the event `source-read`, which wants its text changed in place. What is not there is left, and then refused."""
    folder = app.env.doc2path(page).parent

    def of_the_site(link: re.Match[str]) -> str:
        label, target = link.groups()
        place = (folder / target).resolve()
        if place.is_dir():
            return label
        return f"[{label}](/tutorials/{place.name})" if place.suffix == ".ipynb" and _there(app, place) else link[0]

    content[0] = LINK.sub(of_the_site, content[0])


def _there(app: Sphinx, notebook: Path) -> bool:
    return Path(app.srcdir, "tutorials", notebook.name).is_file()


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the reading of sources."""
    app.connect("source-read", rewrite)
    return {"parallel_read_safe": True}
