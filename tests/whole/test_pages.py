"""Pages of the site that are written from the code: everything that is public is on them, and what they say is so."""

import re

import pytest
import site_sources
import typer
from keras.layers import Layer
from places import ROOT

import gru_tf
from gru_tf.baselines.baseline import BASELINES
from gru_tf.commands.main import app
from gru_tf.experiment.experiment import Experiment
from gru_tf.recurrent.cells import CELLS

GENERATED = site_sources.module("pages.writing").generated()
errors, fields, root_pages = (site_sources.module(f"pages.{name}") for name in ("errors", "experiment_fields", "root_pages"))
layers, python_api = site_sources.module("pages.layers"), site_sources.module("pages.python_api")
blocks = site_sources.module("extensions.docstring_blocks")


def rows(page):
    """The cells of every line of a page's tables, without headings."""
    return [line.strip("| ").split(" | ") for line in page.splitlines() if re.match(r"\| `", line)]


# --- everything is there ---


def test_every_command_and_every_option_is_on_the_page():
    page, command = GENERATED["reference/command_line.md"], typer.main.get_command(app)
    assert len(command.commands) >= 12
    for name, one in command.commands.items():
        section = page.partition(f"## `gru-tf {name}`\n")[2].partition("\n## ")[0]
        for option in (text for parameter in one.params for text in parameter.opts if text.startswith("--")):
            assert option in section, f"{name} {option}"


def test_every_field_has_a_value_a_default_and_a_meaning():
    page = GENERATED["reference/experiment_fields.md"]
    for name, model in fields.PARTS.items():
        section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        keys = {"from" if field == "start" else field for field in model.model_fields} - {"sha256"}
        assert {row[0].strip("`") for row in rows(section)} == keys
    assert all(len(row) == 4 and all(map(str.strip, row)) for row in rows(page))


def test_defaults_and_bounds_are_those_of_the_models():
    page = GENERATED["reference/experiment_fields.md"]
    assert "| `epochs` | whole number ≥ 1 | `10` |" in page
    assert "| `dropout` | number ≥ 0, < 1 | `0.0` |" in page
    assert "| `optimizer` | `adam`, `rmsprop`, `sgd` | `adam` |" in page
    assert "| `patience` | whole number ≥ 1 or null | none |" in page
    assert "| `question` | text | required |" in page


def test_a_field_without_a_meaning_is_noticed():
    class Undescribed(Experiment):
        """Without Args."""

    with pytest.raises(KeyError, match="name"):
        list(fields._section("experiment", Undescribed))


def test_every_cell_and_every_baseline_has_a_section():
    assert re.findall(r"^## (\w+)$", GENERATED["reference/cells.md"], re.MULTILINE) == CELLS.names()
    assert sorted(re.findall(r"^### (\w+)$", GENERATED["reference/baselines.md"], re.MULTILINE)) == BASELINES.names()


def test_every_public_name_is_on_one_page():
    listed = [name for group in python_api.GROUPS.values() for name in group.names]
    modules = {module.rpartition(".")[2] for group in python_api.GROUPS.values() for module in group.modules}
    assert len(set(listed)) == len(listed)
    assert set(gru_tf.__all__) <= {*listed, *modules}
    assert set(listed) - set(gru_tf.__all__) <= python_api.HOMES.keys()


# --- what they say is so ---


@pytest.mark.parametrize(("line", "change"), errors.MISTAKES, ids=[line for line, _ in errors.MISTAKES])
def test_every_mistake_is_answered_on_its_page(line, change):
    assert errors.message(change) in GENERATED["reference/errors.md"]
    assert errors.message(change).startswith("mine.yaml: ")


def test_what_is_no_mistake_is_on_no_page():
    with pytest.raises(AssertionError, match="no mistake"):
        errors.message({"seeds": 4})


def test_pages_of_the_root_have_the_links_of_the_site(tmp_path, monkeypatch):
    monkeypatch.setattr(root_pages, "ROOT", tmp_path)
    (tmp_path / "CHANGELOG.md").write_text("[a](docs/how-to/gpu.md) [b](tests/x.py) [c](https://x.org/) [d](#e)")
    (tmp_path / "CONTRIBUTING.md").write_text("")
    assert root_pages.pages()["changelog.md"] == "[a](how-to/gpu.md) [b](../tests/x.py) [c](https://x.org/) [d](#e)"


