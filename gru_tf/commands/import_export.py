"""The commands `gru-tf import` and `gru-tf export`: arguments and printing only."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gru_tf.commands.console import console, print_line
from gru_tf.commands.waiting import waiting
from gru_tf.foundation import atomic_file, option_spelling, startup
from gru_tf.foundation.errors import UserError
from gru_tf.interchange import option_names

if TYPE_CHECKING:
    from gru_tf.commands.fitted import FittedTable
    from gru_tf.interchange.importing import ImportedModel
    from gru_tf.interchange.layer_table import LayerRow

KINDS = ".pt, .safetensors, .onnx, .h5, .keras, .npz, a TF1 checkpoint"
PARTS = "Parts of a state_dict or checkpoint"
COLUMNS = ("layer", "kind", "directions", "units", "parameters", "on a GPU")
Force = Annotated[bool, typer.Option("--force", help="overwrite an existing file")]


def _option(help_: str, metavar: str, *names: str) -> Any:
    return typer.Option(*names, help=help_, rich_help_panel=PARTS, metavar=metavar)


def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help=f"{KINDS}, or models:/NAME@best")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE.keras", help="the Keras model")],
    verify: Annotated[
        bool | None,
        typer.Option("--verify/--no-verify", help="verify against the framework, or fail (default: if installed)"),
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="'inputs' and 'outputs' of the source model, to compare with")
    ] = None,
    prefix: Annotated[list[str] | None, _option("which stack; repeatable, in their order", "MODULE")] = None,
    embedding: Annotated[str | None, _option("embedding below the stack", "KEY")] = None,
    no_embedding: Annotated[bool, _option("no embedding", "", "--no-embedding")] = False,
    head: Annotated[list[str] | None, _option("linear layer on top; repeatable, lowest first", "KEY")] = None,
    no_head: Annotated[bool, _option("no linear layer", "", "--no-head")] = False,
    leave_out: Annotated[list[str] | None, _option("key or module to ignore; repeatable", "KEY")] = None,
    between: Annotated[
        list[str] | None,
        _option("activations and norms behind the stack, such as relu,dropout; repeatable, upwards", "LIST"),
    ] = None,
    order: Annotated[str | None, _option("all modules and activations, such as norm,lstm,relu,fc", "LIST")] = None,
    initial_state: Annotated[list[str] | None, _option("learned initial state; repeatable, h before c", "KEY")] = None,
    last: Annotated[bool, _option("output the last step only", "", "--last")] = False,
    masked: Annotated[bool, _option("second input 'mask', for sequences of different lengths", "", "--masked")] = False,
    activation: Annotated[
        str | None, _option("activation of a plain RNN, or of Keras weights: tanh (default), relu", "NAME")
    ] = None,
    recurrent_activation: Annotated[
        str | None, _option("activation of gates in Keras weights, such as hard_sigmoid", "NAME")
    ] = None,
    scope: Annotated[list[str] | None, _option("TF1: scope of the cells; repeatable, lowest first", "NAME")] = None,
    before: Annotated[
        list[str] | None, _option("TF1: linear layer or activation before the cells; repeatable, lowest first", "KEY")
    ] = None,
    forget_bias: Annotated[float | None, _option("TF1: bias added to the forget gate (default: 1)", "NUMBER")] = None,
    reset_after: Annotated[
        bool | None,
        typer.Option("--reset-after/--reset-before", help="ONNX: for every GRU, overriding linear_before_reset"),
    ] = None,
    force: Force = False,
    store: Annotated[
        str | None,
        typer.Option(metavar="URI", help="for models:/NAME@best: MLflow tracking URI (default: ./mlruns/mlflow.db)"),
    ] = None,
) -> None:
    """Import a trained recurrent stack of another framework into Keras, and verify that it is the same."""
    if output.suffix != ".keras":
        raise UserError(f"{output}: expected a name that ends in .keras")
    atomic_file.expect_folder(output)
    if output.exists() and not force:
        raise UserError(f"{output}: already exists; it is not overwritten without --force")
    options: dict[str, Any] = {"prefix": prefix or None, "activation": activation}
    options |= {"embedding": _or_none("embedding", embedding, no_embedding), "head": _or_none("head", head, no_head)}
    options |= {"scopes": scope or None, "forget_bias": forget_bias, "reset_after": reset_after}
    options |= {"leave_out": leave_out or None, "between": between or None, "order": order}
    options |= {"initial_state": initial_state or None, "recurrent_activation": recurrent_activation}
    options |= {"before": before or None}
    options |= {"every_step": False if last else None, "masked": True if masked else None}
    options = {name: value for name, value in options.items() if value is not None}
    registered = file.startswith("models:")
    if registered:
        _check_registered(file, options if reference is None else options | {"reference": reference})
    with waiting(f"importing {file}"), startup.quiet(), option_spelling.of_commands():
        imported = _registered(file, store, verify) if registered else _imported(file, verify, reference, options)
        rows = _rows(imported)
    from rich.text import Text

    console.print(Text.assemble((file, "bold"), f": {imported.source}"), soft_wrap=True)
    console.print(_table(rows))
    _lines([str(imported.verified) if imported.verified else _not_verified(imported, verify), *imported.notes])
    try:
        atomic_file.through(output, imported.model.save)
    except OSError as error:
        raise UserError(f"{output}: {error.strerror}") from error
    _lines([f"Written: {output}"])


def _or_none(name: str, value: Any, none: bool) -> Any:
    """The key, or False where there is to be none."""
    if none and value:
        keys = value if isinstance(value, str) else ", ".join(value)
        raise UserError(f"--{name}: received {keys} and --no-{name}, expected one of the two")
    return False if none else value or None


def _check_registered(address: str, options: dict[str, Any]) -> None:
    """Refuse options that would be ignored: a registered model is a whole Keras model, compared with MLflow's outputs."""
    if names := [option_names.flag(name, value) for name, value in options.items()]:
        valid = "--output, --verify, --store, --force"
        raise UserError(f"{address}: {', '.join(names)}: no option for a model of the registry. Options: {valid}")


