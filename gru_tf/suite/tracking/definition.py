"""The definition of an experiment as a store holds it: what it left out, the version that wrote it did in one way only."""

import json

from gru_tf.experiment.experiment import STORED, Experiment

ONLY = {"shared": True, "widen": False}  # field of a search → what every search did before there was a choice


def read(text: str) -> Experiment:
    """The experiment of a stored definition, also of one that an earlier version wrote.

    Raises:
        ValidationError: where this version has no such experiment.
    """
    try:
        content = json.loads(text)
        content["search"] = {**ONLY, **content["search"]}
    except (ValueError, KeyError, TypeError):  # no experiment, which the next line says, or one without a search
        return Experiment.model_validate_json(text, context={STORED: True})
    return Experiment.model_validate_json(json.dumps(content), context={STORED: True})
