"""New data predicted by what a comparison recommends, a model without a recurrent network too: as its own library does."""

import io
from types import SimpleNamespace

import mlflow
import numpy as np
import own_files
import pandas
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

import gru_tf
from gru_tf.baselines import stored
from gru_tf.baselines.constant_answer import ConstantAnswer
from gru_tf.baselines.fitting import fit
from gru_tf.foundation.errors import UserError
from gru_tf.suite import baseline_models, coordinator
from gru_tf.suite.comparison import predictor
from gru_tf.suite.tracking import baseline_model, from_registry
from gru_tf.tasks import create

pytestmark = [
    # MLflow 3.17 asks SQLAlchemy 2.1 for a deprecated loader, and warns of its own type hints
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
]
MONTHS, WINDOW, SEASON = 120, 6, 12
SMALL = {"cells": ("rnn",), "units": 2, "seeds": 1, "trials": 0, "epochs": 1, "workers": 0}


def months(count=MONTHS, first=0):
    """A line with a season, far from what one epoch teaches."""
    steps = np.arange(first, first + count)
    noise = np.random.default_rng(0).normal(0, 2, 500)[steps]
    moments = pandas.date_range("2010-01-01", periods=first + count, freq="MS")[first:]
    return pandas.DataFrame({"month": moments, "sold": 200 + steps + 30 * np.sin(steps * np.pi / 6) + noise})


def compared(folder, data, **options):
    """The comparison, with baselines, and the folder of its store."""
    store = f"sqlite:///{folder}/mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(coordinator.SWITCH)
        answer = gru_tf.compare(data, store=store, **{**SMALL, **options})
    return SimpleNamespace(answer=answer, store=store, folder=folder)


