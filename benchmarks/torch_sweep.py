"""The work of experiments/yardstick.yaml in PyTorch, Optuna and MLflow, as their manuals show them.

Three cells; for each, four random learning rates, then three seeds at the best one; eight epochs of Adam on 1,078 digits
read pixel by pixel, batches of 32; every run logged. The layers have the units of the yardstick's; PyTorch's SimpleRNN and
LSTM hold a second bias, 1 and 2 % more weights.

    python benchmarks/torch_sweep.py FOLDER
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import mlflow
import numpy as np
import optuna
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

LAYERS = {"rnn": (nn.RNN, 107), "lstm": (nn.LSTM, 54), "gru": (nn.GRU, 62)}
EPOCHS, TRIALS, SEEDS, BATCH = 8, 4, 3, 32
SEARCH_SEED = 1000  # the yardstick's


class Digits(nn.Module):
    """One recurrent layer and a dense head, (batch, 64, 1) → (batch, 10)."""

    def __init__(self, cell):
        super().__init__()
        layer, units = LAYERS[cell]
        self.recurrent = layer(1, units, batch_first=True)
        self.head = nn.Linear(units, 10)

    def forward(self, x):
        """Logits from the last output."""
        outputs, _ = self.recurrent(x)
        return self.head(outputs[:, -1])


def data():
    """The split of the task `digits`: loaders for training, validation and test."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    x = torch.from_numpy(images[order, :, None].astype("float32") / 16)
    y = torch.from_numpy(labels[order])
    sets = [TensorDataset(x[a:b], y[a:b]) for a, b in ((0, 1078), (1078, 1437), (1437, None))]
    return [DataLoader(part, batch_size=BATCH, shuffle=part is sets[0]) for part in sets]


def train_epoch(model, optimizer, loader):
    """One pass with updates; returns the mean loss and the accuracy."""
    model.train()
    total_loss = correct = 0
    for x, y in loader:
        optimizer.zero_grad()
        logits = model(x)
        loss = nn.functional.cross_entropy(logits, y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total_loss += loss.item() * len(y)
        correct += (logits.argmax(1) == y).sum().item()
    return total_loss / len(loader.dataset), correct / len(loader.dataset)


@torch.no_grad()
def evaluate(model, loader):
    """Mean loss and accuracy."""
    model.eval()
    total_loss = correct = 0
    for x, y in loader:
        logits = model(x)
        total_loss += nn.functional.cross_entropy(logits, y).item() * len(y)
        correct += (logits.argmax(1) == y).sum().item()
    return total_loss / len(loader.dataset), correct / len(loader.dataset)


def fit(cell, learning_rate, seed, train, validation):
    """Train one network from a seed into the active MLflow run; returns it and its last validation accuracy."""
    torch.manual_seed(seed)
    model = Digits(cell)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    parameters = sum(p.numel() for p in model.parameters())
    mlflow.log_params({"cell": cell, "seed": seed, "parameters": parameters, "learning_rate": learning_rate})
    for epoch in range(EPOCHS):
        loss, accuracy = train_epoch(model, optimizer, train)
        val_loss, val_accuracy = evaluate(model, validation)
        metrics = {"loss": loss, "accuracy": accuracy, "val_loss": val_loss, "val_accuracy": val_accuracy}
        mlflow.log_metrics(metrics, step=epoch)
    return model, val_accuracy


def search(cell, train, validation):
    """The best learning rate of a random search."""

    def objective(trial):
        rate = trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True)
        with mlflow.start_run(run_name=f"{cell} trial {trial.number}"):
            return fit(cell, rate, SEARCH_SEED, train, validation)[1]

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=SEARCH_SEED))
    study.optimize(objective, n_trials=TRIALS)
    return study.best_params["learning_rate"]


def final(cell, learning_rate, seed, train, validation, test):
    """Test accuracy of one seed, its run logged."""
    with mlflow.start_run(run_name=f"{cell} seed {seed}"):
        model, _ = fit(cell, learning_rate, seed, train, validation)
        accuracy = evaluate(model, test)[1]
        mlflow.log_metric("test_accuracy", accuracy)
    return accuracy


def main():
    """Run the sweep; one line a cell: name and the seeds' test accuracies."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    train, validation, test = data()
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.set_experiment("torch")
    for cell in LAYERS:
        best = search(cell, train, validation)
        scores = [final(cell, best, seed, train, validation, test) for seed in range(SEEDS)]
        print(cell, *(f"{score:.4f}" for score in scores), flush=True)


if __name__ == "__main__":
    main()
