"""Files written by PyTorch's own programs: state_dicts of models as tutorials and repositories write them."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from model_corpus.case import Case, Made

SIZES = {"batch": 3, "steps": 6, "features": 4, "tokens": 11}
STACKS, AROUND, NAMED = "PyTorch: several stacks", "PyTorch: around the stack", "PyTorch: named and refused"


class Model(nn.Module):
    """Modules called one after the other, as their names say; functions between them."""

    def __init__(self, **steps: Any):
        super().__init__()
        self.steps = []
        for name, step in steps.items():
            if isinstance(step, nn.Module):
                self.add_module(name, step)
            self.steps.append(step)

    def forward(self, x: Any) -> Any:
        for step in self.steps:
            if isinstance(step, nn.RNNBase):
                x, _ = step(x)
            elif isinstance(step, nn.BatchNorm1d):
                x = step(x.transpose(1, 2)).transpose(1, 2)
            else:
                x = step(x)
        return x


class Started(nn.Module):
    """A stack whose initial states are learned."""

    def __init__(self, stack: Any, head: Any, *names: str):
        super().__init__()
        self.rnn, self.fc, self.names = stack, head, names
        count = stack.num_layers * (2 if stack.bidirectional else 1)
        for name in names:
            setattr(self, name, nn.Parameter(torch.zeros(count, 1, stack.hidden_size)))

    def forward(self, x: Any) -> Any:
        states = [getattr(self, name).repeat(1, len(x), 1) for name in self.names]
        return self.fc(self.rnn(x, states[0] if len(states) == 1 else tuple(states))[0])


class Cells(nn.Module):
    """Two cells stepped by hand, as in tutorials on time series."""

    def __init__(self, kind: Any):
        super().__init__()
        self.cell1, self.cell2, self.linear = kind(4, 5), kind(5, 5), nn.Linear(5, 1)

    def forward(self, x: Any) -> Any:
        first = second = None
        outputs = []
        for t in range(x.shape[1]):
            first = self.cell1(x[:, t], first)
            second = self.cell2(first[0] if isinstance(first, tuple) else first, second)
            outputs.append(self.linear(second[0] if isinstance(second, tuple) else second))
        return torch.stack(outputs, dim=1)


def softmax(x: Any) -> Any:
    return torch.softmax(x, dim=-1)


def gru(features: int = 4, units: int = 5, **options: Any) -> Any:
    return nn.GRU(features, units, batch_first=True, **options)


def lstm(features: int = 4, units: int = 5, **options: Any) -> Any:
    return nn.LSTM(features, units, batch_first=True, **options)


def written(
    make: Callable[[], Any], *, tokens: bool = False, content: Callable[[Any], Any] | None = None
) -> Callable[[Path], Made]:
    """Saves a model's state_dict as PyTorch does."""

    def write(folder: Path) -> Made:
        torch.manual_seed(4)
        model = make()
        with torch.no_grad():
            for name, tensor in model.state_dict().items():
                if tensor.dtype.is_floating_point:
                    tensor.copy_(torch.rand(tensor.shape) - 0.5 + (1.5 if name.endswith("running_var") else 0.0))
        rng = np.random.default_rng(8)
        shape = (SIZES["batch"], SIZES["steps"])
        x = (
            rng.integers(SIZES["tokens"], size=shape)
            if tokens
            else rng.normal(size=(*shape, SIZES["features"])).astype("float32")
        )
        torch.save(content(model) if content else model.state_dict(), folder / "model.pt")
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # on projections, which oneDNN has not
            output = model.eval()(torch.as_tensor(x)).numpy()
        return Made(folder / "model.pt", (x,), output)

    return write


def case(name: str, form: str, make: Callable[[], Any], refusal: tuple[str, ...] = (), **options: Any) -> Case:
    extra = {key: options.pop(key) for key in ("tokens", "content") if key in options}
    return Case(name, form, "torch.save", written(make, **extra), options, refusal, torch=True)


def normed(norm: Any, features: int = 4) -> Callable[[], Any]:
    return lambda: Model(rnn=gru(features), norm=norm(), fc=nn.Linear(5, 2))


def weight_normed() -> Any:
    model = Model(rnn=gru(), head=nn.Linear(5, 2))
    model.add_module("aux", nn.utils.parametrizations.weight_norm(nn.Linear(7, 7)))
    return model


