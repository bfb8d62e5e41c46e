"""A recommendation in words: headings and a text below each."""

import math
from collections.abc import Iterable, Sequence

from gru_tf.analysis.answer.beside import against
from gru_tf.analysis.evidence import CellEvidence, TaskEvidence
from gru_tf.analysis.pairwise import CORRECTED, TESTS
from gru_tf.analysis.recommendation.rule import Selection
from gru_tf.analysis.statistics.unpaired import SampleComparison
from gru_tf.analysis.table import Row
from gru_tf.analysis.table_text import centre
from gru_tf.analysis.wording import cell_name, cell_names, difference, listed, p_value, sentence
from gru_tf.experiment.result import sign
from gru_tf.foundation.errors import counted

Lines = tuple[tuple[str, str], ...]  # (heading, text), in the order in which they are read


def nothing(task: TaskEvidence) -> Lines:
    """The advice where no cell has a result."""
    return ("Recommended", "no recommendation: no run has finished."), (
        "Why",
        _unfinished(task) or "no run has finished yet.",
    )


def lines(task: TaskEvidence, selection: Selection, trivial: str, model: str) -> Lines:
    """The advice where a cell was selected.

    Args:
        task: the evidence that it was selected by.
        selection: the cell, and beside which others.
        trivial: what the baseline is, in words.
        model: where the cell's trained model is.
    """
    texts = (
        ("Recommended", _first(task, selection, trivial)),
        ("How sure", " ".join(filter(None, [_certainty(task, selection), _marked(selection), _unfinished(task)]))),
        ("Cost", _costs(task, selection.cell, [cell.row for cell in selection.tested.values()])),
        ("Against the baseline", _against(selection.cell, trivial)),
        ("Without recurrence", _without(task, selection)),
        ("Trained model", model),
    )
    return tuple((heading, text) for heading, text in texts if text)


def other(task: TaskEvidence, selection: Selection) -> CellEvidence | None:
    """The best model without a recurrent network, where it is better than the selected cell's mean and the baseline."""
    best = task.best_baseline
    own, mean = (best.row.oriented if best else None), selection.cell.row.oriented
    if own is None or mean is None or own <= mean:
        return None
    return best if task.chance is None or own > sign(task.direction) * task.chance else None


def _first(task: TaskEvidence, selection: Selection, trivial: str) -> str:
    row, model = selection.cell.row, other(task, selection)
    if model is not None and model.row.test is not None:
        which = "The best network" if selection.cell.cell == task.best else "The network to take"
        network = f"{which}, {_recommended(row)[:-1]}"
        test = f"test {row.metric} {model.row.test.mean:.4g}, {against(task, model.cell)}"
        return f"{model.cell}, without a recurrent network: {test}. {network}."
    return _baseline_instead(row, trivial) if selection.baseline else _recommended(row)


def _without(task: TaskEvidence, selection: Selection) -> str:
    """The models without a recurrent network, the best first."""
    known = [model for model in task.baselines if model.row.test is not None and model.row.oriented is not None]
    if not known:
        return ""
    order = sorted(known, key=lambda model: -(model.row.oriented or 0.0))
    values = ", ".join(f"{model.cell} {model.row.test.mean:.4g}" for model in order if model.row.test)
    pick = cell_name(selection.cell.cell)
    model = other(task, selection)
    if model is None:
        ahead = (order[0].row.oriented or 0.0) > (selection.cell.row.oriented or 0.0)
        return f"{values}: none is ahead of {'the baseline' if ahead else f'the mean of {pick}'}."
    return f"{values}. Predictions from the store use {model.cell}; {pick}'s network is kept as well."


def _recommended(row: Row) -> str:
    return f"{cell_name(row.cell)} with {row.units:,} units: test {row.metric} {_mean(row)}."


def _baseline_instead(row: Row, trivial: str) -> str:
    return (
        f"the baseline ({trivial}): its test {row.metric} is {row.chance:.4g}, and no cell does better."
        f" {cell_name(row.cell)} has {_mean(row)}."
    )


def _mean(row: Row) -> str:
    return centre(row)


def _certainty(task: TaskEvidence, selection: Selection) -> str:
    """Which differences are significant, how large they are, and why this cell of several that do not differ."""
    pick, pairs = selection.cell.cell, sorted(selection.pairs, key=lambda pair: pair.difference.mean)
    if not pairs:
        return f"{cell_name(pick)} is the only cell with results, so there is no comparison."
    if task.first_look:
        return _undecided(task, pairs)
    if not any(math.isfinite(pair.p_holm) for pair in pairs):
        return "Inconclusive: only one seed was compared, and another seed may reverse the order; run more seeds."
    clear = [pair.second for pair in pairs if pair.better]
    alike = [pair.second for pair in pairs if pair.equivalent]
    open_ = [pair.second for pair in pairs if pair.second not in (*clear, *alike)]
    groups = (("significantly different from", clear), ("equivalent to", alike), ("inconclusive against", open_))
    verdicts = ", ".join(f"{words} {cell_names(names)}" for words, names in groups if names)
    means = [_difference(pair) for pair in pairs if pair.test != "rates"]
    rates = [_rate_difference(pair) for pair in pairs if pair.test == "rates"]
    text = [f"{cell_name(pick)}'s {selection.cell.row.metric} is {', and '.join(means)}"] if means else []
    text += [f"{cell_name(pick)} learned {', and '.join(rates)}"] if rates else []
    more = " More replicates are needed to decide." if open_ else ""
    tests = listed([TESTS[test] for test in dict.fromkeys(pair.test for pair in pairs)])
    return f"{sentence(verdicts)}: {_over(pairs)} {', and '.join(text)} ({tests}; {CORRECTED}).{_preferred(selection)}{more}"


