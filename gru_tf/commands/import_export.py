"""The commands `gru-tf import` and `gru-tf export`: arguments and printing only."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.table import Table
from rich.text import Text

from gru_tf.commands import screen
from gru_tf.commands.console import console, print_line
from gru_tf.foundation import atomic_file, startup
from gru_tf.foundation.errors import UserError
from gru_tf.interchange import option_names

if TYPE_CHECKING:
    from gru_tf.interchange.importing import ImportedModel
    from gru_tf.interchange.layer_table import LayerRow

KINDS = ".pt, .safetensors, .onnx, .h5, .keras, a TF1 checkpoint"
PARTS = "What is read of a state_dict or a checkpoint"
COLUMNS = ("layer", "kind", "directions", "units", "parameters", "on a GPU")
Force = Annotated[bool, typer.Option("--force", help="replace what is there already")]


def _option(help_: str, metavar: str, *names: str) -> Any:
    return typer.Option(*names, help=help_, rich_help_panel=PARTS, metavar=metavar)


def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help=f"{KINDS}, or models:/NAME@best")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE.keras", help="the Keras model")],
    verify: Annotated[
        bool | None,
        typer.Option("--verify/--no-verify", help="compare with the framework, or fail (default: if installed)"),
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="'inputs' and 'outputs' of the source, to compare with")
    ] = None,
    prefix: Annotated[str | None, _option("which stack, of several", "MODULE")] = None,
    embedding: Annotated[str | None, _option("the embedding below it", "KEY")] = None,
    no_embedding: Annotated[bool, _option("none", "", "--no-embedding")] = False,
    head: Annotated[list[str] | None, _option("the linear layer on top; repeatable, lowest first", "KEY")] = None,
    no_head: Annotated[bool, _option("none", "", "--no-head")] = False,
    leave_out: Annotated[list[str] | None, _option("what is no part of it; repeatable", "KEY")] = None,
    last: Annotated[bool, _option("put out the last step, not every step", "", "--last")] = False,
    masked: Annotated[bool, _option("sequences have lengths: a second input 'mask'", "", "--masked")] = False,
    activation: Annotated[str | None, _option("of a plain RNN: tanh (default) or relu", "NAME")] = None,
    scope: Annotated[list[str] | None, _option("TF1: where the cells are; repeatable, lowest first", "NAME")] = None,
    forget_bias: Annotated[float | None, _option("TF1: what the program added to it (default: 1)", "NUMBER")] = None,
    reset_after: Annotated[
        bool | None,
        typer.Option("--reset-after/--reset-before", help="ONNX: of every GRU, whatever linear_before_reset says"),
    ] = None,
    force: Force = False,
    store: Annotated[
        str | None, typer.Option(metavar="URI", help="of models:/…: MLflow tracking URI  [./mlruns/mlflow.db]")
    ] = None,
) -> None:
    """Bring a trained recurrent stack of another framework over into Keras, and prove that it is the same."""
    if output.suffix != ".keras":
        raise UserError(f"{output}: expected a name that ends in .keras")
    if output.exists() and not force:
        raise UserError(f"{output}: there already; it is not overwritten without --force")
    asked: dict[str, Any] = {"prefix": prefix, "activation": activation}
    asked |= {"embedding": _or_none("embedding", embedding, no_embedding), "head": _or_none("head", head, no_head)}
    asked |= {"scopes": scope or None, "forget_bias": forget_bias, "reset_after": reset_after}
    asked |= {"leave_out": leave_out or None}
    asked |= {"every_step": False if last else None, "masked": True if masked else None}
    given = {name: value for name, value in asked.items() if value is not None}
    registered = file.startswith("models:")
    if registered:
        _check_registered(file, given if reference is None else given | {"reference": reference})
    with startup.quiet(), option_names.of_commands():
        found = _registered(file, store, verify) if registered else _imported(file, verify, reference, given)
        rows = _rows(found)
    console.print(Text.assemble((file, "bold"), f": {found.source}"), soft_wrap=True)
    console.print(_table(rows))
    _lines([str(found.verified) if found.verified else _not_verified(found, verify), *found.notes])
    try:
        atomic_file.through(output, found.model.save)
    except OSError as error:
        raise UserError(f"{output}: {error.strerror}") from error
    _lines([f"Written: {output}"])


def _or_none(name: str, value: Any, none: bool) -> Any:
    """The key that was given, or False where there is to be none."""
    if none and value:
        keys = value if isinstance(value, str) else ", ".join(value)
        raise UserError(f"--{name}: received {keys} and --no-{name}, expected one of the two")
    return False if none else value or None


def _check_registered(address: str, given: dict[str, Any]) -> None:
    """Refuse what would be left unread: a registered model is a whole Keras model, and compared with MLflow's answers."""
    if names := [option_names.flag(name, value) for name, value in given.items()]:
        valid = "--output, --verify, --store, --force"
        raise UserError(f"{address}: {', '.join(names)}: no option for a model of the registry. Options: {valid}")


def _imported(file: str, verify: bool | None, reference: Path | None, given: dict[str, Any]) -> "ImportedModel":
    from gru_tf.interchange import importing

    return importing.import_file(file, verify=verify, reference=reference, **given)


def _registered(address: str, store: str | None, verify: bool | None) -> "ImportedModel":
    from gru_tf.suite.tracking import from_registry

    return from_registry.bring(address, store, verify)


def _rows(found: "ImportedModel") -> "list[LayerRow]":
    from gru_tf.interchange import layer_table

    return list(layer_table.rows(found.model, found.network))


def _not_verified(found: "ImportedModel", verify: bool | None) -> str:
    if verify is False:
        return "not verified: --no-verify"
    if found.unverified:
        return f"not verified: {found.unverified}"
    if found.source.startswith("Keras 3"):
        return "not verified: Keras 3 itself has read it, and there is no --reference"
    from gru_tf.interchange import importing

    return f"not verified: {importing.framework_of(found.source)} is not installed, and there is no --reference"


def _table(rows: "Iterable[LayerRow]") -> Table:
    shown = Table(**screen.NARROW)
    for name in COLUMNS:
        folded = name in ("layer", "on a GPU")  # may be long; the numbers are never cut for them
        justify: Literal["left", "right"] = "right" if name in ("units", "parameters") else "left"
        shown.add_column(name, justify=justify, no_wrap=not folded, overflow="fold")
    for row in rows:
        each = row.units if isinstance(row.units, tuple) else () if row.units is None else (row.units,)
        units = " + ".join(f"{number:,}" for number in each)
        shown.add_row(*map(Text, (row.layer, row.kind, row.directions, units, f"{row.parameters:,}", row.path)))
    return shown


def _lines(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        print_line(console, f"{sentence[:1].upper()}{sentence[1:]}")


def export(
    model: Annotated[Path, typer.Argument(metavar="MODEL.keras", help="a model saved by Keras")],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FILE", help=".onnx, .pt, .safetensors, .tflite, or a SavedModel's folder"),
    ],
    timesteps: Annotated[int | None, typer.Option(min=1, metavar="N", help=".tflite: length of every sequence")] = None,
    streaming: Annotated[bool, typer.Option("--streaming", help=".tflite: one step at a time, states in and out")] = False,
    force: Force = False,
) -> None:
    """Write a Keras model for another runtime, and run it there where that is installed."""
    asked: dict[str, Any] = {"timesteps": timesteps, "streaming": streaming}
    with startup.quiet(), option_names.of_commands():
        from gru_tf.interchange import exporting

        given = {name: value for name, value in asked.items() if value}
        said = exporting.export_model(model, output, overwrite=force, **given)
    _lines([said, f"Written: {output}"])
