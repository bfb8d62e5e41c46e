"""Times the import of a PyTorch stack of 3 layers of 1,024 units.

Run it as python benchmarks/importing.py, on a quiet machine.

Each file is written once and imported several times; what the frameworks take to be imported themselves is apart.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PARSER = argparse.ArgumentParser(description=__doc__)
PARSER.add_argument("--runs", type=int, default=5)
PARSER.add_argument("--units", type=int, default=1024)
PARSER.add_argument("--layers", type=int, default=3)


def timed(call: Callable[[], Any]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def frameworks() -> None:
    """Everything that an import loads, loaded."""
    import keras  # noqa: F401
    import safetensors.torch  # noqa: F401
    import tensorflow  # noqa: F401
    import torch  # noqa: F401

    import gru_tf.interchange.importing
    import gru_tf.interchange.pytorch  # noqa: F401


def files(folder: Path, layers: int, units: int) -> Iterator[Path]:
    """A state_dict of a GRU and of an LSTM, as .pt and as .safetensors."""
    import torch
    from safetensors.torch import save_file

    for kind in (torch.nn.GRU, torch.nn.LSTM):
        state = kind(units, units, layers).state_dict()
        torch.save(state, folder / f"{kind.__name__}.pt")
        save_file(state, folder / f"{kind.__name__}.safetensors")
        yield from (folder / f"{kind.__name__}.pt", folder / f"{kind.__name__}.safetensors")


def main() -> None:
    """Print a line a file."""
    options = PARSER.parse_args()
    from gru_tf.foundation import startup

    with startup.quiet():
        print(f"frameworks' own imports {timed(frameworks):.1f} s")
    import gru_tf

    print("file                size   not verified               verified against PyTorch   (median, all runs, s)")
    with tempfile.TemporaryDirectory() as folder:
        for path in files(Path(folder), options.layers, options.units):
            line = f"{path.name:18s} {path.stat().st_size / 1e6:4.0f} MB"
            for verify in (False, True):
                runs = [timed(lambda p=path, v=verify: gru_tf.import_model(p, verify=v)) for _ in range(options.runs)]
                line += f"   {statistics.median(runs):.2f}  {' '.join(f'{run:.2f}' for run in runs)}"
            print(line)


if __name__ == "__main__":
    main()
