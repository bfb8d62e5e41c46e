"""Files with the weights of a Keras model and nothing of the model: `.h5`, `.weights.h5` and `.npz`.

They hold named arrays, as a PyTorch state_dict does, and are read in the same manner: what follows from names, shapes and
the file's order is taken, what they do not record is stated by the user or assumed and said, and anything else is refused.
"""

import re
import zipfile
from pathlib import Path

from gru_tf.foundation.errors import UserError
from gru_tf.interchange import hdf5_model, npz
from gru_tf.interchange.keras import hdf5
from gru_tf.interchange.named_weights import keras_2_h5, names, numbered, positions, reading, running, uncovered
from gru_tf.interchange.named_weights.contents import WeightsFile
from gru_tf.interchange.named_weights.options import DEFAULTS, KERAS_2_HARD_SIGMOID, WeightsOptions
from gru_tf.interchange.network import Network
from gru_tf.interchange.source import ForeignModel

NPZ = "Keras weights .npz"
Options = WeightsOptions  # the name under which `readers` looks for a reader's options


def read(path: Path, options: WeightsOptions = DEFAULTS) -> ForeignModel:
    """The network of a file of weights.

    Args:
        path: of the file.
        options: what the file does not record.

    Raises:
        UserError: for a file that is damaged or holds none, for layers that no network has, and where the order of its
            layers or what stands between them must be stated; the message says how.
    """
    return network_of(_contents(path, options), options, str(path))


def network_of(file: WeightsFile, options: WeightsOptions, where: str) -> ForeignModel:
    """The network of named arrays from any file.

    Args:
        file: its layers.
        options: what it does not record.
        where: the file, for messages.

    Raises:
        UserError: see `read`.
    """
    try:
        named = reading.read(file, options, where)
    except UserError as error:
        message = str(error)  # of an option, it does not name the file
        raise UserError(message if message.startswith(f"{where}:") else f"{where}: {message}") from None
    return ForeignModel(
        named.network,
        file.source,
        lambda: running.framework(named),
        _warnings(named.network),
        scope=uncovered.scope(named),
        uncovered=tuple(uncovered.phrases(named, options)),
    )


def _warnings(network: Network) -> tuple[str, ...]:
    """On a function that Keras does not have."""
    if all(layer.recurrent_activation != KERAS_2_HARD_SIGMOID for layer in network.layers):
        return ()
    return (
        "hard_sigmoid is that of Keras 2, clip(0.2 x + 0.5, 0, 1), which Keras 3 does not have: the model names it"
        " gru_tf>keras2_hard_sigmoid, loads after `import gru_tf`, and layers with it do not use cuDNN",
    )


def _contents(path: Path, options: WeightsOptions) -> WeightsFile:
    if zipfile.is_zipfile(path):
        arrays = npz.read(path)
        if positions.is_one(list(arrays)):
            left_out = [options.leave_out] if isinstance(options.leave_out, str) else options.leave_out
            order = options.order if isinstance(options.order, str) else ",".join(map(str, options.order))
            dense_first = re.split("[,=]", order)[0].strip() == positions.DENSE  # `reading` checks the option
            return positions.read(arrays, left_out, NPZ, str(path), dense_first=dense_first)
        return names.read(arrays, NPZ)
    with hdf5.open_checked(path, str(path)) as contents:
        for listed in (contents, contents.inside(hdf5_model.WHOLE)):
            if keras_2_h5.is_one(listed):
                return keras_2_h5.read(listed)
        if numbered.is_one(contents):
            return numbered.read(contents)
    raise UserError(f"{path}: expected weights of a Keras model. Received: an HDF5 file without layers")
