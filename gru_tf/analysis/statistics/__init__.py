"""Statistics of scores over seeds and tasks: pure functions on arrays, the same numbers for the same seed.

`intervals.py`: a mean and how sure it is; `scales.py`: so that it stays within what a metric can be; `replicates.py`: for
another test set as well. `paired.py`: two cells at equal seeds, tested, with Holm's correction; `unpaired.py`: two cells of
their own seeds, or a baseline, by `means.py`, `equivalence.py` and, for cells that sometimes fail, `unreliable.py`.
`sequential.py`: replicates until it is known, by the levels of `spending.py`. `across.py` and `signed_ranks.py`: many tasks,
by normalised scores and by ranks. `tuning.py`: whether a search was wide, long and large enough.
"""

from gru_tf.analysis.statistics.intervals import Interval, bootstrap_interval, interval, mean_interval
from gru_tf.analysis.statistics.paired import PairedComparison, compare, compare_all, compare_tasks, correct, holm, t_test

__all__ = [
    "Interval",
    "PairedComparison",
    "bootstrap_interval",
    "compare",
    "compare_all",
    "compare_tasks",
    "correct",
    "holm",
    "interval",
    "mean_interval",
    "t_test",
]
