"""The tags by which runs in the store are recognised, and the states that MLflow knows of a run."""

from collections.abc import Mapping

KIND, FINGERPRINT, MEMBER, RESULT = "gru_tf.kind", "gru_tf.fingerprint", "gru_tf.experiment", "gru_tf.result"
DEFINITION, NOTE = "gru_tf.definition", "gru_tf.note"
MODEL = "gru_tf.model"  # URI of the trained model that a run has
TIMED = "gru_tf.timing"  # how many tasks were timed: where it is absent, no file is looked for
COORDINATOR, HOST, PROCESS, BEAT = "gru_tf.coordinator", "gru_tf.host", "gru_tf.process", "gru_tf.sign_of_life"
FINISHED, FAILED, RUNNING, KILLED = "FINISHED", "FAILED", "RUNNING", "KILLED"

LONGEST = 5000  # characters of a value; MLflow cuts what is longer, from 5,000 or 8,000 on, and JSON that is cut is lost


def parts(key: str, text: str) -> dict[str, str]:
    """The tags that hold a text of any length: itself, or how many parts it has, after these."""
    if len(text) <= LONGEST:
        return {key: text}
    pieces = [text[start : start + LONGEST] for start in range(0, len(text), LONGEST)]
    return {**{f"{key}.{number}": part for number, part in enumerate(pieces)}, key: f"{len(pieces)} parts"}


def whole(tags: Mapping[str, str], key: str) -> str:
    """The text that `parts` has made tags of; "" where there is none."""
    text = tags.get(key, "")
    count, _, word = text.partition(" ")
    return "".join(tags.get(f"{key}.{number}", "") for number in range(int(count))) if word == "parts" else text
