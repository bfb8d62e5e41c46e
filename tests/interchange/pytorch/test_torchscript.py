"""TorchScript archives: tensors are read, nothing is run, and damaged or hostile ones are refused."""

import io
import pickle
import struct
import zipfile

import numpy as np
import pytest
from refusals import refused

import gru_tf
from gru_tf.foundation.errors import UserError
from gru_tf.interchange.pytorch import torchscript

FLOATS = np.arange(12, dtype="float32")


def short(text):
    return b"X" + struct.pack("<I", len(text)) + text.encode()


def number(n):
    return b"J" + struct.pack("<i", n)


def storage(kind="FloatStorage", count=12, key="0"):
    return b"((" + short("storage") + f"ctorch\n{kind}\n".encode() + short(key) + short("cpu") + number(count) + b"tQ"


def tensor(shape=(3, 4), strides=(4, 1), offset=0, **options):
    axes = b"".join(map(number, shape)), b"".join(map(number, strides))
    rest = b"\x89ccollections\nOrderedDict\n)R"
    view = number(offset) + b"(" + axes[0] + b"t(" + axes[1] + b"t" + rest
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + storage(**options) + view + b"tR"


def module(**attributes):
    inner = b"".join(short(name) + value for name, value in attributes.items())
    return b"c__torch__.own\nNet\n)\x81}(" + inner + b"ub"


def written(tmp_path, value, data=FLOATS, **members):
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", b"\x80\x02" + value + b".")
        archive.writestr("model/constants.pkl", b"\x80\x02).")
        archive.writestr("model/data/0", data.tobytes())
        for name, content in members.items():
            archive.writestr(f"model/{name}", content)
    return path


def test_tensors_have_the_names_of_a_state_dict(tmp_path):
    path = written(tmp_path, module(mean=tensor(), rnn=module(weight=tensor((4, 3), (1, 4), 0), k=number(3))))
    found = torchscript.read(path)
    assert list(found) == ["mean", "rnn.weight"]
    np.testing.assert_array_equal(found["mean"].array(), FLOATS.reshape(3, 4))
    np.testing.assert_array_equal(found["rnn.weight"].array(), FLOATS.reshape(3, 4).T)


def test_a_list_of_a_modules_own_tensors_is_no_further_ones(tmp_path):
    listed = b"](" + tensor() + tensor((2, 2), (2, 1), 4) + b"e"
    path = written(tmp_path, module(weight=tensor(), _flat_weights=listed))
    assert list(torchscript.read(path)) == ["weight", "_flat_weights.1"]


def test_nothing_that_the_pickle_names_is_run(tmp_path):
    class Harmful:
        def __reduce__(self):
            return (exec, (f"open({str(tmp_path / 'run')!r}, 'w')",))

    for protocol in (0, 2, 4):
        stream = io.BytesIO()
        pickle.dump(Harmful(), stream, protocol)
        path = written(tmp_path, b"")
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model/data.pkl", stream.getvalue())
            archive.writestr("model/constants.pkl", b"\x80\x02).")
        refused(lambda: gru_tf.import_model(tmp_path / "model.pt"), "model.pt", "state_dict()")
        assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (module(w=b"cos\nsystem\n" + short("true") + b"\x85R"), ("os.system", "may run code")),
        (module(w=tensor((30, 4), (4, 1))), ("w", "120 numbers", "48 bytes")),
        (module(w=tensor((3, 4), (4, 1), 5)), ("w", "12 numbers")),
        (module(w=tensor((3, 4), (0, 0), count=4)), ("w", "12 numbers")),
        (module(w=tensor((3, -4), (4, 1))), ("shape and strides",)),
        (module(w=tensor(count=1000)), ("w", "48 bytes")),
        (module(w=tensor(key="7")), ("KeyError",)),
        (module(w=tensor(kind="QInt8Storage")), ("torch.QInt8Storage",)),
        (b"\x80\x05\x96" + struct.pack("<Q", 1 << 40), ("complete TorchScript archive",)),
        (b"\x8a", ("complete TorchScript archive",)),
    ],
)
def test_what_is_no_module_of_tensors_is_refused(tmp_path, value, words):
    refused(lambda: gru_tf.import_model(written(tmp_path, value)), "model.pt", *words)


def test_modules_that_have_each_other_many_times_are_refused(tmp_path, monkeypatch):
    """Sixty lists, each with the one before it twice: 2⁶⁰ paths in a few hundred bytes."""
    monkeypatch.setattr(torchscript, "MOST_VALUES", 10_000)
    value = b"]q\x00"
    for n in range(60):
        value = b"](" + value + b"h" + bytes([n]) + b"eq" + bytes([n + 1])
    refused(lambda: gru_tf.import_model(written(tmp_path, module(a=value))), "at most 10,000 values")


@pytest.mark.parametrize(
    "target",
    [
        b"ctorch\nFloatStorage\n",
        storage(),
        tensor(),
        b"ctorch._utils\n_rebuild_tensor_v2\n",
        b"ccollections\nOrderedDict\n",
        b"c__torch__.own\nNet\n",
    ],
)
def test_a_pickle_that_sets_attributes_changes_nothing(tmp_path, target):
    """Those of a tensor whose bounds were checked, such as strides to before its numbers; of the unpickler's own parts."""
    plain = b"}(" + short("strides") + b"(" + number(-1) * 2 + b"t" + short("__setstate__") + b"Nu"
    for state in (plain, b"(N" + plain + b"t", b"(" + number(3) + short(">") + b"NNN" + number(-1) * 2 + number(0) + b"t"):
        path = written(tmp_path, module(first=target + state + b"b", w=tensor()))
        try:
            found = torchscript.read(path)
        except UserError:
            found = {}
        for each in found.values():
            np.testing.assert_array_equal(each.array(), FLOATS.reshape(3, 4))
    np.testing.assert_array_equal(torchscript.read(written(tmp_path, module(w=tensor())))["w"].array(), FLOATS.reshape(3, 4))


def test_a_module_in_itself_ends(tmp_path):
    value = b"c__torch__.own\nNet\n)\x81q\x00}(" + short("own") + b"h\x00" + short("w") + tensor() + b"ub"
    assert list(torchscript.read(written(tmp_path, value))) == ["w"]


def test_big_endian_numbers_are_refused(tmp_path):
    refused(lambda: torchscript.read(written(tmp_path, module(w=tensor()), byteorder=b"big")), "little-endian", "big")
