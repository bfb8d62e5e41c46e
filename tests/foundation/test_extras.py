"""Optional packages: each is in the extra that messages name, and where one is missing the message says what installs it."""

import re
import subprocess
import sys
import tomllib

import pytest
from places import ROOT

from gru_tf.foundation import extras
from gru_tf.foundation.errors import UserError

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def names(requirements):
    """Names of packages in requirements such as "onnx>=1.23"."""
    return {re.match(r"[\w.-]+", requirement)[0] for requirement in requirements}


@pytest.mark.parametrize("module", extras.OPTIONAL)
def test_the_extra_that_is_named_has_the_package(module):
    package = extras.OPTIONAL[module]
    assert package.distribution in names(PROJECT["optional-dependencies"][package.extra])
    assert package.distribution not in names(PROJECT["dependencies"]), "it is there in any case"


def test_the_tests_have_every_extra_but_pytorch_and_gpu():
    (own,) = (line for line in PROJECT["optional-dependencies"]["test"] if line.startswith("gru-tf["))
    named = set(re.findall(r"\w+", own.removeprefix("gru-tf"))) - {"docs"}  # nothing in the package needs that one
    assert named == {package.extra for package in extras.OPTIONAL.values()} - {"pytorch"}


def test_no_module_imports_an_optional_package_when_it_is_imported_itself():
    """A program that blocks them all imports every module of the package; what needs one imports it on use."""
    code = f"""
import importlib, pkgutil, sys
from importlib.abc import MetaPathFinder

class Blocking(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {sorted(extras.OPTIONAL)}:
            raise ModuleNotFoundError("blocked: " + name, name=name)

sys.meta_path.insert(0, Blocking())
import gru_tf
for module in pkgutil.walk_packages(gru_tf.__path__, "gru_tf."):
    importlib.import_module(module.name)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    for module in [name for name in sys.modules if name.startswith("sacrebleu.")]:  # that another test has imported
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    expected = r"^the metric bleu needs sacrebleu: pip install 'gru-tf\[translation\]'$"
    for refused in (extras.expect, extras.require):
        with pytest.raises(UserError, match=expected):
            refused("sacrebleu", "the metric bleu")
    with pytest.raises(UserError, match=expected):
        extras.require("sacrebleu.metrics.bleu", "the metric bleu")


def test_one_that_is_there_is_returned(monkeypatch, tmp_path):
    (tmp_path / "sacrebleu.py").write_text("VERSION = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sacrebleu", raising=False)
    extras.expect("sacrebleu", "a test")
    assert extras.require("sacrebleu", "a test").VERSION == 3
    monkeypatch.delitem(sys.modules, "sacrebleu")


@pytest.mark.parametrize("line", ["import a_package_that_is_not_there", "raise ImportError('wrong architecture')"])
def test_one_that_is_there_and_broken_says_why_and_no_command(monkeypatch, tmp_path, line):
    (tmp_path / "sacrebleu.py").write_text(f"{line}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sacrebleu", raising=False)
    with pytest.raises(UserError, match="which is installed and cannot be imported: ") as refused:
        extras.require("sacrebleu", "a test")
    assert "pip install" not in str(refused.value)
    assert "a_package_that_is_not_there" in str(refused.value) or "wrong architecture" in str(refused.value)
