"""Fitted baselines in files: the same predictions from what was read, and nothing but a baseline is read."""

import json
import pickle
import zipfile
from dataclasses import is_dataclass
from functools import cache
from importlib import import_module
from typing import Any

import made_splits
import numpy as np
import own_files
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from gru_tf.baselines import stored
from gru_tf.baselines.baseline import BASELINES, ModelInputs
from gru_tf.baselines.constant_answer import ConstantAnswer
from gru_tf.baselines.fitting import fit, fit_again
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Task, create

SHOP = {"path": own_files.path("shop.csv"), "target": ["sales"], "time": "day", "window": 14, "horizon": 3, "season": 7}
MADE: dict[str, Task] = {
    **dict.fromkeys(("logistic", "summary", "nearest", "rocket", "boosting"), made_splits.classified()),
    **dict.fromkeys(("naive", "seasonal_naive", "ets"), create("forecast", SHOP)),
    **dict.fromkeys(("current_step", "sliding_window"), made_splits.stepwise()),
    "dtw": made_splits.warped(),
    "ridge": made_splits.valued(),
    "bag_of_words": made_splits.texts(),
    "ngram": made_splits.next_tokens(),
    "markov": made_splits.music(),
}


def splits_of(name: str) -> Any:
    return MADE[name].splits(np.random.default_rng(0))


@cache
def fitted(name: str) -> Any:
    return fit(name, MADE[name], splits_of(name), seed=3)


def asked(name: str) -> ModelInputs:
    return ModelInputs.of_split(splits_of(name), "test", MADE[name].forecast_rows())


def test_every_baseline_is_tested_here() -> None:
    assert set(MADE) == set(BASELINES.names())


@pytest.mark.parametrize("name", MADE)
def test_what_is_read_predicts_the_same(name: str, tmp_path: Any) -> None:
    model = fitted(name).model
    stored.save(name, model, tmp_path / "model.npz")
    kept, again = stored.load(tmp_path / "model.npz")
    assert kept == name
    assert again.size == model.size
    one, other = model.predict(asked(name)), again.predict(asked(name))
    if name == "boosting":  # summed up in another order
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)
    else:
        np.testing.assert_array_equal(one, other)
        assert type(again) is type(model)


@pytest.mark.parametrize("refit", [False, True], ids=["once", "and again with validation"])
@pytest.mark.parametrize("name", MADE)
def test_fitted_again_with_its_settings_it_is_the_same(name: str, refit: bool) -> None:
    first = fit(name, MADE[name], splits_of(name), 3, refit)
    model, validation = fit_again(name, MADE[name], splits_of(name), 3, first.settings, refit)
    assert validation == first.validation
    np.testing.assert_array_equal(model.predict(asked(name)), first.model.predict(asked(name)))


def test_a_constant_is_stored_too(tmp_path: Any) -> None:
    stored.save("constant", ConstantAnswer(np.log([0.25, 0.75])), tmp_path / "model.npz")
    outputs = stored.load(tmp_path / "model.npz")[1].predict(ModelInputs(np.zeros((2, 3, 1)), np.full(2, 3)))
    np.testing.assert_array_equal(outputs, np.log([[0.25, 0.75]] * 2))


@pytest.mark.parametrize("classes", [2, 3])
def test_a_forest_is_what_scikit_learn_predicts(classes: int) -> None:
    """Of classes numbered with a gap, the one between has no probability."""
    from gru_tf.baselines.windows._forest import Forest
    from gru_tf.tasks import Signature

    rng = np.random.default_rng(0)
    vectors, targets = rng.normal(size=(300, 4)), np.array([0, 2, 3][:classes])[rng.integers(0, classes, 300)]
    model = HistGradientBoostingClassifier(max_iter=7, learning_rate=0.3).fit(vectors, targets)
    forest = Forest.of_models(Signature(2, 2, 4, "class"), (model,))
    predicted = forest.predict(ModelInputs(vectors.reshape(300, 2, 2), np.full(300, 2)))
    np.testing.assert_allclose(np.exp(predicted[:, model.classes_]), model.predict_proba(vectors), rtol=1e-10)
    assert (predicted[:, np.setdiff1d(range(4), model.classes_)] == -np.inf).all()


