"""The tags by which runs in the store are known again, and the states that MLflow knows of a run."""

KIND, FINGERPRINT, MEMBER, RESULT = "gru_tf.kind", "gru_tf.fingerprint", "gru_tf.experiment", "gru_tf.result"
DEFINITION = "gru_tf.definition"
COORDINATOR, HOST, PROCESS, BEAT = "gru_tf.coordinator", "gru_tf.host", "gru_tf.process", "gru_tf.sign_of_life"
FINISHED, FAILED, RUNNING, KILLED = "FINISHED", "FAILED", "RUNNING", "KILLED"