@pytest.fixture(scope="module")
def forecast(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forecast")
    months().to_csv(folder / "sold.csv", index=False)
    return compared(folder, folder / "sold.csv", target="sold", time="month", window=WINDOW, season=SEASON)


def chosen(done, name):
    (run,) = [run for run in done.answer.results.runs if run.run.cell.label == name]
    return run.fitted.settings


def by_ridge(done, frame):
    """The month after a frame's last one: windows, scaling and regression by pandas and scikit-learn alone."""
    sold = months()["sold"].to_numpy()
    train = MONTHS - round(0.2 * MONTHS) - round(0.15 * MONTHS)
    mean, deviation = sold[:train].mean(), sold[:train].std()
    scaled = (sold - mean) / deviation
    windows = np.lib.stride_tricks.sliding_window_view(scaled, WINDOW + 1)[: train - WINDOW]
    windows = windows - windows[:, [WINDOW - 1]]
    model = Ridge(alpha=chosen(done, "ridge")["alpha"]).fit(windows[:, :WINDOW], windows[:, WINDOW])
    last = frame.sort_values("month")["sold"].to_numpy()[-WINDOW:]
    return last[-1] + deviation * model.predict((last - last[-1])[None] / deviation)[0]


def by_statsmodels(done, rows):
    """The month after rows from the first on: parameters by the training rows, carried on to the last."""
    settings = chosen(done, "ets")
    train = rows[: MONTHS - round(0.2 * MONTHS) - round(0.15 * MONTHS)]
    trend, season = settings["trend"], settings["season"]
    options = {"trend": None if trend == "none" else "add", "damped_trend": trend == "damped"}
    options |= {"seasonal": season, "seasonal_periods": SEASON} if season != "none" else {}
    model = ETSModel(train, initialization_method="heuristic", **options)
    states = {"initialization_method": "known", "initial_level": model.initial_level}
    states |= {} if trend == "none" else {"initial_trend": model.initial_trend}
    states |= {} if season == "none" else {"initial_seasonal": model.initial_seasonal}
    return float(ETSModel(rows, **options, **states).smooth(model.fit(disp=False).params).forecast(1)[0])


def test_what_is_recommended_predicts_and_says_why(forecast):
    answer = forecast.answer
    advice = answer.recommendation
    assert advice.cell is None
    assert advice.other in ("ets", "ridge")
    tests = {row.cell: row.test.mean for row in answer.table()}
    first, second = (f"test rmse {tests[name]:.4g}" for name in (advice.other, "rnn"))
    line = f"{advice.other}, as recommended: {first}; the best network, rnn: {second}"
    assert str(answer.predictor()) == line
    later = months(WINDOW, MONTHS)
    pandas.testing.assert_frame_equal(answer.predict(later), answer.predict(later, advice.other))
    asked = str(answer.predictor("rnn"))
    assert asked.startswith("rnn, seed 0, the best of its seeds on validation, as asked: test rmse ")
    assert asked.endswith(f"; recommended is {advice.other}")
    assert answer.lines()[1].startswith(f"comparison.predict(new_rows)  # by {advice.other}; ")
    text = dict(advice.lines)
    assert f"use {advice.other}" in text["Without recurrence"]
    assert f"({advice.other}); the network's: models:/m-" in text["Trained model"]


@pytest.mark.parametrize(
    "frame", [months(WINDOW, MONTHS), months(WINDOW, 60).sample(frac=1, random_state=0)], ids=["later", "known"]
)
def test_ridge_is_scikit_learns(forecast, frame):
    answer = forecast.answer.predict(frame, "ridge")
    ends = ["sold_low_80", "sold_high_80"]  # 18 errors on validation are too few for 95 %
    assert list(answer) == list(forecast.answer.predict(frame, "rnn")) == ["month", "ahead", "sold", *ends]
    assert answer["sold"].tolist() == pytest.approx([by_ridge(forecast, frame)], rel=1e-5)
    assert answer["month"].tolist() == [frame["month"].max() + pandas.DateOffset(months=1)]


@pytest.mark.parametrize(("count", "first"), [(WINDOW, MONTHS), (WINDOW + 4, MONTHS - 8), (MONTHS + 5, 0), (WINDOW, 70)])
def test_ets_is_statsmodels_with_the_rows_of_training_before_the_new_ones(forecast, count, first):
    frame = months(count, first)
    rows = months(first + count)["sold"].to_numpy()
    (value,) = forecast.answer.predict(frame, "ets")["sold"]
    assert value == pytest.approx(by_statsmodels(forecast, rows), rel=1e-5)


def test_the_seasonal_naive_forecast_reaches_back_into_training(forecast):
    frame = months(WINDOW, MONTHS)
    (value,) = forecast.answer.predict(frame, "seasonal_naive")["sold"]
    assert value == pytest.approx(months(MONTHS + WINDOW)["sold"].iloc[-SEASON], rel=1e-5)
    (last,) = forecast.answer.predict(frame, "naive")["sold"]
    assert last == pytest.approx(frame["sold"].iloc[-1], rel=1e-5)


def test_rows_with_a_gap_before_them_are_refused_where_a_series_is_read_whole(forecast):
    later = months(WINDOW, MONTHS + 1)
    with pytest.raises(UserError, match="the data: ets reads a series from its first row in training, without a gap"):
        forecast.answer.predict(later, "ets")
    with pytest.raises(UserError, match="the data: seasonal_naive: expected at least 12 rows, a season. Received: 6"):
        forecast.answer.predict(later, "seasonal_naive")
    holed = months(WINDOW + 2, MONTHS).drop(index=[2])
    with pytest.raises(UserError, match="seasonal_naive: expected times without gaps"):
        forecast.answer.predict(holed, "seasonal_naive")
    assert len(forecast.answer.predict(later, "ridge")) == len(forecast.answer.predict(later, "naive")) == 1


def test_it_is_in_the_registry_and_mlflow_asks_it_for_the_same(forecast):
    answer, name = forecast.answer, forecast.answer.recommendation.other
    record = answer.results.record
    registered = [model.name for model in record.client.search_registered_models()]
    assert sorted(each.rpartition(".")[2] for each in registered) == sorted([name, "rnn"])
    known = next(each for each in registered if each.endswith(name))
    version = record.client.get_model_version_by_alias(known, "best")
    assert "without a recurrent network" in version.description
    run = next(run for run in answer.results.runs if run.run.cell.label == name)
    assert version.source == record.models[run.run.fingerprint]
    assert version.run_id == record.ids[run.run.fingerprint]
    with pytest.raises(UserError, match="expected a recurrent network. Received: a model without one"):
        from_registry.bring(f"models:/{known}@best", forecast.store)
    kept, model = baseline_model.load(forecast.store, version.source)
    assert (kept, model.size) == (name, run.parameters)


def test_mlflow_serves_a_model_of_windows_from_a_file_without_a_pickle(forecast, tmp_path):
    run = next(run for run in forecast.answer.results.runs if run.run.cell.label == "ridge")
    model = baseline_models.fit_again(run)
    record = forecast.answer.results.record
    uri = record.models.get(run.run.fingerprint) or baseline_model.log(
        forecast.store, record.ids[run.run.fingerprint], run, model
    )
    mlflow.set_tracking_uri(forecast.store)
    try:
        served = mlflow.pyfunc.load_model(uri)
    finally:
        mlflow.set_tracking_uri(None)
    inputs = create("forecast", run.run.task.options).prepare(months(WINDOW, MONTHS)).inputs
    expected = model.predict(predictor.ModelInputs(inputs, np.full(1, WINDOW)))
    np.testing.assert_array_equal(served.predict(inputs), expected)
    assert not list(forecast.folder.rglob("*.pkl"))


def test_mlflow_serves_sequences_of_different_lengths_as_it_serves_their_network(sequences):
    """Whichever is recommended, by the inputs that a masked network has."""
    answer, name = sequences.answer, sequences.answer.recommendation.other
    (run,) = [run for run in answer.results.runs if run.run.cell.label == name]
    new = trips(6, seed=10)
    inputs, lengths = answer._task.prepare(new)
    mlflow.set_tracking_uri(sequences.store)
    try:
        served = mlflow.pyfunc.load_model(answer.results.record.models[run.run.fingerprint])
        network = mlflow.pyfunc.load_model(answer._models.trained["rnn"][0])
    finally:
        mlflow.set_tracking_uri(None)
    names = [each.name for each in served.metadata.signature.inputs.inputs]
    assert names == [each.name for each in network.metadata.signature.inputs.inputs]
    outputs = served.predict({"sequence": inputs, "mask": np.arange(inputs.shape[1]) < lengths[:, None]})
    pandas.testing.assert_frame_equal(answer._task.answer(outputs, new), answer.predict(new))


def test_a_series_model_says_that_windows_are_not_enough():
    served = baseline_model.Served("ets", fit_shops("ets"))
    with pytest.raises(UserError, match="ets reads a series from its beginning"):
        served.predict(np.zeros((1, 10, 2)))


def test_from_a_store_without_its_model_it_is_fitted_again(forecast):
    before = forecast.answer.predict(months(WINDOW, MONTHS), "ridge")["sold"].tolist()
    again = gru_tf.compared("sold", forecast.store)
    for run in again.results.runs:
        again.results.record.models.pop(run.run.fingerprint, None)
    assert again.predict(months(WINDOW, MONTHS), "ridge")["sold"].tolist() == before
    assert "fitted anew from its settings" in str(again.recommendation)
    with pytest.raises(UserError, match="the store has no trained model of rnn"):
        again.predict(months(WINDOW, MONTHS), "rnn")


def test_a_model_that_scores_otherwise_than_stored_is_not_taken_for_it(forecast):
    run = next(run for run in forecast.answer.results.runs if run.run.cell.label == "ridge")
    other = run.model_copy(update={"validation": 1.01 * run.validation})
    with pytest.raises(
        UserError, match="ridge fitted anew to .*: expected rmse .* on validation, as in the store. Received: "
    ):
        baseline_models.fit_again(other)


def test_another_model_in_its_place_is_refused(forecast):
    again = gru_tf.compared("sold", forecast.store)
    record, name = again.results.record, again.recommendation.other
    runs = {run.run.cell.label: run.run.fingerprint for run in again.results.runs}
    record.models["kept"] = record.models[runs[name]]
    other = "boosting"
    record.models[runs[other]] = record.models["kept"]
    with pytest.raises(UserError, match=f"expected a model of {other}. Received: one of {name}"):
        again.predict(months(WINDOW, MONTHS), other)
    record.models[runs[name]] = record.models[runs["rnn"]]
    with pytest.raises(UserError, match="expected a stored baseline, baseline.npz. Received: another model"):
        gru_tf.suite.comparison.Comparison(again.results, forecast.store).predict(months(WINDOW, MONTHS), name)


def test_a_model_of_other_data_is_refused(forecast, tmp_path):
    task = create("forecast", forecast.answer.results.experiment.tasks[0].options)
    other = create("forecast", {**forecast.answer.results.experiment.tasks[0].options, "window": WINDOW + 1})
    model = fit("ridge", other, other.splits(np.random.default_rng(0)), 0).model
    with pytest.raises(UserError, match="ridge: expected a model of these data"):
        predictor.of_baseline("ridge", model, task, months(WINDOW, MONTHS))
    with pytest.raises(UserError, match=r"ridge: expected outputs of the shape \(1, 1\). Received: \(1, 3\)"):
        predictor.of_baseline("ridge", ConstantAnswer(np.zeros(3)), task, months(WINDOW, MONTHS).assign())


# ------------------------------------------------------------------------------------------------------- many series

SHOPS = {"path": own_files.path("shops.parquet"), "target": ["sales", "visits"], "time": "day", "group": "shop"}
SHOPS |= {"window": 10, "horizon": 2}


def shops():
    return create("forecast", SHOPS)


def fit_shops(name):
    return fit(name, shops(), shops().splits(np.random.default_rng(0)), 0).model


def test_each_series_goes_on_with_its_own_parameters(tmp_path):
    """Asked for two of three shops, in another order than training has them, each as by statsmodels from its own rows."""
    frame = pandas.read_parquet(SHOPS["path"])
    task, fitted = shops(), fit("ets", shops(), shops().splits(np.random.default_rng(0)), 0)
    asked = frame[frame.shop.isin(["west", "north"]) & (frame.day > pandas.Timestamp("2022-06-10"))]
    answer = task.answer(predictor.of_baseline("ets", fitted.model, task, asked), asked)
    assert answer["shop"].tolist() == ["north", "north", "west", "west"]
    trend = fitted.settings["trend"]
    options = {"trend": None if trend == "none" else "add", "damped_trend": trend == "damped"}
    rows = task.forecast_rows()
    training = frame.sort_values("day").groupby("shop").size()
    for shop in ("north", "west"):
        series = frame[frame.shop == shop].sort_values("day")
        for column in ("sales", "visits"):
            values = series[column].to_numpy()
            first = {"north": 120, "south": 90, "west": 150}[shop]
            assert len(values) == first == training[shop]
            place = next(
                f
                for f in np.unique(rows.firsts)
                if np.isclose(
                    (rows.rows * rows.deviation + rows.mean)[f], series[["sales", "visits"]].iloc[0], atol=1e-4
                ).all()
            )
            known = int(rows.training[rows.firsts == place].sum())
            model = ETSModel(values[:known], initialization_method="heuristic", **options)
            states = {"initialization_method": "known", "initial_level": model.initial_level}
            states |= {} if trend == "none" else {"initial_trend": model.initial_trend}
            expected = ETSModel(values, **options, **states).smooth(model.fit(disp=False).params).forecast(2)
            received = answer[answer["shop"] == shop][column].to_numpy()
            np.testing.assert_allclose(received, expected, atol=2e-3)


def test_a_series_that_training_does_not_have_has_no_parameters():
    frame = pandas.read_parquet(SHOPS["path"]).query("shop == 'west'").assign(shop="harbour")
    with pytest.raises(UserError, match="ets reads a series .* expected the rows of 'harbour'"):
        predictor.of_baseline("ets", fit_shops("ets"), shops(), frame)
    answer = shops().answer(predictor.of_baseline("naive", fit_shops("naive"), shops(), frame), frame)
    last = frame.sort_values("day").iloc[-1]
    np.testing.assert_allclose(answer[["sales", "visits"]], [[last["sales"], last["visits"]]] * 2, atol=1e-4)


# ------------------------------------------------------------------------------------- sequences, values, arrays, texts


def trips(count=60, seed=0, longest=9):
    """Steps of trips on foot or by tram; the number of the trip says which."""
    rng = np.random.default_rng(seed)
    rows = []
    for trip in range(count):
        by, mean = (("foot", 5.0), ("tram", 9.0))[trip % 2]
        rows += [(f"t{trip:02}", round(rng.normal(mean, 2), 3), by) for _ in range(int(rng.integers(2, longest + 1)))]
    return pandas.DataFrame(rows, columns=["trip", "speed", "by"])


@pytest.fixture(scope="module")
def sequences(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sequences")
    trips().to_csv(folder / "trips.csv", index=False)
    return compared(folder, folder / "trips.csv", label="by", id="trip")


def train_of(done):
    task = done.answer._task
    return task, task.splits(np.random.default_rng(0)).train


def flat(task, frame, steps):
    """Scaled speeds, a row a trip, zeros after the end: from the numbers in the encodings alone."""
    (column,) = task.encodings()["encoding"]["columns"]
    vectors = np.zeros((frame["trip"].nunique(), steps))
    for place, (_, trip) in enumerate(frame.groupby("trip", sort=True)):
        vectors[place, : len(trip)] = (trip["speed"] - column["mean"]) / column["deviation"]
    return vectors


def test_classes_of_sequences_are_scikit_learns(sequences):
    task, train = train_of(sequences)
    scale = StandardScaler().fit(np.asarray(train.inputs)[..., 0].astype(float))
    new = trips(20, seed=5).drop(columns="by")
    vectors = flat(task, new, task.signature.timesteps)
    model = LogisticRegression(C=chosen(sequences, "logistic")["C"], max_iter=200)
    model.fit(scale.transform(np.asarray(train.inputs)[..., 0].astype(float)), train.targets)
    answer = sequences.answer.predict(new, "logistic")
    expected = model.predict_proba(scale.transform(vectors))
    names = task.encodings()["classes"]
    np.testing.assert_allclose(answer[[f"probability of {name}" for name in names]], expected, atol=1e-5)
    assert answer["by"].tolist() == [names[place] for place in expected.argmax(1)]
    assert answer["trip"].tolist() == sorted(new["trip"].unique())
    assert list(answer) == list(sequences.answer.predict(new, "rnn"))


@pytest.mark.parametrize("name", ["logistic", "summary", "nearest", "rocket", "boosting"])
def test_every_baseline_of_sequences_predicts_what_it_was_tested_with(sequences, name):
    """The test split as if it were new: the share of right answers is the test metric."""
    frame, answer = trips(), sequences.answer
    task = answer._task
    test = task.splits(np.random.default_rng(0)).test
    every = task.prepare(frame)
    of_test = [
        place
        for place in range(len(every.inputs))
        if any(
            np.array_equal(every.inputs[place, :length], inputs[:length]) and every.lengths[place] == length
            for inputs, length in zip(test.inputs, test.lengths, strict=True)
        )
    ]
    predicted = answer.predict(frame, name)
    right = predicted["by"] == frame.groupby("trip")["by"].first().to_numpy()
    (row,) = [row for row in answer.table() if row.cell == name]
    assert len(of_test) == len(test)
    assert right.to_numpy()[of_test].mean() == pytest.approx(row.test.mean)


def test_a_sequence_longer_than_any_of_training_is_refused_where_it_is_read_as_one_vector(sequences):
    long = pandas.concat(
        [trips(4, seed=6), pandas.DataFrame({"trip": "long", "speed": np.linspace(1, 9, 15), "by": "foot"})]
    )
    with pytest.raises(
        UserError, match="the data: logistic: sequence 5: expected at most 9 steps.* Received: 15; a network"
    ):
        sequences.answer.predict(long, "logistic")
    for name in ("summary", "rocket", "rnn"):
        assert len(sequences.answer.predict(long, name)) == 5


def test_values_of_arrays_are_scikit_learns(tmp_path):
    rng = np.random.default_rng(7)
    inputs = rng.normal(size=(80, 4, 2))
    labels = 3 + inputs.reshape(80, -1) @ np.arange(8) + rng.normal(0, 0.5, 80)
    done = compared(tmp_path, {"X": inputs, "y": labels}, name="arrays")
    assert done.answer.recommendation.other == "ridge"
    task, train = train_of(done)
    new = rng.normal(size=(5, 4, 2))
    about = task.encodings()
    scaled = (new - [c["mean"] for c in about["encoding"]["columns"]]) / [
        c["deviation"] for c in about["encoding"]["columns"]
    ]
    model = Ridge(alpha=chosen(done, "ridge")["alpha"]).fit(np.asarray(train.inputs).reshape(len(train), -1), train.targets)
    expected = model.predict(scaled.reshape(5, -1)).ravel() * about["deviation"] + about["mean"]
    for data in (new, {"X": new}):
        np.testing.assert_allclose(done.answer.predict(data)["y"], expected, rtol=1e-4)
    network = done.answer.predict(new, "rnn")
    assert np.abs(network["y"] - expected).max() > 0.1


def test_texts_are_scikit_learns(tmp_path):
    rng = np.random.default_rng(8)
    words = ["good", "bad", "film", "plot", "cast", "the", "very"]
    lines = [" ".join(rng.choice(words, rng.integers(3, 9))) for _ in range(100)]
    moods = ["yes" if line.split().count("good") > line.split().count("bad") else "no" for line in lines]
    pandas.DataFrame({"said": lines, "mood": moods}).to_csv(tmp_path / "said.csv", index=False)
    done = compared(tmp_path, tmp_path / "said.csv", text="said", label="mood")
    assert done.answer.recommendation.other == "bag_of_words"
    settings = chosen(done, "bag_of_words")
    task, train = train_of(done)
    names = task.encodings()["words"]
    texts = [
        " ".join(names[token - 2] for token in row[:length]) for row, length in zip(train.inputs, train.lengths, strict=True)
    ]
    vectors = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, settings["words"]), token_pattern=r"\S+")
    if settings["words"] == 2:
        pytest.skip("pairs are kept from two texts on, which scikit-learn counts for words too")
    model = LogisticRegression(C=settings["C"], max_iter=100).fit(vectors.fit_transform(texts), train.targets)
    new = pandas.DataFrame({"said": ["A good good film!", "bad, bad plot", "the cast"]})
    expected = model.predict_proba(
        vectors.transform(
            [" ".join(w for w in t.split() if w in names) for t in ("good good film", "bad bad plot", "the cast")]
        )
    )
    answer = done.answer.predict(new)
    assert list(answer) == ["said", "mood", "probability of no", "probability of yes"]
    np.testing.assert_allclose(answer.iloc[1:, 2:], expected[1:], atol=1e-4)


