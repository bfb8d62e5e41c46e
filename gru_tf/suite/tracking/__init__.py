"""MLflow: one experiment a file, a parent run for the experiment, a child for every trial and every final seed.

The store is the only memory: tables, resume and reports read it and nothing else. One process writes it.
"""

import os
import warnings
from typing import TYPE_CHECKING

from gru_tf.foundation import lazy

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # a private experiment reports to nobody
# MLflow imports tqdm, which asks notebooks for widgets that nothing here draws with
warnings.filterwarnings("ignore", "IProgress not found")

if TYPE_CHECKING:
    from gru_tf.suite.tracking.address import default_uri as default_uri
    from gru_tf.suite.tracking.errors import StoreError as StoreError
    from gru_tf.suite.tracking.errors import answering as answering
    from gru_tf.suite.tracking.record import Record as Record
    from gru_tf.suite.tracking.store import Store as Store
    from gru_tf.suite.tracking.tags import BEAT as BEAT
    from gru_tf.suite.tracking.tags import COORDINATOR as COORDINATOR
    from gru_tf.suite.tracking.tags import DEFINITION as DEFINITION
    from gru_tf.suite.tracking.tags import FAILED as FAILED
    from gru_tf.suite.tracking.tags import FINGERPRINT as FINGERPRINT
    from gru_tf.suite.tracking.tags import FINISHED as FINISHED
    from gru_tf.suite.tracking.tags import HOST as HOST
    from gru_tf.suite.tracking.tags import KILLED as KILLED
    from gru_tf.suite.tracking.tags import KIND as KIND
    from gru_tf.suite.tracking.tags import MEMBER as MEMBER
    from gru_tf.suite.tracking.tags import PROCESS as PROCESS
    from gru_tf.suite.tracking.tags import RESULT as RESULT
    from gru_tf.suite.tracking.tags import RUNNING as RUNNING

# imported when first used: MLflow takes seconds, and what reads a store in SQLite does without it
_HOMES = {
    "StoreError": "gru_tf.suite.tracking.errors",
    "answering": "gru_tf.suite.tracking.errors",
    "Record": "gru_tf.suite.tracking.record",
    "Store": "gru_tf.suite.tracking.store",
    "default_uri": "gru_tf.suite.tracking.address",
    "BEAT": "gru_tf.suite.tracking.tags",
    "COORDINATOR": "gru_tf.suite.tracking.tags",
    "DEFINITION": "gru_tf.suite.tracking.tags",
    "FAILED": "gru_tf.suite.tracking.tags",
    "FINGERPRINT": "gru_tf.suite.tracking.tags",
    "FINISHED": "gru_tf.suite.tracking.tags",
    "HOST": "gru_tf.suite.tracking.tags",
    "KILLED": "gru_tf.suite.tracking.tags",
    "KIND": "gru_tf.suite.tracking.tags",
    "MEMBER": "gru_tf.suite.tracking.tags",
    "PROCESS": "gru_tf.suite.tracking.tags",
    "RESULT": "gru_tf.suite.tracking.tags",
    "RUNNING": "gru_tf.suite.tracking.tags",
}

__getattr__, __dir__, __all__ = lazy.exports(__name__, _HOMES)
