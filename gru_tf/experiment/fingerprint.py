"""The hash of what is trained: the same for what was written before a field existed and for its default since."""

import json
from typing import Any

from gru_tf.experiment.specs import PINNED, Spec
from gru_tf.foundation.digest import sha256_of_text

# fields of an experiment that change no result, and so no fingerprint
BESIDE = ("claims", "published", "timing", "protocol", "not_followed", "smaller")


def fingerprint_of(spec: Spec, without: dict[str, Any]) -> str:
    """16 digits.

    Args:
        spec: a run or an experiment.
        without: fields that are no part of it, as `model_dump` excludes them.
    """
    content = spec.model_dump(mode="json", exclude=without)
    if content.get("split_seed", 0) is None:
        del content["split_seed"]  # as it was before a task could draw a split
    if (content.get("search") or {}).get("shared"):
        del content["search"]["shared"]  # as it was before there was a choice, when every search was
    if content.get("baselines") is True:
        del content["baselines"]  # likewise
    if content.get("model", {}).get(PINNED):
        del content["model"]["from"]  # the content of the file decides the numbers, not its path
    if content.get("replicates"):
        del content["replicates"]["minutes"]
    else:
        content.pop("replicates", None)
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return sha256_of_text(canonical)[:16]
