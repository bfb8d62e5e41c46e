"""The house as a whole: layers, docstrings, sizes, public names, and a page that names every room."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import grimp
import pytest
import site_sources
import yaml
from places import ROOT

import gru_tf
from gru_tf.experiment import yaml_file
from gru_tf.foundation import addresses

MODULES = sorted((ROOT / "gru_tf").rglob("*.py"))
LONGEST_MODULE = 400
ROOMS = (
    *("foundation", "data", "recurrent", "tasks", "interchange", "baselines", "experiment"),
    *("training", "analysis", "suite", "machine", "commands"),
)


def relative(path):
    return str(path.relative_to(ROOT))


def test_there_are_modules_to_look_at():
    assert {"gru_tf/commands/main.py", "gru_tf/recurrent/cells/gru.py"} <= {relative(m) for m in MODULES}


def test_the_package_is_twelve_rooms_and_nothing_else():
    entries = {path.name for path in (ROOT / "gru_tf").iterdir() if path.name != "__pycache__"}
    assert entries == {"__init__.py", "py.typed", *ROOMS}
    assert len(ROOMS) == 12


def test_the_rooms_have_ten_levels():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    levels = next(contract for contract in contracts if contract["type"] == "layers")
    assert len(levels["layers"]) == 10
    assert levels["exhaustive"]
    assert {room for level in levels["layers"] for room in level.split(" | ")} == set(ROOMS)


def test_no_modules_import_each_other_also_where_types_alone_are_checked():
    """Single modules, a package and what lies in it among them, which import-linter's contract on siblings leaves out."""
    graph = grimp.build_graph("gru_tf", exclude_type_checking_imports=False, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert sum(map(len, imports.values())) > 1000
    TopologicalSorter(imports).prepare()
    back = imports | {"gru_tf.foundation.errors": {"gru_tf.foundation.catalogue"}}
    with pytest.raises(CycleError):
        TopologicalSorter(back).prepare()


SCRIPTS = sorted(
    path for folder in ("benchmarks", "docs") for path in (ROOT / folder).rglob("*.py") if "_build" not in path.parts
)


@pytest.mark.parametrize("script", SCRIPTS, ids=relative)
def test_what_a_script_imports_of_this_package_is_there(script):
    """Those inside functions too: no test runs a benchmark, and a name that moved would be noticed on use alone."""
    nodes = [node for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))) if isinstance(node, ast.ImportFrom)]
    for node in nodes:
        if (node.module or "").partition(".")[0] == "gru_tf":
            for name in node.names:
                there = hasattr(import_module(node.module), name.name) or find_spec(f"{node.module}.{name.name}")
                assert there, f"{node.module}.{name.name}"


def test_modules_import_only_from_lower_levels():
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    done = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    contracts = (ROOT / "pyproject.toml").read_text().count("[[tool.importlinter.contracts]]")
    assert f"{contracts} kept, 0 broken" in done.stdout


