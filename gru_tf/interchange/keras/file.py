"""Keras files on disk, `.h5` and `.keras`: members are read by name, and weights are checked before they are read."""

import io
import json
import math
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import keras

from gru_tf.foundation.errors import UserError, one_line, shown
from gru_tf.interchange.keras import hdf5, operations
from gru_tf.interchange.keras.reset import complete
from gru_tf.interchange.keras.weights import fill

WEIGHTS, CONFIG, METADATA = "model.weights.h5", "config.json", "metadata.json"
KINDS = "a zip archive as Keras 3, and Keras 2 from 2.12 on, write it, or an HDF5 file"
BEGINNING = 16  # bytes of a file that a message shows
LARGE, EXPANSION = 1 << 28, 100  # of a member of an archive, as in `hdf5`
SPARE, BUILT = 1 << 20, 4  # weights always allowed, and a multiple of the file's: Keras builds some layers twice


class KerasFile:
    """A file that was read: its `config` and `source`, and the weights that `fill` gives to a model.

    Raises:
        UserError: for a file that is not a complete model.
    """

    def __init__(self, path: Path):
        self.path, self.where = path, path.name
        self.archive: bytes | None = None
        if not path.is_file():
            raise UserError(f"{path}: expected a file. Received: {'a folder' if path.is_dir() else 'no such file'}")
        if zipfile.is_zipfile(path):
            version, self.config = self._of_archive()
            kind = ".keras"
        else:
            self._check_kind()
            version, self.config = self._of_hdf5()
            kind = ".h5"
        if not re.match(r"[23]\.", version):
            raise UserError(f"{self.where}: keras_version: expected 2 or 3. Received: {shown(version)}")
        self.version, self.keras_2 = version, version.startswith("2.")
        if self.archive is None and not self.keras_2:
            try:
                operations.name_modules(self.config)
            except RecursionError:
                raise UserError(f"{self.where}: expected a model. Received: a config nested too deep") from None
        self.source = f"Keras {version[:20]} {kind}"

    def complete(self, model: Any) -> bool:
        """Add to the config what files of old versions leave out, as their weights show it; see `reset`.

        Args:
            model: built from the config.

        Returns:
            Whether a model has to be built again.
        """
        if not self.keras_2:
            return False
        with self._readable(), self.weights() as contents:
            return complete(model, self.config, contents, self.version)

    def fill(self, model: Any) -> None:
        """Give the file's weights to a model built from its config."""
        with self._readable():
            if self.archive is None or self.keras_2:
                with self.weights() as contents:
                    fill(model, self.config, contents)
                return
            with self.weights():  # by Keras 3, from a file that was checked
                model.load_weights(self.path)

    @contextmanager
    def weights(self) -> Iterator[hdf5.Contents]:
        """The HDF5 file that has the weights, open and checked."""
        if self.archive is None:
            with hdf5.open_checked(self.path, self.where) as contents:
                yield contents
            return
        with hdf5.open_checked(io.BytesIO(self.archive), f"{self.where}: {WEIGHTS}") as contents:
            yield contents

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except UserError:
            raise
        except (ValueError, LookupError, TypeError, AttributeError, OSError) as error:
            raise UserError(f"{self.where}: expected the weights of its layers. Received: {one_line(error)}") from None

    def _check_kind(self) -> None:
        """Refuse a .keras file that is neither a complete archive nor HDF5; h5py's message would be about HDF5 only."""
        if self.path.suffix != ".keras" or hdf5.is_hdf5(self.path):
            return
        try:
            with self.path.open("rb") as stream:
                start = stream.read(BEGINNING)
        except OSError as error:
            raise UserError(f"{self.where}: expected a file that can be read. Received: {error.strerror}") from None
        received = f"one that begins with {start!r}" if start else "an empty file"
        received = "a zip archive that is cut off" if start.startswith(b"PK") else received
        raise UserError(f"{self.where}: expected a complete .keras file, {KINDS}. Received: {received}")

    def _of_hdf5(self) -> tuple[str, Any]:
        with hdf5.open_checked(self.path, self.where) as contents:
            text = contents.text("model_config")
            if text is None:
                has_weights = contents.names("layer_names", "") is not None or "layers" in contents.groups or contents.arrays
                advice = "build the model in Python, load this file with `model.load_weights` and save it with `model.save`"
                received = f"weights only; {advice}"
                raise UserError(
                    f"{self.where}: model_config: expected a complete model. Received: {received if has_weights else 'none'}"
                )
            self.elements = contents.elements()
            version = contents.text("keras_version") or contents.text("keras_version", "model_weights")
        return version or "1", self._json(text, "model_config")

    def _of_archive(self) -> tuple[str, Any]:
        if self.path.suffix != ".keras":
            raise UserError(
                f"{self.where}: expected a Keras archive's name to end in .keras. Received: {self.path.suffix!r}"
            )
        try:
            with zipfile.ZipFile(self.path) as archive:
                self._check_members(archive)
                metadata = self._json(archive.read(METADATA), METADATA)
                config = self._json(archive.read(CONFIG), CONFIG)
                self.archive = archive.read(WEIGHTS)
        except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, UnicodeError, zlib.error) as error:
            raise UserError(f"{self.where}: expected a complete archive. Received: {one_line(error)}") from None
        with hdf5.open_checked(io.BytesIO(self.archive), f"{self.where}: {WEIGHTS}") as contents:
            self.elements = contents.elements()
        version = metadata.get("keras_version") if isinstance(metadata, dict) else None
        return str(version), config

    def _check_members(self, archive: zipfile.ZipFile) -> None:
        """Refuse an archive that lacks a member or has it twice, or has one with a path outside or that expands too far."""
        names = archive.namelist()
        for needed in (METADATA, CONFIG, WEIGHTS):
            if names.count(needed) != 1:
                raise UserError(f"{self.where}: {needed}: expected one in the archive. Received: {names.count(needed)}")
        for member in archive.infolist():
            name = member.filename.replace("\\", "/")
            if name.startswith("/") or ".." in name.split("/") or ":" in name.split("/")[0]:
                raise UserError(f"{self.where}: {shown(name)}: expected members within the archive. Received: one outside")
            if member.file_size > LARGE and member.file_size > EXPANSION * member.compress_size:
                received = f"{member.file_size:,} out of {member.compress_size:,}"
                raise UserError(f"{self.where}: {name}: expected as many bytes as are stored. Received: {received}")

    def _json(self, text: str | bytes, key: str) -> Any:
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{self.where}: {key}: expected JSON. Received: {one_line(error)}") from None


