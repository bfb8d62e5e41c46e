"""The options of sequences and of texts that the user left open: label, id, order, and whether labels are classes."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gru_tf.data.own import columns, files
from gru_tf.data.own.other_tables import ROW
from gru_tf.data.own.sequences import parts
from gru_tf.foundation.errors import UserError, did_you_mean, several
from gru_tf.foundation.option_spelling import spelled
from gru_tf.suite.comparison.guess import groups, lifetimes, per_step, sentinels, wide
from gru_tf.suite.comparison.guess.columns import LABELS, ORDERS, Inference, idle, is_text, named, prose, times

CLASSES = 20  # whole numbers of more values than these are values, not classes
SHOWN = 4  # names in a line
OFTEN = 5  # rows of each label beside a text, where no name says that it is one
FEW = 1_000  # values of a column that may determine the label
IDS = ("id", "sequence", "series", "case", "sample", "recording", "session")

Options = Mapping[str, Any]


def guess(
    path: str, form: str, head: Any, kind: str | None, chosen: Options, inferences: list[Inference]
) -> tuple[dict[str, Any], str]:
    """The options of sequences with a label, and a summary in words; each inferred option is added to `inferences`.

    Args:
        path: of the file.
        form: of the file: "table", "arrays" or "series".
        head: its first rows where it is a table.
        kind: "class" or "value" where the user chose it.
        chosen: the options that the user chose.
        inferences: those so far.

    Raises:
        UserError: where a column or array is not there, or several could be meant.
    """
    options = dict(chosen)
    if form == "table":
        head = columns.joined(head, [chosen[name] for name in ("label", "id", "group") if name in chosen])
        columns.have(head, [chosen[name] for name in ("label", "id", "order", "group") if name in chosen], path)
    if form == "table" and wide.is_wide(head, chosen):
        options |= wide.guess(path, head, chosen, inferences)
        labels = files.read_table(path, [options["label"]])[options["label"]]
    elif form == "table":
        options |= _columns(path, head, chosen, inferences)
        head = columns.joined(head, [options["id"]])
        options |= per_step.of_table(path, head, options, inferences)
        labels = files.read_table(path, [options["label"]])[options["label"]]
        labels = per_step.there(labels) if options.get("per_step") else labels
        _giveaway(path, head, options, inferences)
    elif form == "arrays":
        whole = parts.by_part(files.read_arrays(path))
        arrays = whole["train"]
        options |= per_step.of_arrays(arrays, chosen, inferences)
        labels = _array(path, arrays, chosen)
        labels, shape = per_step.real(arrays, chosen, labels) if options.get("per_step") else parts.flat_labels(labels)
        if shape:
            inferences.append(Inference(shape, ("label",)))
        if "test" in whole and "y" in whole["test"]:
            options["test_path"] = path
            inferences.append(Inference("tests on the file's own arrays for it", ()))
        sentinels.warn_of_arrays(arrays, str((chosen.get("features") or ("X",))[0]), inferences)
        if not {"group", "split"} & chosen.keys():
            inputs, label = chosen.get("features", ("X",))[0], str(chosen.get("label", "y"))
            options |= _one("group", groups.choose(groups.of_arrays(arrays, inputs, label), inferences))
    if form == "series":
        options["kind"] = kind or "class"
        if kind is None:
            inferences.append(Inference("labels are classes, as in most .ts files", ("kind",)))
    else:
        several_values = "labels" in options or np.ndim(labels) > 1
        options["kind"] = kind or ("value" if several_values else None)
        if options["kind"] is None:
            options["kind"] = _kind_of(np.asarray(labels), str(options.get("label", "y")), inferences)
    names = [f"'{name}'" for name in (options.get("label"), *options.get("labels", ())) if name is not None]
    named = f", {several(names, SHOWN)}" if names else ""
    each = f" of each '{options['id']}'" if "id" in options else ""
    whose = "at every step of a sequence" if options.get("per_step") else "of a sequence"
    return options, f"the {options['kind']} {whose}{named}{each}"


def guess_texts(
    path: str, head: Any, kind: str | None, chosen: Options, inferences: list[Inference]
) -> tuple[dict[str, Any], str]:
    """The options of texts with a label, and a summary in words; each inferred option is added to `inferences`.

    Raises:
        UserError: where a column is not there, or several could be meant.
    """
    columns.have(head, [chosen[name] for name in ("text", "label", "group") if name in chosen], path)
    options = dict(chosen)
    if "text" not in options:
        options["text"] = _only(path, "text", [name for name in prose(head) if name != chosen.get("label")], head)
        inferences.append(Inference(f"texts: column '{options['text']}'", ("text",)))
    if "label" not in options:
        options["label"] = _label(path, head, {options["text"], chosen.get("group")}, inferences)
    labels = files.read_table(path, [options["label"]])[options["label"]]
    options["kind"] = kind or _kind_of(np.asarray(labels), options["label"], inferences)
    return options, f"the {options['kind']} of a text, '{options['label']}' of '{options['text']}'"


def beside_text(head: Any, text: str) -> str | None:
    """The only other column of a table of texts where it holds few values, each often, as labels without a name do.

    None where it holds times, or where most texts are the same as others.
    """
    others = [str(name) for name in head.columns if str(name) not in {text, *idle(head)}]
    if len(others) != 1 or others[0] in times(head) or head[text].nunique() < len(head) / 2:
        return None
    counts = head[others[0]].value_counts()
    return others[0] if 1 < len(counts) <= CLASSES and counts.min() >= OFTEN and head[others[0]].dtype.kind != "f" else None


def _columns(path: str, head: Any, chosen: Options, inferences: list[Inference]) -> dict[str, Any]:
    """Label, id and order of a table with one row per step."""
    options: dict[str, Any] = {}
    several_named = [name for option in ("features", "labels") for name in chosen.get(option, ())]
    taken = {value for value in chosen.values() if isinstance(value, str)} | set(several_named)
    runs = lifetimes.lifetimes(head, [chosen["label"]] if "label" in chosen else (), chosen.get("id"))
    if "label" not in chosen:
        options["label"] = runs.label if runs else _label(path, head, taken, inferences)
        taken.add(options["label"])
    if "id" not in chosen and runs is not None:
        options["id"] = runs.id
        taken.add(runs.id)
    elif "id" not in chosen:
        identities = [name for name in ids(head) if name not in taken]
        options["id"] = _together(head, _only(path, "id", identities, head), taken)
        taken |= {options["id"], *options["id"].split(columns.JOINT)}
        head = columns.joined(head, [options["id"]])
        inferences.append(Inference(f"rows with the same '{options['id']}' form one sequence", ("id",)))
    if "order" not in chosen:
        known = [runs.order] if runs is not None and runs.order is not None else []
        orders = [name for name in dict.fromkeys([*known, *named(head, ORDERS), *times(head)]) if name not in taken]
        if orders:
            options["order"] = orders[0]
        inferences.append(Inference(f"ordered by '{orders[0]}'" if orders else "steps in row order", ("order",)))
    unnamed, others = idle(head), {*taken, *options.values()}
    others |= set(chosen.get("labels", ()))
    left = [str(name) for name in head.columns if name not in {*others, *unnamed}]
    identity, free = str(chosen.get("id", options.get("id"))), not {"group", "split"} & chosen.keys()
    free = free and runs is None  # each run is a group of its own
    candidates = groups.of_columns(path, head, identity, [n for n in left if free or groups.called_group(n)])
    together = identity.split(columns.JOINT) if columns.JOINT in identity else []
    options |= _one("group", groups.choose([*candidates, *together], inferences) if free else None)
    if "features" not in chosen:
        whose = {*filter(groups.called_group, candidates)}
        left = [name for name in left if name not in whose]
        if left and (unnamed or whose - {options.get("group")}):
            options["features"] = tuple(left)
        but = "; unnamed columns of row numbers or blanks excluded" if unnamed else ""
        inferences.append(Inference(f"inputs: {several(left, SHOWN)}{but}", ("features",)))
    return options


def _together(head: Any, identity: str, taken: set[Any]) -> str:
    """The id, with a second column where only both tell the sequences apart: steps that come twice under the first alone."""
    orders = [name for name in named(head, ORDERS) if name not in taken and name != identity]
    if not orders or not head.duplicated([identity, orders[0]]).any():
        return identity
    others = [str(n) for n in head.columns if n not in {*taken, identity, orders[0]} and head[n].dtype.kind != "f"]
    others = [name for name in others if not head.duplicated([identity, name, orders[0]]).any()]
    return columns.JOINT.join([identity, min(others, key=lambda name: head[name].nunique())]) if others else identity


def _giveaway(path: str, head: Any, options: Options, inferences: list[Inference]) -> None:
    """List the inferred inputs that determine the label alone: one value in each sequence, one label for each value."""
    if not inferences or inferences[-1].options != ("features",) or options["label"] not in head.columns:
        return
    used = {options.get(name) for name in ("label", "id", "order", "group")} | {*idle(head)}
    names = groups.constant_within(head, options["id"], [str(name) for name in head.columns if name not in used])
    names = [name for name in names if head[name].nunique() <= FEW]
    if not names:
        return
    whole = files.read_table(path, [options["id"], *names, options["label"]])
    for name in names:
        frame = whole[[options["id"], name, options["label"]]].drop_duplicates()
        pairs = frame[[name, options["label"]]].drop_duplicates()
        determines = len(pairs) == pairs[name].nunique() <= len(frame) // 2 and pairs[options["label"]].nunique() > 1
        if determines and frame[options["id"]].is_unique:
            inferences.append(Inference(f"input '{name}' determines '{options['label']}': leave it out?", ("features",)))


def ids(head: Any) -> list[str]:
    """Columns whose name is one of these, or ends like "patient_id"."""
    ending = [str(name) for name in head.columns if str(name).lower().endswith(("_id", " id"))]
    rows = [name for name in named(head, (ROW,)) if head[name].duplicated().any()]  # of lists that were rows
    return list(dict.fromkeys([*named(head, IDS), *ending, *rows]))[:1] or []


def _label(path: str, head: Any, taken: set[Any], inferences: list[Inference]) -> str:
    called = [name for name in named(head, LABELS) if name not in taken]
    taken = {*taken, *idle(head)}
    rest = [str(name) for name in head.columns if name not in taken]
    texts = [name for name in rest if is_text(head[name])]
    name = _only(path, "label", called[:1] or (rest if len(rest) == 1 else texts), head)
    inferences.append(Inference(f"label: column '{name}'", ("label",)))
    return name


def _only(path: str, option: str, candidates: list[str], head: Any) -> str:
    if len(candidates) == 1 or (candidates and option == "text"):
        return candidates[0]
    names = f"Candidates: {several(candidates)}" if candidates else f"Columns: {several(list(map(str, head.columns)))}"
    what = {"label": "of the labels", "id": "that identifies a sequence", "text": "of the texts"}[option]
    raise UserError(f"{path}: specify the column {what} ({spelled(option)}). {names}")


def _one(option: str, value: str | None) -> dict[str, str]:
    return {} if value is None else {option: value}


def _array(path: str, arrays: Mapping[str, Any], chosen: Options) -> Any:
    name = str(chosen.get("label", "y"))
    if name not in arrays:
        near, label = did_you_mean(name, arrays), spelled("label")
        raise UserError(f"{path}: expected an array '{name}' with the labels ({label}).{near} Arrays: {', '.join(arrays)}")
    return arrays[name]


def _kind_of(labels: Any, name: str, inferences: list[Inference]) -> str:
    """The kind "class" for text, truth values and few whole numbers; else "value"."""
    numbers = labels.dtype.kind in "iuf"
    finite = labels[np.isfinite(labels)] if labels.dtype.kind == "f" else labels
    values = len(np.unique(finite.astype(float) if numbers else finite.astype(str)))
    whole = not numbers or bool(np.all(finite == np.round(finite)))
    kind = "class" if not numbers or (whole and values <= CLASSES) else "value"
    why = f"{values} classes" if kind == "class" else f"{values:,} different numbers: a value, not a class"
    inferences.append(Inference(f"'{name}' has {why}", ("kind",)))
    return kind
