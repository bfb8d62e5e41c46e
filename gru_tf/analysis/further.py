"""What is tested beside the score: further metrics, and the score by series, by step ahead or by class; as text.

A number is the mean over the finished seeds. Nothing here is tested for significance: it says where a model is good, not
which of two is better.
"""

from collections.abc import Iterator, Mapping, Sequence

from gru_tf.analysis.table import Row

BY_LENGTH = ("accepted_to", "accepted", "mean_over_lengths", "longer_mean_over_lengths")
ERRORS = ("rmse", "mse", "mae", "mape", "smape", "mase")
ORDER = (*BY_LENGTH, "accuracy", "balanced_accuracy", "macro_f1", "roc_auc", *ERRORS)
COVERAGE = "coverage_"  # metrics that begin so are shares of values inside of an interval
NAIVE = ("naive", "seasonal_naive")
STEPS = 6  # ahead that a table shows
NAMED = 3  # series in a sentence
NONE = "–"
Lines = list[list[str]]  # the names of the columns, then each row


def metrics(block: Sequence[Row]) -> Lines:
    """A row for each model of a task, a column for each further metric; [] where there is one alone, or none."""
    known = dict.fromkeys(name for row in block for name in row.more if name in ORDER or name.startswith(COVERAGE))
    names = [name for name in ORDER if name in known and name != block[0].metric]
    names += [name for name in known if name.startswith(COVERAGE)]
    if len(names) < 2:  # one alone is in the frame of every experiment's runs
        return []
    return [
        ["", *map(heading, names)],
        *([row.cell, *(_entry(row.more.get(name), name) for name in names)] for row in block),
    ]


def heading(metric: str) -> str:
    """A metric's name as a heading: "macro F1", or "in 80 %" for the coverage of an interval."""
    if metric.startswith(COVERAGE):
        return f"in {metric.removeprefix(COVERAGE)} %"
    return {"macro_f1": "macro F1", "roc_auc": "ROC AUC", "mape": "mape %", "smape": "smape %"}.get(
        metric, metric.replace("_", " ")
    )


def by_part(block: Sequence[Row], kind: str, most: int | None = None) -> Lines:
    """A row for each part, a column for each model, of the task's metric; [] where there is no such part.

    Args:
        block: the rows of a task.
        kind: "series", "step", "label" or "length".
        most: parts to show, spread over all of them; None for all.
    """
    metric, models = block[0].metric, [row for row in block if row.parts.get(kind)]
    if not models:
        return []
    names = list(dict.fromkeys(name for row in models for name in row.parts[kind]))
    if most is not None and len(names) > most:
        names = [names[round(place * (len(names) - 1) / (most - 1))] for place in range(most)]
    rows = ([name, *(_entry(row.parts[kind].get(name, {}).get(metric), metric) for row in models)] for name in names)
    return [[kind, *(row.cell for row in models)], *rows]


def confusion(row: Row) -> Lines:
    """Which class was taken for which, in percent of each class's examples; [] where that is not known."""
    by_class = row.parts.get("class", {})
    if not by_class:
        return []
    names = list(by_class)
    lines = [["true class", *(f"taken for {name}" for name in names), "examples"]]
    for name, taken in by_class.items():
        total = sum(taken.values())
        shares = [f"{100 * taken[other] / total:.1f} %" if total else NONE for other in names]
        lines.append([name, *shares, f"{total:,.0f}"])
    return lines


def worse(block: Sequence[Row]) -> Iterator[str]:
    """Of the best cell and the best model without recurrence: on which series it is worse than the naive forecasts."""
    naive = _naive(block)
    if not naive:
        return
    models = [row for row in block if row.cell not in NAIVE and row.oriented is not None]
    for kind in (False, True):
        own = [row for row in models if row.baseline is kind]
        if own and (behind := _behind(max(own, key=lambda row: row.oriented or 0.0), naive)):
            yield behind


def _naive(block: Sequence[Row]) -> dict[str, float]:
    """Series → the metric of the better naive forecast."""
    best: dict[str, float] = {}
    for row in block:
        if row.cell in NAIVE and row.direction == "min":
            for name, values in row.parts.get("series", {}).items():
                if row.metric in values:
                    best[name] = min(best.get(name, values[row.metric]), values[row.metric])
    return best


def _behind(row: Row, naive: Mapping[str, float]) -> str:
    own = {name: values[row.metric] for name, values in row.parts.get("series", {}).items() if row.metric in values}
    behind = {name: value / naive[name] for name, value in own.items() if name in naive and value > naive[name]}
    if not behind:
        return ""
    first = sorted(behind, key=lambda name: -behind[name])[:NAMED]
    examples = ", ".join(f"'{name}' ({row.metric} {own[name]:.3g}, naive {naive[name]:.3g})" for name in first)
    more = f" and {len(behind) - NAMED:,} more" if len(behind) > NAMED else ""
    of = f"{len(behind):,} of {len(own):,} series"
    return f"{row.title}, {row.cell}: worse than a naive forecast on {of}: {examples}{more}."


def _entry(value: float | None, metric: str) -> str:
    if value is None:
        return NONE
    return f"{100 * value:.1f} %" if metric.startswith(COVERAGE) else f"{value:.4g}"
