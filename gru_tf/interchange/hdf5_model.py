"""Whether an HDF5 file is a whole Keras model or its weights alone."""

from pathlib import Path

WHOLE = "model_weights"  # the group of all weights in a whole model's file


def has_weights_alone(path: Path) -> bool:
    """Whether it has layers in it and no model's config; False where it cannot be opened, which its reader will say."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            whole = file.get(WHOLE, getlink=True)  # other links may lead to other files
            groups = [file, file[WHOLE]] if isinstance(whole, h5py.HardLink) else [file]
            listed = any(name.startswith("layer_names") for group in groups for name in group.attrs)
            return "model_config" not in file.attrs and bool(listed or {"layers", "vars"} & set(file))
    except (OSError, RuntimeError, ValueError, KeyError):
        return False
