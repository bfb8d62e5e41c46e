"""The name of an experiment, which its models, report, work folder and MLflow experiment share."""

from typing import Annotated

from pydantic import AfterValidator

from gru_tf.foundation.errors import shown

LONGEST = 200  # bytes; file names can have 255, and endings follow
RESERVED = (".lock", ".holder.json")  # endings of files next to the work folders
MLFLOW_DEFAULT = "Default"  # the experiment of runs that name none


def _file_name(name: str) -> str:
    """The name, unless it would lead out of the folder that is created and deleted under it."""
    if not name or name.strip() != name or name[0] == "." or not name.isprintable() or set(name) & set("/\\"):
        raise ValueError(f"expected a valid file name: no slash, no leading dot. Received: {shown(name)}")
    if len(name.encode()) > LONGEST:
        raise ValueError(f"expected at most {LONGEST} bytes. Received: {len(name.encode())}, {shown(name)}")
    if name.lower().endswith(RESERVED):
        raise ValueError(
            f"expected another ending than {' or '.join(RESERVED)}, which are reserved. Received: {shown(name)}"
        )
    if name == MLFLOW_DEFAULT:
        raise ValueError(f"expected another name than that of MLflow's default experiment. Received: {shown(name)}")
    return name


Name = Annotated[str, AfterValidator(_file_name)]