def test_a_forest_of_several_values_is_what_scikit_learn_predicts() -> None:
    from gru_tf.baselines.windows._forest import Forest
    from gru_tf.tasks import Signature

    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(200, 3))
    models = tuple(HistGradientBoostingRegressor(max_iter=9).fit(vectors, column) for column in (vectors**2).T[:2])
    forest = Forest.of_models(Signature(3, 1, 2, "value"), models)
    predicted = forest.predict(ModelInputs(vectors[..., None], np.full(200, 3)))
    np.testing.assert_allclose(predicted, np.stack([m.predict(vectors) for m in models], 1), rtol=1e-10, atol=1e-12)
    assert np.abs(predicted[:, 0] - models[1].predict(vectors)).max() > 0.1


def test_each_kind_is_where_it_is_said_to_be() -> None:
    for kind, module in stored.MODULES.items():
        assert is_dataclass(getattr(import_module(f"gru_tf.baselines.{module}"), kind))


# ----------------------------------------------------------------------------------------------- files from elsewhere


def written(file: Any, **content: Any) -> Any:
    """A file of a naive forecast, but for what is given."""
    plain = {"version": 1, "baseline": "naive", "model": {"kind": "Repeated", "fields": {"season": 1, "size": 0}}}
    text = json.dumps(plain | content).encode()
    np.savez(file, description=np.frombuffer(text, np.uint8))
    return file


def test_the_file_below_is_whole_but_for_what_is_changed(tmp_path: Any) -> None:
    name, model = stored.load(written(tmp_path / "naive.npz"))
    assert (name, type(model).__name__, model.season) == ("naive", "Repeated", 1)


CONTENTS = {
    "another class": {"model": {"kind": "Popen", "fields": {"args": ["true"]}}},
    "a class of another module": {"model": {"kind": "UserError", "fields": {}}},
    "a field too many": {"model": {"kind": "Repeated", "fields": {"season": 1, "sizes": 0}}},
    "a field too few": {"model": {"kind": "Repeated", "fields": {}}},
    "an array that is not there": {"model": {"kind": "ConstantAnswer", "fields": {"outputs": {"array": "a7"}}}},
    "a number": {"model": 3},
    "a part of a model": {"model": {"kind": "Standard", "fields": {"mean": 0, "deviation": 1}}},
    "a later version": {"version": 2},
    "no fields": {"model": {"kind": "Repeated"}},
}


@pytest.mark.parametrize("content", CONTENTS)
def test_another_content_is_refused_in_a_line(content: str, tmp_path: Any) -> None:
    with pytest.raises(UserError, match="^model.npz: expected .* Received: ") as refused:
        stored.load(written(tmp_path / "model.npz", **CONTENTS[content]))
    assert "\n" not in str(refused.value)


class Malicious:
    """Opened as a pickle, it leaves a file."""

    def __init__(self, file: Any):
        self.file = file

    def __reduce__(self) -> Any:
        return (open, (str(self.file), "w"))


def test_a_pickle_is_not_opened(tmp_path: Any) -> None:
    trap = tmp_path / "opened"
    (tmp_path / "model.npz").write_bytes(pickle.dumps(Malicious(trap)))
    np.savez(tmp_path / "inside.npz", description=np.array([Malicious(trap)], object), allow_pickle=True)
    for file in ("model.npz", "inside.npz"):
        with pytest.raises(UserError, match="expected a stored baseline"):
            stored.load(tmp_path / file)
    assert not trap.exists()


@pytest.mark.parametrize("kind", ["absent", "empty", "text", "cut short", "changed inside", "an archive of something else"])
def test_a_damaged_file_is_refused_in_a_line(kind: str, tmp_path: Any) -> None:
    file = tmp_path / "model.npz"
    stored.save("ridge", fitted("ridge").model, file)
    whole = file.read_bytes()
    if kind == "absent":
        file.unlink()
    elif kind == "an archive of something else":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("notes.txt", "nothing")
    else:
        middle = len(whole) // 2
        changed = whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :]
        file.write_bytes({"empty": b"", "text": b"nothing", "cut short": whole[:-40], "changed inside": changed}[kind])
    with pytest.raises(UserError, match="^model.npz: expected a stored baseline. Received: ") as refused:
        stored.load(file)
    assert "\n" not in str(refused.value)


def test_a_model_of_another_kind_has_no_file(tmp_path: Any) -> None:
    class Other(ConstantAnswer):
        pass

    with pytest.raises(TypeError, match="expected one of .* Received: a Other"):
        stored.save("other", Other(np.zeros(2)), tmp_path / "model.npz")
    with pytest.raises(TypeError, match="expected arrays of numbers"):
        stored.save("other", ConstantAnswer(np.array([{}], object)), tmp_path / "model.npz")