# ------------------------------------------------------------------------------------------------ the best constant


def test_where_nothing_is_better_the_constant_answer_predicts(sequences):
    task, train = train_of(sequences)
    frame = trips(3, seed=9)
    answer = task.answer(predictor.of_baseline("the baseline", predictor.constant(task), task, frame), frame)
    shares = np.bincount(train.targets) / len(train)
    np.testing.assert_allclose(answer.iloc[:, 2:], [shares] * 3)


def test_the_constant_of_a_forecast_is_its_best_naive_one(forecast):
    task = create("forecast", forecast.answer.results.experiment.tasks[0].options)
    errors = task.naive_scores()
    model = predictor.constant(task)
    assert model.season == {"seasonal naive": SEASON, "last value": 1}[min(errors, key=errors.get)]
    frame = months(WINDOW, MONTHS)
    mean = task.answer(predictor.of_baseline("mean", ConstantAnswer(np.zeros(1)), task, frame), frame)["sold"].iloc[0]
    train = MONTHS - round(0.2 * MONTHS) - round(0.15 * MONTHS)
    assert mean == pytest.approx(months()["sold"].iloc[:train].mean(), rel=1e-5)


def test_a_comparison_whose_networks_beat_nothing_predicts_by_the_baseline(tmp_path):
    """Fitted without baselines, one epoch, of a season without a trend: the seasonal naive forecast is the better."""
    even = months().assign(sold=lambda f: f["sold"] - np.arange(MONTHS))
    even.to_csv(tmp_path / "sold.csv", index=False)
    store, options = f"sqlite:///{tmp_path}/mlflow.db", {"window": WINDOW, "season": SEASON, **SMALL}
    answer = gru_tf.compare(tmp_path / "sold.csv", target="sold", time="month", store=store, **options)
    assert (answer.recommendation.cell, answer.recommendation.other) == (None, None)
    line = str(answer.predictor())
    assert line.startswith("the seasonal naive forecast (12 steps before), as recommended: test rmse ")
    assert "; the best network, rnn: test rmse " in line
    assert "  # by the baseline; " in answer.lines()[1]
    frame = months(SEASON, MONTHS)
    assert answer.predict(frame)["sold"].tolist() == pytest.approx([frame["sold"].iloc[0]], rel=1e-5)
    assert answer.predict(frame, "rnn")["sold"].tolist() != pytest.approx([frame["sold"].iloc[0]], rel=1e-3)


