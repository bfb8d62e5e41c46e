"""The documentation site: `make docs` writes the generated pages, executes the notebooks and builds docs/_build/html.

Warnings are errors there, so that a link to a page, a heading or a file of the repository that does not exist fails it.
Nothing is fetched while it is built, and no page loads anything from another host.
"""

import os
import sys
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from pages import tutorials, writing  # noqa: E402, from this folder

writing.write()

project = "gru_tf"
author = "the gru_tf authors"
release = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
version = release

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "extensions.docstring_blocks",
    "extensions.mathml",
    "extensions.repository_links",
]
exclude_patterns = ["_build", "pages", "extensions"]
nitpick_ignore_regex = [("py:class", ".*")]  # types in signatures, most of them of other libraries

# --- pages ---
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
myst_links_external_new_tab = False
default_role = "code"  # docstrings have names in single backticks

# --- notebooks: GRU_TF_NOTEBOOKS=off shows them without outputs, for a quick look at the rest ---
nb_execution_mode = "off" if os.environ.get("GRU_TF_NOTEBOOKS") == "off" else "force"
nb_execution_excludepatterns = [f"tutorials/{name}" for name in tutorials.not_executed()]
nb_execution_timeout = 900
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_output_stderr = "remove-warn"  # a log line in a tutorial is an error

# --- Python ---
autodoc_inherit_docstrings = False  # of Keras' classes, whose own pages have them
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
add_module_names = False
toc_object_entries_show_parents = "hide"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
viewcode_line_numbers = True

# --- look ---
html_theme = "pydata_sphinx_theme"
html_title = f"gru_tf {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
html_theme_options: dict[str, Any] = {
    "logo": {"text": "gru_tf"},
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 1,
    "show_nav_level": 1,
    "navigation_with_keys": False,
    "pygments_dark_style": "github-dark",
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"**": ["sidebar-nav-bs"], **{page: [] for page in ("index", "changelog", "contributing", "search")}}
copyright = "the gru_tf authors, Apache-2.0"  # noqa: A001, Sphinx' own name
