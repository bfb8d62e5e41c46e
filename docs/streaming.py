"""A sensor's steps, one by one: a network that was trained on whole sequences answers at each step, with its states kept.

`python docs/streaming.py` writes the same network for a phone as well, and shows that all three agree.
"""

import sys
import tempfile
from pathlib import Path

import keras
import numpy as np

import gru_tf
from gru_tf.interchange.tensorflow import tflite

SENSORS, TIMESTEPS = 4, 50


def main() -> None:
    """Whole, step by step, and step by step by TensorFlow Lite."""
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(64, TIMESTEPS, SENSORS)).astype("float32")
    y = np.cumsum(x[..., :1], axis=1)  # what the first sensor has summed up to
    model = gru_tf.stacked("gru", [16, 16], features=SENSORS, outputs=1, return_sequences=True)
    model.compile("adam", "mse")
    model.fit(x, y, epochs=1, verbose=0)
    whole = model(x[:1])[0]

    streaming = gru_tf.Streaming(model)
    one_by_one = [streaming.step(step) for step in x[0]]
    say(f"Streaming: {np.abs(one_by_one - whole).max():.1e} off the whole sequence; states: {', '.join(streaming.state)}")

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.tflite"
        say(f"TensorFlow Lite: {tflite.write(model, file, streaming=True)}; {file.stat().st_size:,} bytes")
        _, step = tflite.runner(file.read_bytes()) or (None, None)
    if step is not None:
        states = {name: np.zeros_like(state) for name, state in streaming.state.items()}
        for value, expected in zip(x[0], one_by_one, strict=True):
            output, states = split(step({"input": value[None], **states}))
            assert np.allclose(output[0], expected, atol=1e-5)  # noqa: S101, an example that shows it


def say(line: str) -> None:
    """Onto the terminal."""
    sys.stdout.write(f"{line}\n")


def split(after: dict) -> tuple:
    """Output, and the states for the next step."""
    return after["output"], {name: value for name, value in after.items() if name != "output"}


if __name__ == "__main__":
    main()