def _undecided(task: TaskEvidence, pairs: Sequence[SampleComparison]) -> str:
    """How far the means go that no test was made of: there are fewer replicates than the first look has."""
    replicates = max(count for pair in pairs for count in pair.counts[:1])
    means = [_untested(pair) for pair in pairs]
    only = f"Not decided: {counted(replicates, 'replicate')}, and comparisons begin at {task.first_look}"
    return (
        f"{only}; more may reverse the order. The mean of {cell_name(pairs[0].first)} is {', and '.join(means)}, untested."
    )


def _marked(selection: Selection) -> str:
    """What keeps a cell from being at its best, and what mends it."""
    marked = [
        f"{cell_name(label)}: {cell.marks[0].what}; {cell.marks[0].mend}"
        for label, cell in selection.tested.items()
        if cell.marks
    ]
    return f"Not at their best: {'; '.join(marked)}." if marked else ""


def _over(pairs: Sequence[SampleComparison]) -> str:
    counts = sorted({count for pair in pairs for count in pair.counts})
    number = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"over {number} seeds" if counts[-1] > 1 else "with one seed"


def _preferred(selection: Selection) -> str:
    """Why this one of several of which none is better."""
    pick, others = selection.cell, [label for label in selection.candidates if label != selection.cell.cell]
    if not others:
        return ""
    tied = [label for label in others if selection.tested[label].row.oriented == pick.row.oriented]
    too = f", as {'do' if len(tied) > 1 else 'does'} {cell_names(tied)}" if tied else ""
    best = f"has the best mean{too}, and no other trains clearly faster"
    why = best if pick.cell == selection.best else "trains faster"
    between = "Between" if len(others) == 1 else "Among"
    alike = any(pair.equivalent and pair.second in others for pair in selection.pairs)
    no = "no difference beyond the margin" if alike else "no significant difference"
    return f" {between} {cell_names([pick.cell, *others])} there is {no}: {cell_name(pick.cell)} {why}."


def _difference(pair: SampleComparison) -> str:
    known = math.isfinite(pair.difference.mean) and pair.difference.mean != 0
    return f"{_untested(pair)}, {p_value(pair.p_holm)}" if known else _untested(pair)


def _untested(pair: SampleComparison) -> str:
    """The same without a p-value."""
    mean = pair.difference.mean
    if math.isnan(mean):
        return f"not comparable with {cell_name(pair.second)}'s"
    if mean == 0:
        return f"equal to {cell_name(pair.second)}'s"
    seen = pair if mean > 0 else pair.seen_from(pair.second)
    by = difference(seen.difference)
    return f"{'better' if mean > 0 else 'worse'} than {cell_name(pair.second)}'s by {by}"


def _rate_difference(pair: SampleComparison) -> str:
    mean = pair.difference.mean
    if mean == 0:
        return f"as often as {cell_name(pair.second)}"
    seen = pair if mean > 0 else pair.seen_from(pair.second)
    often = "more" if mean > 0 else "less"
    return f"{often} often than {cell_name(pair.second)} by {difference(seen.difference)}, {p_value(pair.p_holm)}"


def _costs(task: TaskEvidence, cell: CellEvidence, tested: Iterable[Row]) -> str:
    row, seconds = cell.row, sorted(cell.training_seconds.values())
    parts = [f"{row.parameters:,} parameters"] if row.parameters is not None else []
    if row.step_ms is not None:
        others = [(other.cell, other.step_ms) for other in tested if other.cell != row.cell]
        known = [(label, _times(task, label, row.cell, step / row.step_ms)) for label, step in others if step is not None]
        ratios = ", ".join(f"{cell_name(label)} {times}" for label, times in known)
        parts.append(f"{row.step_ms:.3g} ms per training step" + (f" ({ratios})" if ratios else ""))
    if seconds:
        middle = seconds[len(seconds) // 2]
        parts.append(f"{middle:.2g} s of training per seed" if middle < 10 else f"{middle:,.0f} s of training per seed")
    return f"{', '.join(parts)}." if parts else ""


def _times(task: TaskEvidence, first: str, second: str, medians: float) -> str:
    """How many times as long a step takes, with the interval where it was timed apart."""
    known = task.step_ratio(first, second)
    return f"{known.mean:.2f}× [{known.low:.2f}, {known.high:.2f}]" if known else f"{medians:.2g}×"


def _against(cell: CellEvidence, trivial: str) -> str:
    row = cell.row
    if row.chance is None or row.test is None:
        return ""
    if row.test.low == row.test.high == row.chance:
        return f"{trivial}: {row.metric} {row.chance:.4g}. {cell_name(row.cell)} has the same at every seed."
    if not math.isfinite(row.test.low):
        sure = "one seed, no interval"
    elif row.test.low <= row.chance <= row.test.high:
        sure = "its interval includes the baseline"
    else:
        sure = "its interval excludes the baseline"
    verdict = "no better" if cell.mean_beats_chance is False else "better"
    return f"{trivial}: {row.metric} {row.chance:.4g}. {cell_name(row.cell)} is {verdict}; {sure}."


def _unfinished(task: TaskEvidence) -> str:
    rows = [cell.row for cell in task.cells if cell.row.seeds < cell.row.wanted]
    short = [f"{cell_name(row.cell)} {row.wanted - row.seeds} of {row.wanted}" for row in rows]
    return f"Seeds that did not finish: {', '.join(short)}." if short else ""
