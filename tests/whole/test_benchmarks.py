"""What the benchmarks compare is the same work: data, sizes, search; and what `make bench` prints of it."""

import importlib.util
import sys
from types import ModuleType

import pytest
import yaml
from places import ROOT

from gru_tf.experiment.specs import Choice
from gru_tf.tasks import create
from gru_tf.training.epochs import stream

YARDSTICK = yaml.safe_load((ROOT / "experiments" / "yardstick.yaml").read_text())


def script(name):
    """A benchmark as a module, whose `main` is not called."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def ratio():
    return script("ratio")


@pytest.fixture
def sweep(monkeypatch):
    """A sweep by its name; Optuna, which asks for the trials and is not installed with PyTorch's tests, may be missing."""

    def found(name):
        if name == "torch_sweep":
            pytest.importorskip("torch")
            if importlib.util.find_spec("optuna") is None:
                monkeypatch.setitem(sys.modules, "optuna", ModuleType("optuna"))
        return script(name)

    return found


BOTH = ["stock_sweep", pytest.param("torch_sweep", marks=pytest.mark.torch)]


@pytest.mark.parametrize("name", BOTH)
def test_the_contestants_do_the_work_of_the_yardstick(name, sweep):
    of = sweep(name)
    low, high = (float(YARDSTICK["search"]["space"]["learning_rate"][end]) for end in ("low", "high"))
    assert list(of.LAYERS) == YARDSTICK["cells"]
    assert (YARDSTICK["training"]["epochs"], YARDSTICK["training"]["batch_size"]) == (of.EPOCHS, of.BATCH)
    assert (YARDSTICK["search"]["trials"], YARDSTICK["seeds"]) == (of.TRIALS, of.SEEDS)
    source = (ROOT / "benchmarks" / f"{name}.py").read_text()
    assert f'"learning_rate", {low:.0e}, {high:.0e}'.replace("e-0", "e-") in source


@pytest.mark.parametrize("name", BOTH)
def test_the_contestants_see_as_many_digits_of_each_kind_of_split_as_the_task_gives(name, sweep):
    task = create("digits", {})
    splits = task.splits(stream(0, Choice(name="digits")))
    for part, ours in zip(sweep(name).data(), (splits.train, splits.validation, splits.test), strict=True):
        x, y = part.dataset.tensors if name == "torch_sweep" else part
        assert tuple(x.shape) == ours.inputs.shape
        assert len(y) == len(ours.targets)
        assert 0 <= float(x.min()) < float(x.max()) <= 1


@pytest.mark.parametrize("name", BOTH)
def test_the_contestants_networks_are_as_large_as_the_budget_says(name, sweep):
    of, budget = sweep(name), YARDSTICK["model"]["parameters"]
    for cell in of.LAYERS:
        if name == "torch_sweep":
            count = sum(p.numel() for p in of.Digits(cell).parameters())
        else:
            import keras_tuner

            count = of.Digits(cell).build(keras_tuner.HyperParameters()).count_params()
        assert count == pytest.approx(budget, rel=0.02), cell


def test_accuracies_are_read_from_seeds_and_from_means_with_deviations(ratio):
    text = "\nEpoch 1\nrnn 0.9 0.92\ngru   parameters 12720  test accuracy 0.700 ± 0.100\nseconds 3.2\n"
    found = ratio.printed(text)
    assert found["rnn"] == [0.9, 0.92]
    assert found["gru"] == pytest.approx([0.6, 0.8])
    assert list(found) == ["rnn", "gru"]


def test_rounds_take_turns_in_who_begins_and_ratios_are_medians_with_their_range(ratio, monkeypatch, capsys):
    seconds = {ratio.STOCK: iter([40.0, 60.0, 70.0]), ratio.TORCH: iter([30.0, 30.0, 10.0]), ratio.OURS: iter([10.0] * 3)}
    order = []

    def timed(command):
        order.append(command[0])
        return next(seconds[command[0]]), "gru 0.5 0.7"

    monkeypatch.setattr(ratio, "contestants", lambda *_: {name: lambda folder, n=name: [n] for name in seconds})
    monkeypatch.setattr(ratio, "timed", timed)
    monkeypatch.setattr(ratio, "stored", lambda folder: {"gru": [0.6]})
    monkeypatch.setattr(sys, "argv", ["ratio.py", "--rounds", "3"])
    ratio.main()
    lines = capsys.readouterr().out.splitlines()
    assert order[::3] == [ratio.STOCK, ratio.TORCH, ratio.OURS]
    assert sorted(order[3:6]) == sorted(seconds)
    assert lines[0] == "round 1: stock parts 40.0 s, PyTorch + Optuna 30.0 s, gru-tf 10.0 s"
    assert "gru-tf 0.600 (0.600–0.600)" in lines[1]
    assert lines[-2:] == ["stock parts / gru-tf: 6.0 (4.0–7.0)", "PyTorch + Optuna / gru-tf: 3.0 (1.0–3.0)"]


def test_without_pytorch_the_other_two_run_and_it_is_said(ratio, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(ratio, "PEERS", tmp_path / ".peers" / "bin" / "python")
    monkeypatch.setattr(ratio, "find_spec", lambda name: None)
    monkeypatch.setattr(ratio, "timed", lambda command: (1.0, "rnn 0.5"))
    monkeypatch.setattr(ratio, "stored", lambda folder: {"rnn": [0.5]})
    monkeypatch.setattr(sys, "argv", ["ratio.py", "--rounds", "1"])
    ratio.main()
    said, first, *_, last = capsys.readouterr().out.splitlines()
    assert said == "PyTorch + Optuna is left out: neither .peers nor this environment has them; make bench does."
    assert first == "round 1: stock parts 1.0 s, gru-tf 1.0 s"
    assert last == "stock parts / gru-tf: 1.0 (1.0–1.0)"


def test_a_contestant_that_fails_ends_the_benchmark_with_what_it_said(ratio):
    with pytest.raises(SystemExit, match="no such sweep"):
        ratio.timed([sys.executable, "-c", "import sys; sys.exit('no such sweep')"])


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.name)
def test_no_script_has_the_name_of_a_module_of_python(path):
    """The folder of a script that runs comes first on its path, and would hide that module from every library."""
    assert path.stem not in sys.stdlib_module_names
