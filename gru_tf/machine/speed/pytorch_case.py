"""PyTorch's recurrent layers, timed for comparison where PyTorch is installed; never required."""

import time
from collections.abc import Callable
from typing import Any

from gru_tf.experiment.specs import Choice
from gru_tf.foundation import extras
from gru_tf.foundation.errors import UserError
from gru_tf.machine.speed.cases import OUTPUTS, Case, PreparedCase

LAYERS = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}


def installed() -> bool:
    """Whether PyTorch can be imported; imports nothing."""
    return extras.installed("torch")


def exists(cell: Choice) -> bool:
    """Whether PyTorch has this cell; its GRU resets after the product and keeps."""
    fixed = {"reset_after": True, "convention": "keep"}
    return cell.name in LAYERS and all(fixed.get(k) == v for k, v in cell.options.items())


def prepare(case: Case, threads: int, gpu: bool) -> PreparedCase:
    """`case` in PyTorch, warmed up by one repeat.

    Args:
        case: what to time; its path is "pytorch".
        threads: of PyTorch's operations; 0 leaves its default.
        gpu: whether it runs on the GPU, as TensorFlow does.

    Raises:
        UserError: where PyTorch is not installed or lacks the cell.
    """
    if not installed() or not exists(case.cell):
        why = "PyTorch has no such cell" if installed() else extras.absent("torch")
        raise UserError(f"{case.cell.label}: path pytorch: {why}")
    import torch

    if threads:
        torch.set_num_threads(threads)
    network = _network(torch, case).to("cuda" if gpu else "cpu")
    repeat = {"train": _train, "infer": _infer, "stream": _stream}[case.what](torch, network, case)
    clock = time.perf_counter()
    repeat(1)
    count = sum(p.numel() for p in network.parameters())
    path = f"pytorch {torch.__version__} " + ("cuda" if gpu else "cpu")
    return PreparedCase(repeat, time.perf_counter() - clock, path, count)


def _network(torch: Any, case: Case) -> Any:
    name = LAYERS[case.cell.name]
    if case.what == "stream":
        recurrent = getattr(torch.nn, f"{name}Cell")(case.features, case.units)
    else:
        recurrent = getattr(torch.nn, name)(case.features, case.units, batch_first=True)
    return torch.nn.ModuleDict({"recurrent": recurrent, "head": torch.nn.Linear(case.units, OUTPUTS)})


def _inputs(torch: Any, network: Any, case: Case) -> Any:
    device = network["head"].weight.device
    return torch.randn(case.batch, case.timesteps, case.features, generator=torch.Generator().manual_seed(0)).to(device)


def _outputs(network: Any, x: Any) -> Any:
    return network["head"](network["recurrent"](x)[0][:, -1])


def _train(torch: Any, network: Any, case: Case) -> Callable[[int], Any]:
    x = _inputs(torch, network, case)
    targets = torch.arange(case.batch, device=x.device) % OUTPUTS
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)

    def repeat(times: int) -> Any:
        for _ in range(times):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(_outputs(network, x), targets)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
        return loss.item()  # waits for the device

    return repeat


def _infer(torch: Any, network: Any, case: Case) -> Callable[[int], Any]:
    x = _inputs(torch, network, case)

    def repeat(times: int) -> None:
        with torch.inference_mode():
            for _ in range(times):
                _outputs(network, x).cpu()

    return repeat


def _stream(torch: Any, network: Any, case: Case) -> Callable[[int], Any]:
    x = _inputs(torch, network, case)[:, 0]

    def repeat(times: int) -> None:
        state = None
        with torch.inference_mode():
            for _ in range(times):
                state = network["recurrent"](x, state)
                network["head"](state[0] if isinstance(state, tuple) else state).cpu()

    return repeat
