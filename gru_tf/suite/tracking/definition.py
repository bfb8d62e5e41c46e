"""An experiment's definition as the store holds it."""

import json

from gru_tf.experiment.experiment import Experiment


def read(text: str) -> Experiment:
    """The experiment of a definition; one without `search.shared` is of a time when a search always was.

    Raises:
        pydantic.ValidationError: where it is of another version of this package.
    """
    content = json.loads(text)
    if content.get("search"):
        content["search"].setdefault("shared", True)
    return Experiment.model_validate_json(json.dumps(content))