@pytest.mark.parametrize("module", MODULES, ids=relative)
def test_every_module_says_what_it_is_and_is_of_a_size_to_read(module):
    source = module.read_text(encoding="utf-8")
    first = (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
    assert first.endswith((".", "?")), "expected a docstring with a first line that is a sentence"
    assert len(source.splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("module", MODULES, ids=relative)
def test_names_come_from_the_field(module):
    assert not {"utils", "helpers", "manager", "common", "misc"} & set(re.split(r"[/_.]", relative(module)))


@pytest.mark.parametrize("name", gru_tf.__all__)
def test_every_public_name_is_there_and_documented(name):
    assert not (ROOT / "gru_tf" / name).exists(), "a room of the same name would take the place of what is public"
    value = getattr(gru_tf, name)
    assert callable(value) or isinstance(value, ModuleType)
    assert value.__doc__
    assert name in dir(gru_tf)


def test_results_comparisons_weights_and_the_inside_are_public():
    assert {"Comparison", "Results", "derivation", "diagnostics", "gates"} <= set(gru_tf.__all__)
    assert gru_tf.diagnostics is import_module("gru_tf.training.diagnostics")


def test_the_version_is_that_of_the_installation_and_of_the_documents():
    """One number: in the project's metadata; the citation and the newest entry of the changelog name the same."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert gru_tf.__version__ == declared
    assert "__version__" in dir(gru_tf)
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"] == declared
    versions = re.findall(r"^## \[(\d[\w.]*)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert versions[0] == declared


def test_a_name_that_is_not_public_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'Transformer'"):
        _ = gru_tf.Transformer


def test_modules_are_there_after_the_package_alone():
    code = "import gru_tf; gru_tf.interchange.metadata, gru_tf.suite.diagnostics, gru_tf.gates.read"
    code += "\nassert not hasattr(gru_tf, 'no_module')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("former", addresses.FORMER)
def test_a_former_address_is_the_same_module(former):
    now = addresses.FORMER[former]
    code = "from importlib import import_module; import gru_tf"
    code += f"; old = import_module({former!r}); assert old is import_module({now!r})"
    code += f"; assert old.__name__ == old.__spec__.name == {now!r}; import {former}; assert {former} is old"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_class_has_one_copy_under_both_addresses():
    assert import_module("gru_tf.cells.gru").GRUCell is gru_tf.GRUCell
    assert addresses.current("gru_tf.cellsandmore") is None


def test_import_gru_tf_loads_nothing_heavy():
    heavy = "{'tensorflow', 'keras', 'keras_tuner', 'mlflow', 'matplotlib', 'ray', 'torch'}"
    code = f"import sys, gru_tf; loaded = {heavy} & set(sys.modules); assert not loaded, loaded"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def tree(page):
    """Path → what stands beside it, of a page's tree; a folder ends in a slash, two spaces indent."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    block = next((b for b in blocks if re.search(r"^gru_tf/", b, re.MULTILINE)), "")
    paths, folders = {}, [""]
    for line in filter(str.strip, block.splitlines()):
        depth = (len(line) - len(line.lstrip())) // 2
        folders = folders[: depth + 1]
        first, *more = re.split(r"\s{2,}", line.strip())
        names, beside = [first, *more[:-1]], "".join(more[-1:])
        paths |= {folders[-1] + name: beside for name in names}
        folders.append(folders[-1] + first)
    return paths


LAYOUT = tree((ROOT / "docs" / "explanation" / "layout.md").read_text(encoding="utf-8"))


def test_the_pages_tree_is_the_rooms_and_short():
    assert {path for path in LAYOUT if re.fullmatch(r"gru_tf/\w+/", path)} == {f"gru_tf/{room}/" for room in ROOMS}
    assert len(LAYOUT) <= 25


@pytest.mark.parametrize("path", sorted(LAYOUT))
def test_what_the_tree_names_is_there(path):
    if path == "mlruns/":
        path = "mlruns/README.md"  # the rest of it is made by the first run
    assert (ROOT / path).exists()
    beside = re.findall(r"[\w/]+\.py\b", LAYOUT.get(path, "")) if path.endswith("/") else []
    assert all((ROOT / path / name).is_file() for name in beside)


GENERATED = {ROOT / "docs" / name for name in site_sources.module("pages.writing").generated()}
KEPT = [page for page in sorted((ROOT / "docs").rglob("*.md")) if page not in GENERATED and "_build" not in page.parts]


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *KEPT], ids=relative)
def test_links_between_pages_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    own = {
        re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in text.splitlines() if line[:1] == "#"
    }
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in own, target
        elif "://" not in target:
            path = (page.parent / target.partition("#")[0]).resolve()
            assert path.exists() or path in GENERATED, target
            assert path not in GENERATED or page in KEPT, f"{target} is there once the site is built"


def test_the_readme_is_read_in_minutes():
    """A front door: what is not for everybody stands on the site."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 800


def test_the_guides_experiment_is_one(tmp_path):
    guide = (ROOT / "docs" / "how-to" / "experiments.md").read_text(encoding="utf-8")
    example = re.search(r"^```yaml\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    file = tmp_path / "rows.yaml"
    file.write_text(example[1], encoding="utf-8")
    assert yaml_file.load(file).search


def definitions(kind):
    """(name, module) of each class or function of the package."""
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, kind):
                yield node.name, relative(module)


def test_no_class_name_stands_for_two_things():
    names = [name for name, _ in definitions(ast.ClassDef)]
    assert len(names) > 100
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_functions_have_names_of_their_own():
    assert [where for name, where in definitions(ast.FunctionDef) if name == "of"] == []


@pytest.mark.parametrize("module", MODULES, ids=relative)
def test_variables_say_what_they_hold(module):
    nodes = list(ast.walk(ast.parse(module.read_text(encoding="utf-8"))))
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    stored |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    assert not {"found", "said", "shown", "told"} & stored
