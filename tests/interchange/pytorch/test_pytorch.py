"""PyTorch's own files and modules: imported, the same numbers, and written for it; hostile and broken .pt files.

What is compared with: PyTorch's modules as a user has them, run by PyTorch.
"""

import os
import pickle
import struct
import zipfile
from dataclasses import replace

import keras
import numpy as np
import pytest
from refusals import refused

import gru_tf
from gru_tf.interchange import importing, provenance, pytorch
from gru_tf.interchange.pytorch import file as pytorch_file
from gru_tf.recurrent.gates import layouts
from gru_tf.recurrent.gates.packing import Layout

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")

FLOAT64, FLOAT32 = 1e-10, 1e-5
TOKENS = np.random.default_rng(1).integers(11, size=(3, 6))
KINDS = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM, "rnn": torch.nn.RNN}


class LanguageModel(torch.nn.Module):
    """Embedding, stack and head, as users write it; `last` reads each direction's last state."""

    def __init__(self, kind, last=False, tied=False, **options):
        super().__init__()
        torch.manual_seed(0)
        self.encoder = torch.nn.Embedding(11, 4)
        self.rnn = kind(4, 4, batch_first=True, **options)
        self.decoder = torch.nn.Linear(8 if options.get("bidirectional") else 4, 11)
        self.last = last
        if tied:
            self.decoder.weight = self.encoder.weight

    def forward(self, tokens):
        every, states = self.rnn(self.encoder(tokens))
        h = states[0] if isinstance(states, tuple) else states
        read = torch.cat(list(h[-2 if self.rnn.bidirectional else -1 :]), dim=-1) if self.last else every
        return self.decoder(read)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Threads that wait for each other cost more than such small products."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def computed(module, *inputs):
    with torch.no_grad():
        return module(*map(torch.as_tensor, inputs)).numpy()


@pytest.fixture
def saved(tmp_path):
    """A function that saves anything as PyTorch does."""

    def save(thing, name="model.pt", **options):
        torch.save(thing, tmp_path / name, **options)
        return tmp_path / name

    return save


# --- the same numbers ---


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{"num_layers": 2}, {"bidirectional": True, "bias": False}])
@pytest.mark.parametrize("last", [False, True])
def test_a_language_model_is_the_same_after_import(saved, kind, options, last):
    module = LanguageModel(KINDS[kind], last, **options)
    found = importing.import_file(saved(module.state_dict()), every_step=not last, verify=True)
    np.testing.assert_allclose(found.model(TOKENS), computed(module, TOKENS), rtol=0, atol=FLOAT32)
    assert 0 < found.verified.largest < FLOAT32
    assert found.verified.by == f"PyTorch {torch.__version__.partition('+')[0]}"
    assert found.verified.cases == 8


@pytest.mark.parametrize("kind", KINDS)
def test_in_float64_the_difference_is_that_of_float64(saved, kind):
    torch.manual_seed(0)
    module = KINDS[kind](3, 5, num_layers=2, bidirectional=True, batch_first=True, dtype=torch.float64)
    found = importing.import_file(saved(module.state_dict()), dtype="float64")
    x = np.random.default_rng(2).normal(size=(3, 6, 3))
    np.testing.assert_allclose(found.model(x), module(torch.tensor(x))[0].detach(), rtol=0, atol=FLOAT64)
    assert found.verified.largest < FLOAT64


def test_sequences_of_several_lengths_are_packed_ones(saved):
    torch.manual_seed(0)
    module = torch.nn.LSTM(3, 4, bidirectional=True, batch_first=True)
    found = importing.import_file(saved(module.state_dict()), masked=True, every_step=False)
    assert found.verified.largest < FLOAT32
    x, lengths = np.random.default_rng(2).normal(size=(3, 6, 3)).astype("float32"), [2, 6, 4]
    packed = torch.nn.utils.rnn.pack_padded_sequence(torch.tensor(x), torch.tensor(lengths), True, enforce_sorted=False)
    h = module(packed)[1][0].detach()
    mask = np.arange(6) < np.array(lengths)[:, None]
    np.testing.assert_allclose(found.model([x, mask]), torch.cat([h[0], h[1]], dim=-1), rtol=0, atol=FLOAT32)


def test_relu_is_an_option_and_a_difference_without_it_is_noticed(saved):
    torch.manual_seed(0)
    module = torch.nn.RNN(3, 4, nonlinearity="relu", batch_first=True)
    path, x = saved(module.state_dict()), np.ones((2, 5, 3), "float32")
    expected = computed(lambda x: module(x)[0], x)
    np.testing.assert_allclose(gru_tf.import_model(path, activation="relu")(x), expected, rtol=0, atol=FLOAT32)
    np.savez(path.with_suffix(".npz"), inputs=x, outputs=expected)
    refused(lambda: gru_tf.import_model(path, reference=path.with_suffix(".npz")), "not the same")


