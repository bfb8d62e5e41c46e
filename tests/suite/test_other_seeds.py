"""`run --seeds`: a store in which the same experiment stands by other seeds is not taken for it."""

import pytest
from made_results import experiment

from gru_tf.experiment.experiment import Experiment
from gru_tf.foundation.errors import UserError
from gru_tf.suite import expect_alone
from gru_tf.suite.tracking import Store

# MLflow 3.17 asks SQLAlchemy 2.1 for a deprecated loader
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")


def test_only_a_store_without_another_one_of_the_name_is_taken(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    one: Experiment = experiment(seeds=3)
    expect_alone(one, uri)  # there is no store yet
    Store(uri).open(one).begin()
    expect_alone(one, uri)
    expect_alone(one.but(name="another"), uri)
    with pytest.raises(UserError, match=r"^--seeds: .*mlflow.db has 'mine' by other seeds, .* Give a '--store' of its"):
        expect_alone(one.but(seeds=(5, 6, 7)), uri)
