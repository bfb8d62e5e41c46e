"""The work of experiments/yardstick.yaml from stock parts: Keras, Keras Tuner and MLflow as their manuals show them.

Three cells; for each, four random learning rates, then three seeds at the best one; eight epochs of Adam on 1,078 digits
read pixel by pixel, batches of 32; every run logged. It is what `gru-tf run yardstick` is timed against.

    python benchmarks/stock_sweep.py FOLDER
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import keras
import keras_tuner
import mlflow
import numpy as np
from sklearn.datasets import load_digits

LAYERS = {"rnn": (keras.layers.SimpleRNN, 107), "lstm": (keras.layers.LSTM, 54), "gru": (keras.layers.GRU, 62)}
EPOCHS, TRIALS, SEEDS, BATCH = 8, 4, 3, 32
SEARCH_SEED = 1000  # the yardstick's, so that both try the same rates; Keras Tuner 1.4.8 takes 0 for none


def data():
    """The split of the task `digits`: (x, y) for training, validation and test."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    x, y = images[order, :, None].astype("float32") / 16, labels[order].astype("int32")
    return [(x[a:b], y[a:b]) for a, b in ((0, 1078), (1078, 1437), (1437, None))]


class Digits(keras_tuner.HyperModel):
    """One layer and a softmax, with the learning rate to be found."""

    def __init__(self, cell):
        super().__init__()
        self.layer, self.units = LAYERS[cell]

    def build(self, hp):
        """A compiled model."""
        rate = hp.Float("learning_rate", 3e-4, 1e-2, sampling="log")
        model = keras.Sequential([keras.Input((64, 1)), self.layer(self.units), keras.layers.Dense(10)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(rate, clipnorm=1.0), loss, metrics=["accuracy"])
        return model


def search(cell, train, validation, folder):
    """The best hyperparameters of a random search."""
    tuner = keras_tuner.RandomSearch(
        Digits(cell), "val_accuracy", max_trials=TRIALS, seed=SEARCH_SEED, directory=folder, project_name=cell
    )
    tuner.search(*train, validation_data=validation, epochs=EPOCHS, batch_size=BATCH, verbose=0)
    return tuner.get_best_hyperparameters()[0]


def final(cell, hp, seed, train, validation, test):
    """Test accuracy of one seed, its run logged."""
    keras.utils.set_random_seed(seed)
    model = Digits(cell).build(hp)
    with mlflow.start_run(run_name=f"{cell} seed {seed}"):
        mlflow.log_params({"cell": cell, "seed": seed, "parameters": model.count_params(), **hp.values})
        history = model.fit(*train, validation_data=validation, epochs=EPOCHS, batch_size=BATCH, verbose=0).history
        for epoch in range(EPOCHS):
            mlflow.log_metrics({name: values[epoch] for name, values in history.items()}, step=epoch)
        accuracy = model.evaluate(*test, verbose=0)[1]
        mlflow.log_metric("test_accuracy", accuracy)
    return accuracy


def main():
    """Run the sweep; one line a cell: name and the seeds' test accuracies."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    train, validation, test = data()
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.set_experiment("stock")
    for cell in LAYERS:
        best = search(cell, train, validation, folder)
        scores = [final(cell, best, seed, train, validation, test) for seed in range(SEEDS)]
        print(cell, *(f"{score:.4f}" for score in scores), flush=True)


if __name__ == "__main__":
    main()
