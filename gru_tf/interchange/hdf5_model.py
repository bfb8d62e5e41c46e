"""Whether an HDF5 file is a whole Keras model or its weights alone."""

from pathlib import Path


def has_weights_alone(path: Path) -> bool:
    """Whether it has layers in it and no model's config; False where it cannot be opened, which its reader will say."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            layers = any(name.startswith("layer_names") for name in file.attrs) or {"layers", "vars"} & set(file)
            return "model_config" not in file.attrs and bool(layers)
    except (OSError, RuntimeError, ValueError, KeyError):
        return False
