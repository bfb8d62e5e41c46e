"""What `make` hands to the programs that it runs."""

import os
import shutil
import subprocess

import pytest
from places import ROOT

WRITES = "written: ; @echo certificates=$$UV_SYSTEM_CERTS"


def written(*, without="", **environment):
    """What a recipe of the Makefile sees of uv's choice of certificates."""
    own = {name: value for name, value in os.environ.items() if name not in ("UV_SYSTEM_CERTS", "MAKEFLAGS", "MFLAGS")}
    text = (ROOT / "Makefile").read_text(encoding="utf-8").replace(without, "") if without else None
    command = ["make", "--no-print-directory", "-f", "-" if text else "Makefile", f"--eval={WRITES}", "written"]
    done = subprocess.run(command, cwd=ROOT, env=own | environment, input=text, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_uv_trusts_the_certificates_of_the_system_unless_told_otherwise():
    assert written() == "certificates=true"
    assert written(UV_SYSTEM_CERTS="false") == "certificates=false"
    assert written(without="export UV_SYSTEM_CERTS") == "certificates="
