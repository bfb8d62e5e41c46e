"""Covariates that give a target away before it comes: a column of tomorrow's values, say, joined to today's row.

What the last row of the target explains of its next one is taken out of both; a covariate whose rest then agrees with the
rest of the target, by a correlation of 0.95 or more, knows what nobody could. By the rows to train on alone.
"""

from collections.abc import Iterator

import numpy as np

from gru_tf.tasks import Array
from gru_tf.tasks.own._options import ForecastOptions

AGREES = 0.95  # correlation with what the last value leaves open
FEWEST = 30  # pairs of rows
MOST = 20_000  # that are looked at, the first ones


def notes_on_giveaways(
    options: ForecastOptions, rows: Array, names: tuple[str, ...], firsts: Array, training: Array
) -> Iterator[str]:
    """A sentence on each covariate that gives a target away.

    Args:
        options: with targets, covariates and horizon.
        rows: (rows, inputs) encoded, series by series.
        names: of the inputs.
        firsts: (rows,) the first row of the series of each.
        training: (rows,) whether it is a row to train on.
    """
    targets, now = len(options.target), np.arange(len(rows))
    known = {}
    for ahead in range(1, options.horizon + 1):
        before = now[:-ahead]
        known[ahead] = before[(firsts[before] == firsts[before + ahead]) & training[before + ahead]][:MOST]
    for place, name in enumerate(names[targets:], targets):
        if name in options.known:
            continue
        agreement = {
            (ahead, target): _agreement(rows, pairs, ahead, target, place)
            for ahead, pairs in known.items()
            for target in range(targets)
        }
        ahead, target = max(agreement, key=lambda pair: agreement[pair])
        if agreement[ahead, target] >= AGREES:
            steps = f"{ahead} row{'s' * (ahead > 1)} ahead"
            given = f"'{name}' gives '{options.target[target]}' away {steps}, almost exactly"
            yield f"{given}: is it known by then? If not, leave it out of the covariates."


def _agreement(rows: Array, pairs: Array, ahead: int, target: int, covariate: int) -> float:
    """|correlation| of a covariate and the target so many rows later, without what the target's own last row explains."""
    if len(pairs) < FEWEST:
        return 0.0
    own = rows[pairs, target].astype(np.float64)
    rests = [_rest(values.astype(np.float64), own) for values in (rows[pairs, covariate], rows[pairs + ahead, target])]
    spreads = [rest.std() for rest in rests]
    if min(spreads) < 1e-6 * max(1.0, own.std()):
        return 0.0
    return abs(float(np.mean(rests[0] * rests[1]) / (spreads[0] * spreads[1])))


def _rest(values: Array, own: Array) -> Array:
    """What a line through the target's last row leaves of values."""
    centred, known = values - values.mean(), own - own.mean()
    spread = float(known @ known)
    return np.asarray(centred - known * (float(centred @ known) / spread if spread else 0.0))
