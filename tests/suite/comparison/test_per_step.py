"""A label at every step, from the file to the prediction of each row: where the right answer is known."""

import numpy as np
import pandas
import pytest

import gru_tf
from gru_tf.foundation.errors import UserError
from gru_tf.suite import comparison, coordinator

pytestmark = [
    # MLflow 3.17 asks SQLAlchemy 2.1 for a deprecated loader, and warns of its own type hints
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
]
RNG = np.random.default_rng(0)


def copies(count, first=0, shift=1):
    """The label says whether the number `shift` steps before was above 0; nothing at the first steps, or at a few others."""
    rows = []
    for walk in range(first, first + count):
        x = RNG.normal(size=int(RNG.integers(3, 9)))
        for step, value in enumerate(x):
            known = step >= shift and RNG.random() > 0.1
            rows.append((f"w{walk}", step, round(value, 4), ("up" if x[step - shift] > 0 else "down") if known else None))
    frame = pandas.DataFrame(rows, columns=["sequence", "step", "x", "before"])
    return frame.iloc[RNG.permutation(len(frame))].reset_index(drop=True)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copies")
    copies(150).to_csv(folder / "copies.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(coordinator.SWITCH)
        options = {"cells": ("gru",), "units": 8, "seeds": 1, "trials": 0, "epochs": 40, "workers": 0}
        return gru_tf.compare(folder / "copies.csv", label="before", store=f"sqlite:///{folder}/m.db", **options)


def right(answer, frame):
    """Share of the rows, from the second step on, whose answer is the sign of the number before."""
    ordered = frame.assign(answer=answer.before.to_numpy()).sort_values(["sequence", "step"])
    ordered["truth"] = ordered.groupby("sequence").x.shift(1)
    known = ordered.dropna(subset="truth")
    return np.mean((known.answer == "up") == (known.truth > 0))


@pytest.mark.slow
def test_it_is_inferred_learned_and_predicted_in_the_order_of_the_rows(done):
    assert any("changes within sequences: a label at every step" in line for line in done.guess)
    (network, *baselines) = done.results.runs
    assert network.test > 0.85
    assert [run.run.cell.label for run in baselines] == ["current_step", "sliding_window"]
    assert baselines[1].test > 0.95 > 0.7 > baselines[0].test
    new = copies(30, first=1000).drop(columns="before")
    for model in ("gru", "sliding_window"):
        answer = done.predict(new, model)
        assert answer.sequence.tolist() == new.sequence.tolist()
        assert answer.step.tolist() == new.step.tolist()
        assert right(answer, new) > 0.85
    assert right(done.predict(new, "current_step"), new) < 0.7


@pytest.mark.slow
def test_a_saved_predictor_gives_the_same(done, tmp_path):
    new = copies(5, first=2000).drop(columns="before")
    done.save(tmp_path / "kept", "gru")
    again = gru_tf.load_predictor(tmp_path / "kept").predict(new)
    pandas.testing.assert_frame_equal(again, done.predict(new, "gru"))


def test_arrays_of_labels_at_every_step_are_recognised():
    inputs = RNG.normal(size=(40, 6, 2))
    planned = comparison.plan({"X": inputs, "y": (np.cumsum(inputs[..., 0], 1) > 0).astype(int)})
    assert planned.guess.options["per_step"] is True
    assert planned.guess.kind == "class"
    one_hot = comparison.plan({"X": inputs, "y": np.eye(6)[np.arange(40) % 6]})  # (40, 6) as a label a step would be
    assert "per_step" not in one_hot.guess.options
    values = comparison.plan({"X": inputs, "y": np.cumsum(inputs, 1)})
    assert (values.guess.kind, values.guess.options["per_step"]) == ("value", True)


def test_several_columns_of_values_are_no_inputs():
    frame = copies(60).assign(a=lambda table: table.x * 2, b=lambda table: -table.x).drop(columns="before")
    planned = comparison.plan(frame, label="a", labels="b", id="sequence", order="step")
    assert planned.guess.options["labels"] == ("b",)
    assert (planned.guess.kind, planned.guess.options["per_step"]) == ("value", True)
    assert any(text == "inputs: x" for text, _ in planned.inferences)


MISTAKES = [
    ({"label": "before", "intervals": "quantile", "kind": "value"}, "received 'quantile'"),
    ({"label": "before", "labels": "step", "order": "step"}, "expected two columns for 'order' and 'labels (step)'"),
    ({"label": "before", "labels": "nowhere"}, "no column is called 'nowhere'"),
    ({"label": "before", "window": 3, "per_step": True}, "received both per_step and window"),
]


@pytest.mark.parametrize(("options", "words"), MISTAKES)
def test_a_mistake_is_one_line(options, words):
    with pytest.raises(UserError) as caught:
        comparison.plan(copies(40), **{"id": "sequence", "per_step": True, "features": "x", **options})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
