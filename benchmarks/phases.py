"""Where the time goes in a whole comparison: stock parts against this project, both instrumented from outside.

    python benchmarks/profile.py

Stock parts: `fit` is timed by epoch; what the first epoch takes beyond the median of the others is tracing and compiling.
This project: what the store says of each run; the columns of several workers overlap in time, so their sum is divided
by the number of workers.
"""

import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
YARDSTICK = HERE.parent / "experiments" / "yardstick.yaml"


def stock(folder):
    """Phase → seconds of the stock script, in this process."""
    began = time.perf_counter()
    sys.path.insert(0, str(HERE))
    import keras
    import stock_sweep

    spent = {"imports": time.perf_counter() - began, "tracing and compiling": 0.0, "epochs": 0.0}
    fit = keras.Model.fit

    class Clock(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.epochs, self.last = [], time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            now = time.perf_counter()
            self.epochs.append(now - self.last)
            self.last = now

        def on_train_end(self, logs=None):
            usual = statistics.median(self.epochs[1:])
            spent["tracing and compiling"] += self.epochs[0] - usual
            spent["epochs"] += sum(self.epochs) - (self.epochs[0] - usual)

    keras.Model.fit = lambda model, *a, callbacks=(), **k: fit(model, *a, callbacks=[*callbacks, Clock()], **k)
    sys.argv = ["stock_sweep.py", str(folder)]
    with contextlib.redirect_stdout(io.StringIO()):
        stock_sweep.main()
    whole = time.perf_counter() - began
    return {**spent, "search, logging, evaluation": whole - sum(spent.values()), "whole": whole}


def suite(folder):
    """Phase → seconds of `gru-tf run yardstick`, from the store."""
    from gru_tf import results

    store, began = f"sqlite:///{folder}/mlflow.db", time.time()
    subprocess.run(
        [sys.executable, "-m", "gru_tf.commands.main", "run", str(YARDSTICK), "--store", store],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    whole, runs, workers = time.time() - began, results("yardstick", store).runs, len(os.sched_getaffinity(0))
    first, last = min(r.started for r in runs) - began, max(r.started + r.seconds for r in runs) - began
    # a run that compiled takes longer than it trained by at least that; one that found its network compiled does not
    compiling = sum(c for r in runs if r.seconds - r.speed.train_seconds > (c := r.speed.compile_seconds)) / workers
    training = sum(r.speed.train_seconds for r in runs) / workers
    return {
        "start: imports, store, workers": first,
        "tracing and compiling": compiling,
        "epochs": training,
        "validation, weights, models, idle": last - first - compiling - training,
        "end: table, exit": whole - last,
        "whole": whole,
    }


def main():
    """Print both."""
    with tempfile.TemporaryDirectory() as folder:
        for name, measure in (("gru-tf", suite), ("stock parts", stock)):
            print(name)
            for phase, seconds in measure(Path(folder) / name.split()[0]).items():
                print(f"  {phase:36s} {seconds:6.1f} s", flush=True)


if __name__ == "__main__":
    main()