def test_a_cell_is_a_layer_without_time(saved):
    torch.manual_seed(0)
    cell = torch.nn.LSTMCell(3, 4)
    model = gru_tf.import_model(saved({f"cell.{name}": t for name, t in cell.state_dict().items()}))
    x, state, expected = torch.randn(2, 5, 3), None, []
    for t in range(5):
        state = cell(x[:, t], state)
        expected.append(state[0].detach().numpy())
    np.testing.assert_allclose(model(x.numpy()), np.stack(expected, axis=1), rtol=0, atol=FLOAT32)


WRAPPED = {
    "parallel": lambda m: torch.nn.DataParallel(m).state_dict(),
    "compiled": lambda m: {f"_orig_mod.{name}": t for name, t in m.state_dict().items()},  # as torch.compile(m) names them
    "a checkpoint": lambda m: {
        "model_state_dict": m.state_dict(),
        "optimizer_state_dict": _stepped(m).state_dict(),
        "epoch": 3,
    },
    "parameters": lambda m: dict(m.named_parameters()),
    "the old format": lambda m: m.state_dict(),
}


def _stepped(module):
    """An optimiser with state of its own."""
    optimizer = torch.optim.Adam(module.parameters())
    module(torch.as_tensor(TOKENS)).sum().backward()
    optimizer.step()
    return optimizer


@pytest.mark.parametrize("how", WRAPPED)
def test_weights_are_found_however_they_were_saved(saved, how):
    module = LanguageModel(torch.nn.GRU)
    thing = WRAPPED[how](module)
    model = gru_tf.import_model(saved(thing, _use_new_zipfile_serialization=how != "the old format"))
    np.testing.assert_allclose(model(TOKENS), computed(module, TOKENS), rtol=0, atol=FLOAT32)


def test_tied_weights_are_read_twice(saved):
    module = LanguageModel(torch.nn.GRU, tied=True)
    found = importing.import_file(saved(module.state_dict()))
    np.testing.assert_array_equal(found.network.embedding, found.network.head[0].kernel.T)
    np.testing.assert_allclose(found.model(TOKENS), computed(module, TOKENS), rtol=0, atol=FLOAT32)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_read_exactly(saved, dtype):
    module = torch.nn.GRU(3, 4).to(dtype)
    found = importing.import_file(saved(module.state_dict()))
    (layer,) = found.network.layers
    np.testing.assert_array_equal(layer.forward.blocks["U_r"], module.weight_hh_l0[:4].detach().float().T)
    assert found.verified.largest < FLOAT32


def test_what_pytorch_projects_is_refused(saved):
    path = saved(torch.nn.LSTM(3, 4, proj_size=2).state_dict())
    refused(lambda: gru_tf.import_model(path), "weight_hr_l0", "proj_size > 0")


UTILS, PRUNE = torch.nn.utils, pytest.importorskip("torch.nn.utils.prune")
PARAMETRIZED = {  # how a weight is computed at run time, → how to undo it, its name in messages, and the remedy there
    "weight norm of old": (UTILS.weight_norm, UTILS.remove_weight_norm, "weight norm", "remove_weight_norm"),
    "weight norm": (
        UTILS.parametrizations.weight_norm,
        UTILS.parametrize.remove_parametrizations,
        "weight norm",
        "parametrize.remove_parametrizations",
    ),
    "spectral norm of old": (UTILS.spectral_norm, UTILS.remove_spectral_norm, "spectral norm", "remove_spectral_norm"),
    "orthogonal": (
        UTILS.parametrizations.orthogonal,
        UTILS.parametrize.remove_parametrizations,
        "a parametrization",
        "parametrize.remove_parametrizations",
    ),
    "pruning": (
        lambda module, name: PRUNE.l1_unstructured(module, name, amount=3),
        PRUNE.remove,
        "pruning",
        "prune.remove",
    ),
}


@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated:FutureWarning")
@pytest.mark.parametrize("where", ["rnn", "decoder"])
@pytest.mark.parametrize("how", PARAMETRIZED)
def test_a_weight_computed_at_run_time_is_refused_with_the_remedy(saved, how, where):
    make, remove, called, words = PARAMETRIZED[how]
    module, name = LanguageModel(torch.nn.GRU), {"rnn": "weight_hh_l0", "decoder": "weight"}[where]
    make(getattr(module, where), name)
    path = saved(module.state_dict())
    words = f"torch.nn.utils.{words}(module, '{name}')"
    expected, received = f"{where}.{name}: expected the weight itself", f"from which {called} computes it"
    refused(lambda: gru_tf.import_model(path), expected, received, words)
    if where == "decoder":
        gru_tf.import_model(path, leave_out="decoder", embedding="encoder")
    remove(getattr(module, where), name)
    model = gru_tf.import_model(saved(module.state_dict()), verify=True)
    np.testing.assert_allclose(model(TOKENS), computed(module, TOKENS), rtol=0, atol=FLOAT32)


