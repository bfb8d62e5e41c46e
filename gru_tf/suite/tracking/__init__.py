"""MLflow: one experiment a file, a parent run for the experiment, a child for every trial and every final seed.

The store is the only memory: tables, resume and reports read it and nothing else. One process writes it.
"""

import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # a private experiment reports to nobody

from gru_tf.suite.tracking.errors import StoreError as StoreError
from gru_tf.suite.tracking.errors import answering as answering
from gru_tf.suite.tracking.record import Record as Record
from gru_tf.suite.tracking.store import Store as Store
from gru_tf.suite.tracking.store import default_uri as default_uri
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