CASES = [
    case("torch: stack and head", AROUND, lambda: Model(rnn=lstm(num_layers=2), fc=nn.Linear(5, 2))),
    case(
        "torch: language model",
        AROUND,
        lambda: Model(emb=nn.Embedding(11, 4), rnn=gru(), decoder=nn.Linear(5, 11)),
        tokens=True,
    ),
    case(
        "torch: two stacks, chained",
        STACKS,
        lambda: Model(lstm1=lstm(), lstm2=lstm(5, 3), fc=nn.Linear(3, 2)),
        prefix=["lstm1", "lstm2"],
    ),
    case(
        "torch: two stacks without a word",
        STACKS,
        lambda: Model(lstm1=lstm(), lstm2=lstm(5, 5), fc=nn.Linear(5, 2)),
        ("`prefix` for each in their order",),
    ),
    case(
        "torch: one of two stacks",
        STACKS,
        lambda: Model(lstm1=lstm(), lstm2=lstm(5, 5), fc=nn.Linear(5, 2)),
        ("lstm2: expected `prefix='lstm2'` too",),
        prefix="lstm1",
    ),
    case(
        "torch: two stacks, activations and norms between",
        STACKS,
        lambda: Model(lstm1=lstm(), relu=torch.relu, bn=nn.BatchNorm1d(5), lstm2=lstm(5, 5), fc=nn.Linear(5, 2)),
        order="lstm1,relu,bn,lstm2,fc",
    ),
    case(
        "torch: a bidirectional stack below a forward one",
        STACKS,
        lambda: Model(enc=gru(bidirectional=True), dec=gru(10, 3), out=nn.Linear(3, 2)),
        prefix=["enc", "dec"],
    ),
    case("torch: two LSTMCells", STACKS, lambda: Cells(nn.LSTMCell), prefix=["cell1", "cell2"]),
    case("torch: two GRUCells", STACKS, lambda: Cells(nn.GRUCell), prefix=["cell1", "cell2"]),
    case(
        "torch: relu and dropout before the head",
        AROUND,
        lambda: Model(rnn=gru(), act=torch.relu, drop=nn.Dropout(0.3), fc=nn.Linear(5, 2)),
        between="relu,dropout",
    ),
    case(
        "torch: two heads with a relu, then softmax",
        AROUND,
        lambda: Model(rnn=gru(), fc1=nn.Linear(5, 6), act=torch.relu, fc2=nn.Linear(6, 3), soft=softmax),
        head=["fc1", "fc2"],
        between=["none", "relu", "softmax"],
    ),
    case(
        "torch: two heads without a word",
        AROUND,
        lambda: Model(rnn=gru(), fc1=nn.Linear(5, 6), act=torch.relu, fc2=nn.Linear(6, 3)),
        ("several could be the head",),
    ),
    case("torch: batch norm in front", AROUND, lambda: Model(bn=nn.BatchNorm1d(4), rnn=gru(), fc=nn.Linear(5, 2))),
    case("torch: layer norm behind", AROUND, lambda: Model(rnn=gru(), ln=nn.LayerNorm(5), fc=nn.Linear(5, 2))),
    case("torch: a norm of no telling name, named", AROUND, normed(lambda: nn.LayerNorm(5)), order="rnn,norm=layer_norm,fc"),
    case("torch: a norm of no telling name", AROUND, normed(lambda: nn.LayerNorm(5)), ("norm: expected a batch norm",)),
    case("torch: RMS norm", NAMED, normed(lambda: nn.RMSNorm(5)), ("norm: expected a batch norm",)),
    case("torch: learned h0", AROUND, lambda: Started(gru(num_layers=2), nn.Linear(5, 2), "h0")),
    case("torch: learned h0 and c0", AROUND, lambda: Started(lstm(bidirectional=True), nn.Linear(10, 2), "h0", "c0")),
    case(
        "torch: learned states of no telling name",
        AROUND,
        lambda: Started(lstm(), nn.Linear(5, 2), "a", "b"),
        initial_state=["a", "b"],
    ),
    case(
        "torch: a layer in front",
        AROUND,
        lambda: Model(inp=nn.Linear(4, 6), act=torch.relu, rnn=gru(6), out=nn.Linear(5, 2)),
        order="inp,relu,rnn,out",
    ),
    case(
        "torch: a layer in front without a word",
        AROUND,
        lambda: Model(inp=nn.Linear(4, 6), rnn=gru(6), out=nn.Linear(5, 2)),
        ("inp.weight: could be a layer in front",),
    ),
    case("torch: weight norm in a part that is left out", AROUND, weight_normed, leave_out=["aux"]),
    case(
        "torch: a checkpoint with an optimizer",
        AROUND,
        lambda: Model(rnn=gru(), fc=nn.Linear(5, 2)),
        content=lambda model: {"epoch": 3, "model_state_dict": model.state_dict(), "optimizer": {"state": {}, "lr": 0.1}},
    ),
    case(
        "torch: a head of another task",
        NAMED,
        lambda: Model(rnn=gru(), out=nn.Linear(5, 2), skip=nn.Identity(), aux=nn.Identity()),
        ("conv.weight",),
        content=lambda model: model.state_dict() | {"conv.weight": torch.ones(3, 2, 1)},
    ),
    case("torch: LSTM with a projection", NAMED, lambda: Model(rnn=lstm(proj_size=3), fc=nn.Linear(3, 2)), ("projection",)),
]