# --- able to fail ---


def test_gates_that_are_not_swapped_are_noticed(saved, monkeypatch):
    right = layouts.LAYOUTS["pytorch_gru"]
    arrays = tuple(replace(p, rows=(tuple(f"{p.rows[0][0][0]}_{g}" for g in "zrh"),)) for p in right.arrays)
    monkeypatch.setitem(layouts.LAYOUTS, "pytorch_gru", Layout("pytorch_gru", arrays, "keep", True, right.reference))
    path = saved(LanguageModel(torch.nn.GRU).state_dict())
    message = refused(lambda: gru_tf.import_model(path), "not the same: expected what PyTorch", "difference of")
    assert float(message.partition("a difference of ")[2].split()[0]) > 0.01
    gru_tf.import_model(path, verify=False)  # and nothing else complains


def test_what_is_written_wrongly_is_noticed_and_not_written(tmp_path, monkeypatch):
    network = importing.import_file(_file(tmp_path, torch.nn.GRU(3, 4))).network
    right = pytorch.writing.state_dict
    monkeypatch.setattr(
        pytorch.writing,
        "state_dict",
        lambda network: ({name: -a if "bias_hh" in name else a for name, a in right(network)[0].items()}, ()),
    )
    refused(lambda: pytorch.write(network, tmp_path / "out.pt"), "not the same")
    assert [file.name for file in tmp_path.iterdir()] == ["in.pt"]


def _file(folder, module):
    torch.save(module.state_dict(), folder / "in.pt")
    return folder / "in.pt"


# --- written ---


@pytest.mark.parametrize("ending", [".pt", ".safetensors"])
@pytest.mark.parametrize("kind", KINDS)
def test_pytorch_loads_what_is_written_and_gives_the_same(tmp_path, kind, ending):
    layer = {"gru": keras.layers.GRU, "lstm": keras.layers.LSTM, "rnn": keras.layers.SimpleRNN}[kind]
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(11, 3),
            keras.layers.Bidirectional(layer(4, return_sequences=True)),
            keras.layers.Bidirectional(layer(4, return_sequences=True)),
            keras.layers.Dense(5),
        ]
    )
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape) * 0.5 for w in model.get_weights()])
    path = tmp_path / f"out{ending}"
    assert gru_tf.export_model(model, path).startswith("verified by PyTorch")
    if ending == ".pt":
        weights = torch.load(path, weights_only=True)
    else:
        from safetensors.torch import load_file

        weights = load_file(path)
    parts = {"embedding": torch.nn.Embedding(11, 3), "head": torch.nn.Linear(8, 5)}
    parts["rnn"] = KINDS[kind](3, 4, num_layers=2, bidirectional=True, batch_first=True)
    module = torch.nn.ModuleDict(parts)
    module.load_state_dict(weights, strict=True)
    tokens = torch.as_tensor(TOKENS)
    expected = module["head"](module["rnn"](module["embedding"](tokens))[0]).detach()
    np.testing.assert_allclose(model(TOKENS), expected, rtol=0, atol=FLOAT32)


def test_there_and_back_is_exact_to_the_bit(saved, tmp_path):
    module = torch.nn.GRU(3, 4, num_layers=2)
    gru_tf.import_model(saved(module.state_dict())).save(tmp_path / "model.keras")
    assert provenance.record_of(tmp_path / "model.keras")["verified"]["cases"] == 8
    gru_tf.export_model(tmp_path / "model.keras", tmp_path / "back.pt")
    back = torch.load(tmp_path / "back.pt", weights_only=True)
    for name, tensor in module.state_dict().items():
        assert torch.equal(back[f"rnn.{name}"], tensor)


# --- hostile, and broken ---