class WeightSource(Protocol):
    """A file for messages, and how many numbers it has."""

    @property
    def where(self) -> str:
        """Its name."""

    @property
    def elements(self) -> int:
        """Numbers in all arrays together."""


class WeightLimit:
    """Inside, layers are built with at most a few times the weights of a file: its config could ask for any number.

    Args:
        file: what the layers are built from.
    """

    def __init__(self, file: WeightSource):
        self.where, self.elements, self.left = file.where, file.elements, SPARE + BUILT * file.elements
        self.refused: UserError | None = None  # Keras wraps errors raised while it builds

    def __enter__(self) -> "WeightLimit":
        """Let every layer count the weights that it is about to create."""
        self.original = keras.layers.Layer.add_weight
        original, count = self.original, self._count

        def add_weight(layer: Any, *args: Any, **options: Any) -> Any:
            count(layer, options.get("shape", args[0] if args else ()))
            if len(args) <= 1:  # the file's numbers replace these: a random orthogonal matrix takes a second
                options["initializer"] = "zeros"
            return original(layer, *args, **options)

        keras.layers.Layer.add_weight = add_weight
        return self

    def __exit__(self, *_: object) -> None:
        """Restore Keras' own method."""
        keras.layers.Layer.add_weight = self.original

    def _count(self, layer: Any, shape: Any) -> None:
        shape = (shape,) if isinstance(shape, int) else tuple(shape or ())
        self.left -= math.prod(size or 1 for size in shape)
        if self.left < 0:
            expected = f"layer {shown(layer.name)} ({type(layer).__name__}): expected weights that the file can have"
            received = f"shape {shape}, and {self.elements:,} numbers in the whole file"
            self.refused = UserError(f"{self.where}: {expected}. Received: {received}")
            raise self.refused
