"""The documentation site is built without a warning, its notebooks executed, and it loads nothing from another host."""

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from places import ROOT

LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "link": "href"}


class Loaded(HTMLParser):
    """What a page loads by itself; links to follow are not among it."""

    def __init__(self, text):
        super().__init__()
        self.addresses = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag in LOADING and given.get("rel") not in ("canonical", "next", "prev", "search", "author", "copyright"):
            self.addresses.append(given.get(LOADING[tag]) or "")


def elsewhere(folder):
    """(file, address) of all that pages and styles load from another host."""
    for file in folder.rglob("*.html"):
        yield from ((file, a) for a in Loaded(file.read_text("utf-8")).addresses if re.match(r"(?:https?:)?//", a))
    for file in folder.rglob("*.css"):
        text = file.read_text("utf-8")
        for address in re.findall(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""", text):
            yield file, address


def build(source, target, *options):
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", *options, str(source), str(target)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def check_notebook(page, stem):
    """Code has outputs, a figure among them, and none of them is an error."""
    outputs = re.findall(r'<div class="cell_output', page)
    assert outputs, stem
    assert re.search(r'<div class="output (?:image_png|image_svg|text_html)|<svg', page) or "<img" in page, stem
    assert "Traceback" not in page


@pytest.mark.slow
def test_the_site_is_built_whole(tmp_path):
    """As `make docs` builds it; the notebook that needs PyTorch is executed by tests/whole/test_notebooks.py."""
    done = build(ROOT / "docs", tmp_path / "html", "-d", str(tmp_path / "doctrees"))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    html = tmp_path / "html"
    assert list(elsewhere(html)) == []
    for file in (ROOT / "notebooks").glob("*.ipynb"):
        page = (html / "tutorials" / f"{file.stem}.html").read_text("utf-8")
        if "built without the package" not in page:
            check_notebook(page, file.stem)
    for page in ("index", "search", "changelog", "reference/python/layers", "tasks/memory", "explanation/no_network"):
        assert (html / f"{page}.html").is_file()
    assert "GRU" in (html / "searchindex.js").read_text("utf-8")
    layers = (html / "reference" / "python" / "layers.html").read_text("utf-8")
    assert 'id="gru_tf.GRU"' in layers
    assert "recurrent_initializer" in layers


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("[a](b.md)", "b.md"),
        ("[a](index.md#nowhere)", "nowhere"),
        ("[a](../gru_tf/no_such_file.py)", "no_such_file"),
        ("[a](../notebooks/99_none.ipynb)", "99_none"),
    ],
)
def test_a_link_that_leads_nowhere_fails_the_build(tmp_path, wrong, words):
    source = tmp_path / "docs"
    shutil.copytree(ROOT / "docs" / "extensions", source / "extensions", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "gru_tf").mkdir()
    (tmp_path / "gru_tf" / "file.py").write_text("")
    names = '["myst_nb", "extensions.repository_links"]'
    (source / "conf.py").write_text(
        f"import sys; sys.path.insert(0, {str(source)!r}); extensions = {names}; myst_heading_anchors = 3\n"
    )
    right = "# Heading\n\n[a](#heading) [b](../gru_tf/file.py) [c](../gru_tf)\n"
    (source / "index.md").write_text(right)
    done = build(source, tmp_path / "html")
    assert done.returncode == 0, done.stderr
    (source / "index.md").write_text(f"{right}\n{wrong}\n")
    done = build(source, tmp_path / "html")
    assert done.returncode != 0
    assert words in done.stderr


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html", '<script src="https://cdn.org/x.js"></script>'),
        ("a.html", '<link rel="stylesheet" href="//cdn.org/x.css">'),
        ("a.html", '<link href="https://fonts.org/css" rel="preload">'),
        ("a.css", "@import 'https://fonts.org/a.css';"),
        ("a.css", "@font-face { src: url(https://fonts.org/a.woff2) }"),
    ],
)
def test_what_is_loaded_from_another_host_is_noticed(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert [file.name for file, _ in elsewhere(tmp_path)] == [name]


def test_what_is_only_linked_is_loaded_from_nowhere(tmp_path):
    (tmp_path / "a.html").write_text('<a href="https://arxiv.org/abs/1"></a><script src="_static/x.js"></script>')
    (tmp_path / "a.css").write_text("/* https://example.org */ a { background: url(x.svg) }")
    assert list(elsewhere(tmp_path)) == []