class Hostile:
    """Pickled, it creates a file where it is loaded carelessly."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


HOSTILE = {
    "a file of torch.save": torch.save,
    "one of the old format": lambda bad, path: torch.save(bad, path, _use_new_zipfile_serialization=False),
    "among weights": lambda bad, path: torch.save({**torch.nn.GRU(3, 4).state_dict(), "x": bad}, path),
    "in the optimiser's part": lambda bad, path: torch.save({"model": torch.nn.GRU(3, 4).state_dict(), "o": bad}, path),
    "a bare pickle": lambda bad, path: path.write_bytes(pickle.dumps(bad, protocol=2)),
    "a bare pickle of now": lambda bad, path: path.write_bytes(pickle.dumps(bad)),
}


@pytest.mark.parametrize("how", HOSTILE)
def test_a_pickle_that_would_run_code_does_not(tmp_path, how):
    path, folder = tmp_path / "hostile.pt", tmp_path / "folder"
    HOSTILE[how](Hostile(folder), path)
    refused(lambda: gru_tf.import_model(path), str(path))
    assert [file.name for file in tmp_path.iterdir()] == ["hostile.pt"]


def test_a_careless_load_runs_the_code(tmp_path):
    path, folder = tmp_path / "hostile.pt", tmp_path / "folder"
    HOSTILE["a file of torch.save"](Hostile(folder), path)
    torch.load(path, weights_only=False)
    assert folder.is_dir()


def test_a_message_names_what_a_pickle_loads(saved, tmp_path):
    refused(
        lambda: gru_tf.import_model(saved(Hostile(tmp_path / "made"))),
        "a pickle that names posix.mkdir",
        "torch.save(model.state_dict()",
    )
    refused(
        lambda: gru_tf.import_model(saved(LanguageModel(torch.nn.GRU))), "LanguageModel", "torch.save(model.state_dict()"
    )


def test_a_program_without_tensors_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "script.pt", "w") as archive:
        for name in ("constants.pkl", "data.pkl", "version", "code/__torch__.py"):
            archive.writestr(f"script/{name}", pickle.dumps({}, protocol=2) if name.endswith("pkl") else "3\n")
    refused(lambda: gru_tf.import_model(tmp_path / "script.pt"), "script.pt: expected a state_dict", "an empty dict")


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(saved, old, share):
    path = saved(torch.nn.GRU(3, 20).state_dict(), _use_new_zipfile_serialization=not old)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    refused(lambda: gru_tf.import_model(path), str(path), "expected a complete file of torch.save")


def test_a_damaged_file_is_refused(saved):
    path = saved(torch.nn.GRU(3, 20).state_dict())
    whole = bytearray(path.read_bytes())
    at = whole.index(b"data.pkl") + 60
    whole[at : at + 20] = bytes(20)
    path.write_bytes(whole)
    refused(lambda: gru_tf.import_model(path), str(path))


def test_a_compressed_archive_is_refused(saved, tmp_path):
    path = saved({"rnn.weight_ih_l0": torch.zeros(3000, 1000)})
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as bomb:
        for name in archive.namelist():
            bomb.writestr(name, archive.read(name))
    refused(lambda: gru_tf.import_model(tmp_path / "bomb.pt"), "bomb.pt", "unpack to")


def test_a_view_that_claims_more_numbers_than_there_are_is_refused(saved):
    path = saved({"rnn.weight_ih_l0": torch.zeros(1).expand(3 * 10**6, 10**6)})
    refused(lambda: gru_tf.import_model(path), "rnn.weight_ih_l0", "4 bytes")


def test_one_array_under_many_names_is_not_read_so_many_times(tmp_path, monkeypatch):
    module = torch.nn.GRU(4, 4, 4)
    tied = {name: module.state_dict()[f"{name.rpartition('_')[0]}_l0"] for name in module.state_dict()}
    big = torch.zeros(4096)
    torch.save(tied | {f"more{n}": big for n in range(40)}, tmp_path / "tied.pt")
    rest = [f"more{n}" for n in range(40)]
    gru_tf.import_model(tmp_path / "tied.pt", verify=False, leave_out=rest)  # small: whatever it shares
    monkeypatch.setattr(pytorch_file, "SHARED", 1 << 14)
    refused(lambda: gru_tf.import_model(tmp_path / "tied.pt"), "tied.pt", "share storage at most 8 times")


def test_a_sparse_tensor_is_refused(saved):
    path = saved({"rnn.weight_ih_l0": torch.ones(3, 3).to_sparse()})
    refused(lambda: gru_tf.import_model(path), "rnn.weight_ih_l0", "dense")


def test_an_old_pytorch_is_not_trusted(saved, monkeypatch):
    path = saved(torch.nn.GRU(3, 4).state_dict())
    monkeypatch.setattr(pytorch_file, "version", lambda name: "2.5.1")
    refused(lambda: gru_tf.import_model(path), "expected PyTorch 2.6 or later", "2.5.1")


def test_a_tar_of_old_times_is_not_opened(tmp_path):
    import io
    import tarfile

    with tarfile.open(tmp_path / "old.pt", "w") as archive:
        member = tarfile.TarInfo("../outside")
        member.size = 4
        archive.addfile(member, io.BytesIO(struct.pack("<I", 1)))
    refused(lambda: gru_tf.import_model(tmp_path / "old.pt"), "old.pt: expected a file of torch.save")
    assert not (tmp_path.parent / "outside").exists()