# ------------------------------------------------------------------------------------------------------- the command


def test_a_category_that_training_did_not_have_is_predicted_and_named(main, tmp_path_factory, monkeypatch):
    """By the command beside the file, in Python as a warning."""
    folder = tmp_path_factory.mktemp("weather")
    skies = np.resize(["dry", "rain"], MONTHS)
    months().assign(sky=skies).to_csv(folder / "sky.csv", index=False)
    done = compared(
        folder, folder / "sky.csv", target="sold", time="month", window=WINDOW, season=SEASON, covariates=("sky",)
    )
    new = months(WINDOW, MONTHS).assign(sky="fog")
    new.to_csv(folder / "new.csv", index=False)
    monkeypatch.chdir(folder)
    code, shown, errors = main("predict", "sky", "new.csv", "--model", "rnn", "--store", done.store)
    words = "'sky': 6 rows have a category that training did not have, unknown to it: 'fog'."
    assert (code, " ".join(errors.split()).count(words)) == (0, 1)
    with pytest.warns(UserWarning, match="unknown to it: 'fog'"):
        answer = done.answer.predict(new, model="rnn")
    np.testing.assert_allclose(pandas.read_csv(io.StringIO(shown)).iloc[0, -1], answer.iloc[0, -1], rtol=1e-6)


