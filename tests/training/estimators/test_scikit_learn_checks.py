"""scikit-learn's own checks of estimators; the one that fails is named, with its reason."""

import pytest
from sklearn.utils.estimator_checks import check_sample_weight_equivalence_on_dense_data as equivalence
from sklearn.utils.estimator_checks import parametrize_with_checks

import gru_tf

CLASSIFIER = gru_tf.SequenceClassifier(units=8, epochs=40, learning_rate=0.03, batch_size=16, random_state=0)
REGRESSOR = gru_tf.SequenceRegressor(units=16, epochs=80, learning_rate=0.01, batch_size=16, random_state=0)
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": (
        "batches of repeated examples are others than batches of weighted ones; with all in one batch the predictions agree"
        " as far as float32 has digits, which are fewer than the check asks for (test_sequence_estimators.py)"
    ),
}


@parametrize_with_checks([CLASSIFIER], expected_failed_checks=lambda _: EXPECTED)
def test_the_classifier(estimator, check):
    check(estimator)


@pytest.mark.slow  # together: each shape of data is compiled anew, and a sum of ten steps takes epochs to learn
@parametrize_with_checks([REGRESSOR], expected_failed_checks=lambda _: EXPECTED)
def test_the_regressor(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", [CLASSIFIER, REGRESSOR], ids=lambda estimator: type(estimator).__name__)
def test_what_is_expected_to_fail_does(estimator):
    with pytest.raises(AssertionError, match="fitting with `sample_weight` is not equivalent"):
        equivalence(type(estimator).__name__, estimator)
