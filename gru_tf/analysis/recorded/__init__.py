"""Results as a folder that is kept beside the experiment: what was found, by which protocol, on which machine, how long.

`README.md` to read, `table.csv`, `runs.csv` and `published.csv` to compute with, `figure.svg` to look at, `record.json` for
how they came about; `second.md`, `second.csv` and `second.json` where the experiment was run again with other seeds.
"""

from gru_tf.analysis.recorded.folder import write as write
from gru_tf.analysis.recorded.missing import expect_whole as expect_whole
from gru_tf.analysis.recorded.second import compare as compare

__all__ = ["compare", "expect_whole", "write"]
