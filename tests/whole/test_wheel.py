"""The wheel in an environment of its own: what it installs, and an experiment run there by the installed command.

The environment is empty but for the wheel. Third-party packages come from the environment of the tests, which is added to
the path behind the new one's own folder, so that nothing has to be downloaded; `gru_tf` itself can only be the wheel's.
"""

import json
import sysconfig
import zipfile
from email import message_from_string

import pytest
import yaml
from places import ROOT

from gru_tf.recurrent.kernels import compilation

pytestmark = pytest.mark.slow

FACTS = """
import json, sys
import gru_tf
from gru_tf.experiment import yaml_file
from gru_tf.foundation import environment
from gru_tf.recurrent import kernels

print(json.dumps({
    "file": gru_tf.__file__,
    "version": gru_tf.__version__,
    "commit": environment.commit(),
    "experiments": {name: str(path) for name, path in yaml_file.names().items()},
    "build": kernels.build(),
    "why_not": kernels.why_not(),
    "checkout": [path for path in sys.path if path.startswith(sys.argv[1])],
}))
"""


def test_everything_in_it_is_the_wheel_s(place):
    done = place.run("python", "-c", FACTS, str(ROOT))
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["file"] == str(place.site / "gru_tf" / "__init__.py")
    assert facts["commit"] == "", "no checkout is near"
    assert set(facts["experiments"]) == {path.stem for path in (ROOT / "experiments").rglob("*.yaml")}
    assert all(path.startswith(str(place.site / "gru_tf" / "experiments")) for path in facts["experiments"].values())
    assert bool(facts["build"]) != bool(facts["why_not"])
    assert facts["build"] or "this processor has no AVX2" in facts["why_not"]
    assert not [path for path in facts["checkout"] if path != sysconfig.get_path("purelib")]


def test_the_wheel_has_types_libraries_licence_and_says_what_it_needs(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        text = message_from_string(archive.read(metadata).decode())
    built = "gru_tf/recurrent/kernels/built"
    expected = {"gru_tf/py.typed", "gru_tf/experiments/quickstart.yaml", f"{built}/about.json"}
    assert expected | {f"{built}/{name}" for name in compilation.about()["libraries"]} <= names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert not [name for name in names if name.partition("/")[0] not in ("gru_tf", metadata.partition("/")[0])]
    files = {f"gru_tf/{path.relative_to(ROOT)}" for path in (ROOT / "experiments").rglob("*.yaml")}
    assert {name for name in names if name.startswith("gru_tf/experiments/")} == files, "and not what was recorded"
    assert not [name for name in names if "__pycache__" in name or name.startswith("gru_tf/tests")]
    assert {"interchange", "keras2", "pytorch", "ray", "translation"} <= set(text.get_all("Provides-Extra"))
    needed = [line for line in text.get_all("Requires-Dist") if "extra ==" not in line]
    assert not [line for line in needed if line.startswith(("sacrebleu", "scikit-posthocs", "torch", "onnx", "tf-keras"))]


def test_the_quickstart_in_small_is_run_and_read_again(place):
    """Its tasks, cells, search and claims, with fewer seeds, trials and epochs, by workers as the command starts them."""
    quickstart = yaml.safe_load((place.site / "gru_tf" / "experiments" / "quickstart.yaml").read_text(encoding="utf-8"))
    quickstart |= {"seeds": 2, "tasks": [{"adding": {"length": 8, "examples": 400}}, {"digits": {"reading": "rows"}}]}
    quickstart["training"] |= {"epochs": 2, "batch_size": 64}
    quickstart["search"] |= {"trials": 2}
    (place.folder / "work" / "small.yaml").write_text(yaml.safe_dump(quickstart), encoding="utf-8")
    done = place.run("gru-tf", "run", "small.yaml", "--workers", "2")
    assert done.returncode == 0, done.stderr
    again = place.run("gru-tf", "results", "small", "--format", "json")
    assert again.returncode == 0, again.stderr
    runs = json.loads(again.stdout)["runs"]
    assert len([run for run in runs if run["purpose"] == "final"]) == 2 * 3 * 2
    assert all(run["status"] == "finished" for run in runs)
    (report,) = (place.folder / "work" / "mlruns").rglob("report.html")
    assert report.stat().st_size > 100_000
