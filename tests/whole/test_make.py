"""What `make` hands to the programs that it runs, and which versions it tests."""

import os
import re
import shutil
import subprocess
import tomllib

import pytest
from packaging.requirements import Requirement
from places import ROOT

CERTIFICATES = "certificates=$$UV_SYSTEM_CERTS"
BYTECODE = "bytecode=$${PYTHONDONTWRITEBYTECODE:-kept}"


def written(echo=CERTIFICATES, *, without="", **environment):
    """What a recipe of the Makefile sees of its environment, such as uv's choice of certificates."""
    own = {name: value for name, value in os.environ.items() if name not in ("UV_SYSTEM_CERTS", "MAKEFLAGS", "MFLAGS")}
    text = (ROOT / "Makefile").read_text(encoding="utf-8").replace(without, "") if without else None
    rule = f"--eval=written: ; @echo {echo}"
    command = ["make", "--no-print-directory", "-f", "-" if text else "Makefile", rule, "written"]
    done = subprocess.run(command, cwd=ROOT, env=own | environment, input=text, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_uv_trusts_the_certificates_of_the_system_unless_told_otherwise():
    assert written() == "certificates=true"
    assert written(UV_SYSTEM_CERTS="false") == "certificates=false"
    assert written(without="export UV_SYSTEM_CERTS") == "certificates="


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_bytecode_is_kept_also_where_the_environment_says_otherwise():
    off = {"PYTHONDONTWRITEBYTECODE": "1"}
    assert written(BYTECODE, **off) == "bytecode=kept"
    assert written(BYTECODE, without="unexport PYTHONDONTWRITEBYTECODE", **off) == "bytecode=1"


def declared():
    """Every requirement of the project and of its extras, by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    return {requirement.name: requirement.specifier for requirement in map(Requirement, lines)}


def previous():
    """Name → minor, such as (3, 14), of what `make test-versions` installs in the place of the lock."""
    lines = re.findall(
        r"^([\w-]+)==(\d+)\.(\d+)\.\*$", (ROOT / "tests" / "previous.txt").read_text(encoding="utf-8"), re.MULTILINE
    )
    return {name: (int(major), int(minor)) for name, major, minor in lines}


@pytest.mark.parametrize("name", ["keras", "mlflow", "tensorflow", "tf-keras"])
def test_the_oldest_minor_that_is_allowed_and_the_lock_s_are_tested(name):
    """The range begins with the minor of tests/previous.txt and ends with that of the lock, as the documentation says."""
    (locked,) = re.findall(rf"^{name}==(\d+\.\d+)\.", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE)
    major, minor = previous()[name]
    newest = int(locked.partition(".")[2])
    assert [n for n in range(minor - 5, newest + 5) if declared()[name].contains(f"{major}.{n}.0")] == [
        *range(minor, newest + 1)
    ]
    if name != "tf-keras":
        page = (ROOT / "docs" / "how-to" / "installation.md").read_text(encoding="utf-8")
        assert f"`>={major}.{minor},<{major}.{newest + 1}`" in page


def test_the_extras_are_documented():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    rows = re.findall(
        r"^\| `(\w+)` \|", (ROOT / "docs" / "how-to" / "installation.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert rows == sorted(set(extras) - {"docs", "test"})  # these two are for who works on the package