def test_the_command_prints_the_same_and_says_which_model(main, forecast, tmp_path):
    frame, store = months(WINDOW, MONTHS), ("--store", forecast.store)
    frame.to_csv(tmp_path / "new.csv", index=False)
    code, shown, errors = main("predict", "sold", "new.csv", *store)
    assert (code, errors) == (0, f"Predicted by {forecast.answer.predictor()}.\n")
    received = pandas.read_csv(io.StringIO(shown), parse_dates=["month"])
    expected = forecast.answer.predict(frame)
    assert received["sold"].tolist() == expected["sold"].tolist()
    assert received["month"].tolist() == expected["month"].tolist()
    code, shown, errors = main("predict", "sold", "new.csv", "-o", "out.csv", "--model", "rnn", *store)
    assert (code, shown) == (0, "")
    assert "Predicted by rnn, seed 0" in errors
    assert errors.endswith("Written: out.csv\n")
    written = pandas.read_csv(tmp_path / "out.csv")
    assert written["sold"].tolist() == pytest.approx(forecast.answer.predict(frame, "rnn")["sold"].tolist())
    assert main("predict", "sold", "new.csv", "-o", "out.csv", "--force", *store)[0] == 0


MISTAKES = {
    "no comparison": (["predict", "solt", "new.csv"], "no results of 'solt'"),
    "no file": (["predict", "sold", "gone.csv"], "gone.csv: no such file"),
    "no column": (["predict", "sold", "other.csv"], "no column is called 'sold'. Did you mean 'solt'?"),
    "no model": (["predict", "sold", "new.csv", "--model", "rigde"], "no model is called 'rigde'. Did you mean 'ridge'?"),
    "there already": (["predict", "sold", "new.csv", "-o", "new.csv"], "new.csv: already exists"),
    "no folder": (["predict", "sold", "new.csv", "-o", "no/out.csv"], "no/out.csv: there is no folder "),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line(main, forecast, tmp_path, mistake):
    arguments, message = MISTAKES[mistake]
    months(WINDOW, MONTHS).to_csv(tmp_path / "new.csv", index=False)
    months(WINDOW, MONTHS).rename(columns={"sold": "solt"}).to_csv(tmp_path / "other.csv", index=False)
    code, shown, errors = main(*arguments, "--store", forecast.store)
    assert (code, shown) == (2, "")
    lines = [line for line in errors.splitlines() if not line.startswith("Predicted by ")]
    assert len(lines) == 1
    assert message in lines[0]


def test_a_damaged_or_foreign_model_is_one_line(main, forecast, tmp_path):
    months(WINDOW, MONTHS).to_csv(tmp_path / "new.csv", index=False)
    results, name = forecast.answer.results, forecast.answer.recommendation.other
    (run,) = [run for run in results.runs if run.run.cell.label == name]
    uri = results.record.models[run.run.fingerprint]
    (file,) = forecast.folder.rglob(f"{uri.removeprefix('models:/')}/**/{baseline_model.FILE}")
    whole = file.read_bytes()
    try:
        for content in (b"", b"\x80\x04N.", whole[: len(whole) // 2]):
            file.write_bytes(content)
            code, shown, errors = main("predict", "sold", "new.csv", "--model", name, "--store", forecast.store)
            assert (code, shown) == (2, "")
            (line,) = errors.splitlines()
            assert "baseline.npz: expected a stored baseline" in line
        stored.save("naive", ConstantAnswer(np.zeros(1)), file)
        code, _, errors = main("predict", "sold", "new.csv", "--model", name, "--store", forecast.store)
        assert (code, len(errors.splitlines())) == (2, 1)
        assert "Received: one of naive" in errors
    finally:
        file.write_bytes(whole)
