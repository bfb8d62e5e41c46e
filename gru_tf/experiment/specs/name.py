"""The name of an experiment: its models, its page, its folder of work in progress and its place in MLflow are called so."""

from typing import Annotated

from pydantic import AfterValidator

from gru_tf.foundation.errors import shown

LONGEST = 200  # bytes; names of files have room for 255, and endings come after it
TAKEN = (".lock", ".holder.json")  # what lies beside the folders of work in progress
MLFLOWS = "Default"  # the experiment of runs that name none


def _of_a_file(name: str) -> str:
    """The name, unless it would lead out of the folder that is made, and taken away again, under it."""
    if not name or name.strip() != name or name[0] == "." or not name.isprintable() or set(name) & set("/\\"):
        raise ValueError(f"expected what a file can be called: no slash, no dot at its start. Received: {shown(name)}")
    if len(name.encode()) > LONGEST:
        raise ValueError(f"expected at most {LONGEST} bytes. Received: {len(name.encode())}, {shown(name)}")
    if name.lower().endswith(TAKEN):
        raise ValueError(f"expected another ending than {' and '.join(TAKEN)}, files of ours. Received: {shown(name)}")
    if name == MLFLOWS:
        raise ValueError(f"expected another name than that of MLflow's own experiment. Received: {shown(name)}")
    return name


Name = Annotated[str, AfterValidator(_of_a_file)]
