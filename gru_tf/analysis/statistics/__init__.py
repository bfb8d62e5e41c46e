"""Statistics of scores over seeds and tasks: pure functions on arrays, the same numbers for the same seed.

`intervals.py`: a mean and how sure it is. `paired.py`: two cells at equal seeds, tested, with Holm's correction.
`across.py`: many tasks, by normalised scores and by ranks. `power.py`: how many seeds a comparison would need.
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
