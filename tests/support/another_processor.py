"""Runs trained as on a processor with another first cache, and what they gave, to the bit; for a process of its own.

    python another_processor.py RUNS CACHE MEND …

trains the runs of RUNS, a JSON list, with a first cache of CACHE KB as Eigen sees it (0 for this processor's), and without
the mends that are named. It prints a JSON list of what each run left behind.
"""

import ctypes
import hashlib
import json
import mmap
import os
import struct
import sys

import numpy as np

SIZES = b"_ZZN5Eigen8internal20manage_caching_sizesENS_6ActionEPlS2_S2_E12m_cacheSizes"
IS_SET = b"_ZGVZN5Eigen8internal20manage_caching_sizesENS_6ActionEPlS2_S2_E12m_cacheSizes"
SYMBOL = np.dtype([("name", "<u4"), ("info", "u1"), ("other", "u1"), ("section", "<u2"), ("value", "<u8"), ("size", "<u8")])
UNKNOWN = "no cache"  # what is printed where TensorFlow's library has no symbols


def library():
    """Where TensorFlow's largest library lies in memory, and its file; to be called when it is loaded."""
    with open("/proc/self/maps") as maps:
        found = [line.split() for line in maps if "libtensorflow_cc.so" in line]
    return min(int(line[0].split("-")[0], 16) for line in found), found[0][-1]


def addresses(file, names):
    """The address of each symbol in an ELF file of 64 bits, before it is loaded; None where it has no such symbol."""
    with open(file, "rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        (table,), (size, count) = struct.unpack_from("<Q", content, 40), struct.unpack_from("<HH", content, 58)
        sections = [struct.unpack_from("<IIQQQQIIQQ", content, table + size * n) for n in range(count)]
        symbols = next((section for section in sections if section[1] == 2), None)  # SHT_SYMTAB
        if symbols is None:
            return [None] * len(names)
        texts = sections[symbols[6]]
        entries = np.frombuffer(content[symbols[4] : symbols[4] + symbols[5]], SYMBOL)
        places = [content.find(b"\0" + name + b"\0", texts[4], texts[4] + texts[5]) + 1 - texts[4] for name in names]
        found = [entries["value"][entries["name"] == place] for place in places]
        return [int(values[0]) if len(values) else None for values in found]


def force_caches(kilobytes):
    """Tell Eigen, before it asks the processor, how large its first cache is; whether that was possible."""
    base, file = library()
    sizes, is_set = addresses(file, (SIZES, IS_SET))
    if sizes is None or is_set is None:
        return False
    (ctypes.c_long * 3).from_address(base + sizes)[:] = [kilobytes * 1024, 1280 * 1024, 32 * 1024 * 1024]
    ctypes.c_uint8.from_address(base + is_set).value = 1
    return True


def take_back(mend):
    """Put what a mend replaced in its place again."""
    import keras

    from gru_tf.training import compiled_steps
    from gru_tf.training.network import initial_values

    if mend == "dense":
        compiled_steps.HeldDense = keras.layers.Dense
    else:
        assert mend == "initial values", mend
        initial_values.hold = lambda _: None


def left_behind(run):
    """Everything that a run has computed, its last weights as a digest."""
    from gru_tf.training import trainer

    result = trainer.train(run)
    steps = next(reversed(trainer._compiled.values()))
    weights = hashlib.sha256(b"".join(w.tobytes() for w in steps.weights())).hexdigest()
    numbers = [values.hex() for series in result.history.values() for values in series]
    return [
        result.kernel_path,
        result.environment["bits"],
        weights,
        numbers,
        float(result.test).hex(),
        float(result.score).hex(),
    ]


def main(runs, cache, *mends):
    """See above."""
    from gru_tf.foundation import startup

    with startup.quiet():
        from gru_tf.training import trainer
    from gru_tf.experiment.experiment import Run

    if int(cache) and not force_caches(int(cache)):
        sys.stdout.write(json.dumps(UNKNOWN))
        return
    trainer.configure(int(os.environ.get("THREADS", "1")))
    for mend in mends:
        take_back(mend)
    sys.stdout.write(json.dumps([left_behind(Run.model_validate(run, strict=False)) for run in json.loads(runs)]))


if __name__ == "__main__":
    main(*sys.argv[1:])
