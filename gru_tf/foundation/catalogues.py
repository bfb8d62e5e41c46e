"""The catalogues of this package: what can be named in an experiment, found without importing it."""

from gru_tf.foundation.catalogue import Catalogue

CELLS = Catalogue(kind="cell", package="gru_tf.recurrent.cells", attribute="CELL")
TASKS = Catalogue(kind="task", package="gru_tf.tasks", attribute="TASK", by_kind=True)
BASELINES = Catalogue(kind="baseline", package="gru_tf.baselines", attribute="BASELINE", by_kind=True)