def _imported(file: str, verify: bool | None, reference: Path | None, options: dict[str, Any]) -> "ImportedModel":
    from gru_tf.interchange import importing

    return importing.import_file(file, verify=verify, reference=reference, **options)


def _registered(address: str, store: str | None, verify: bool | None) -> "ImportedModel":
    from gru_tf.suite.tracking import from_registry

    return from_registry.bring(address, store, verify)


def _rows(imported: "ImportedModel") -> "list[LayerRow]":
    from gru_tf.interchange import layer_table

    return list(layer_table.rows(imported.model, imported.network))


def _not_verified(imported: "ImportedModel", verify: bool | None) -> str:
    from gru_tf.interchange.differences import coverage

    return f"not verified: {_why_not(imported, verify)}{coverage(imported.scope, imported.uncovered, compared=False)}"


def _why_not(imported: "ImportedModel", verify: bool | None) -> str:
    if verify is False:
        return "--no-verify"
    if imported.unverified:
        return imported.unverified
    from gru_tf.interchange import importing

    return f"{importing.not_installed(imported.source)}, and there is no --reference"


def _table(rows: "Iterable[LayerRow]") -> "FittedTable":
    from rich.text import Text

    from gru_tf.commands.fitted import FittedTable
    from gru_tf.commands.screen import NARROW

    table = FittedTable(**NARROW)
    for name in COLUMNS:
        folded = name in ("layer", "on a GPU")  # may be long; the numbers are never cut for them
        justify: Literal["left", "right"] = "right" if name in ("units", "parameters") else "left"
        table.add_column(name, justify=justify, no_wrap=not folded, overflow="fold")
    for row in rows:
        each = row.units if isinstance(row.units, tuple) else () if row.units is None else (row.units,)
        units = " + ".join(f"{number:,}" for number in each)
        table.add_row(*map(Text, (row.layer, row.kind, row.directions, units, f"{row.parameters:,}", row.path)))
    return table


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
    streaming: Annotated[
        bool, typer.Option("--streaming", help=".tflite: one step per call, with states as inputs and outputs")
    ] = False,
    quantize: Annotated[
        Literal["int8"] | None, typer.Option(metavar="TYPE", help=".onnx, .tflite: store weights as int8")
    ] = None,
    force: Force = False,
) -> None:
    """Export a Keras model to another runtime, and verify it there if that is installed."""
    atomic_file.expect_folder(output)
    options: dict[str, Any] = {"timesteps": timesteps, "streaming": streaming, "quantize": quantize}
    with waiting(f"exporting {model}"), startup.quiet(), option_spelling.of_commands():
        from gru_tf.interchange import exporting

        options = {name: value for name, value in options.items() if value}
        verification = exporting.export_model(model, output, overwrite=force, **options)
    _lines([verification, f"Written: {output}"])