# --- docstrings for Sphinx ---


def test_an_indented_block_is_literal_and_a_list_is_not():
    lines = ["A cell.", "", "    h = z", "", "    y = h", "", "* one,", "  two", "", "Args:", "    units: H."]
    marked = ["A cell.", "", "::", "", "    h = z", "", "    y = h", "", "* one,", "  two", "", "Args:", "    units: H."]
    assert blocks.literal(lines) == marked


def test_arguments_that_share_a_description_are_one_sentence():
    lines = ["A layer.", "", "Args:", "    units: H.", "    a, b, c,", "        d, e, f: as in Keras.", "    seed: of it."]
    expected = ["A layer.", "", "Arguments as in Keras: `a`, `b`, `c`, `d`, `e`, `f`.", "", "Args:", "    units: H."]
    assert blocks.gathered(blocks.joined(lines)) == [*expected, "    seed: of it."]


def test_a_formula_that_cannot_be_drawn_is_refused():
    from sphinx.errors import ExtensionError

    mathml = site_sources.module("extensions.mathml").mathml
    drawn = mathml(r"\begin{aligned} z_t &= \tilde h_t^2 \end{aligned}", "block")
    assert "<mtable" in drawn
    assert re.search(r"<msubsup><mover><mi>h</mi><mo[^>]*>[^<]*</mo></mover><mi>t</mi><mn>2</mn></msubsup>", drawn)
    with pytest.raises(ExtensionError, match="gathered"):
        mathml(r"\begin{gathered} a & b \end{gathered}", "block")


# --- what is quoted ---


def test_the_pages_quote_the_same_comparison():
    """README, the first page of the site and the guide: one run, of which each shows as much as it has room for."""
    readme, first, guide = (
        (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/index.md", "docs/how-to/your_data.md")
    )
    advice = re.search(r"^Recommended .*?(?=^(?:```|How sure))", guide, re.DOTALL | re.MULTILINE)[0]
    assert len(advice.splitlines()) == 3
    for page in (readme, first):
        assert advice in page
    table = [line for line in readme.splitlines() if re.search(r" \d+/\d+$", line) or line.startswith("cell  ")]
    assert len(table) == 5
    assert set(table) <= set(guide.splitlines())
    ridge, network = re.search(r"rmse (\S+); the best network, an RNN: (\S+)\)", readme).groups()
    assert f"{float(re.search(r'test rmse ([0-9.]+),', advice)[1]):.3g}" == ridge
    assert f"test rmse {network} [" in advice


# --- layers ---


def example(page, heading):
    """The first program under a heading."""
    return re.search(r"^```python\n(.*?)^```", page.partition(f"\n## {heading}\n")[2], re.MULTILINE | re.DOTALL)[1]


def test_the_table_of_layers_is_that_of_the_code():
    page = layers.PAGE.read_text(encoding="utf-8")
    assert page == layers.current(page), "`make docs` writes it"
    outdated = page.replace("| `GRU` |", "| `GRV` |")
    assert outdated != page == layers.current(outdated)


def test_the_table_of_layers_has_what_keras_calls_a_layer():
    public = {
        name for name in gru_tf.__all__ if isinstance(value := getattr(gru_tf, name), type) and issubclass(value, Layer)
    }
    assert {"GRU", "GRUCell", "RecurrentStack"} <= public <= {row[0].strip("`") for row in rows("\n".join(layers.lines()))}


def test_the_example_of_streaming_prints_what_it_says(capsys):
    program = example(layers.PAGE.read_text(encoding="utf-8"), "Streaming")
    space = {}
    exec(program, space)  # noqa: S102, the page's own
    expected = re.findall(r"^print\(.*\)  # (.*)$", program, re.MULTILINE)
    assert capsys.readouterr().out.split("\n")[:-1] == expected
    assert {name: state.shape for name, state in space["saved"].items()} == {
        "layer0_forward_h": (1, 32),
        "layer1_forward_h": (1, 32),
    }
    again = {name: state.tolist() for name, state in space["streaming"].state.items()}
    assert again == {name: state.tolist() for name, state in space["saved"].items()}
