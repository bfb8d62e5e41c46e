"""Are two means the same for every practical purpose? Two one-sided t tests against a margin that is stated beforehand.

D. J. Schuirmann, A comparison of the two one-sided tests procedure and the power approach for assessing the equivalence of
average bioavailability, 1987: the difference is both above −margin and below +margin, each by a one-sided test at 5 %; the
larger p-value counts, without a correction for two. No significant difference is not equivalence: five replicates that
scatter show neither.

The margin is 1 % of the way from the baseline to a perfect score: 0.9 points of accuracy among ten classes, 0.046 nats of a
next character of a hundred. It is known before any network is trained; it is the same for an accuracy and its error rate, in
any unit, and it does not shrink to nothing where networks are all but perfect, as 1 % of an error would. A perplexity is
the exponential of nats, and its baseline may be a thousand times a model's: there the way is that between the logarithms.

Equivalence has a family of its own for Holm's correction. A pair is wrongly called better only where its means are the same
or the other way round, and wrongly called equivalent only where they are a margin apart: another error, for which 5 % are
allowed once more. The family holds every pair, whatever is known of its difference.
"""

import math

from gru_tf.analysis.statistics.means import MeanTest

SHARE = 0.01


def equivalence_test(test: MeanTest, margin: float) -> float:
    """The p-value of |mean| ≥ margin: small where the mean surely lies between −margin and +margin.

    NaN where the test has too few values, or the margin is NaN.

    Raises:
        ValueError: for a margin that is not above 0.
    """
    if margin <= 0:
        raise ValueError(f"equivalence_test: expected a margin above 0. Received: {margin}")
    below, above = test.p_below(margin), test.p_above(-margin)
    return math.nan if math.isnan(margin) or math.isnan(below) else max(below, above)


def margin_of(chance: float, solved: float, logarithm: bool = False, share: float = SHARE) -> float:
    """A share of the way from the baseline's score to a perfect one, in the metric's units; NaN where there is no way.

    Args:
        chance: the baseline's score.
        solved: the perfect one's.
        logarithm: whether the scores are compared by their logarithms, as perplexities are.
        share: of the way.
    """
    if logarithm and min(chance, solved) <= 0:
        return math.nan
    way = abs(math.log(solved / chance)) if logarithm else abs(solved - chance)
    return share * way if math.isfinite(way) and way > 0 else math.nan
