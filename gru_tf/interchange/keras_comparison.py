"""The comparison of a Keras file's model with its framework: on sizes that both compute, and what masks were compared."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from gru_tf.foundation.errors import UserError, one_line
from gru_tf.interchange import masked_steps, random_inputs, verification
from gru_tf.interchange.differences import Verified
from gru_tf.interchange.source import BATCHES, Computation

ADVICE = "in the source, give the layers after it their mask by the argument `mask`, and save it again"


def compare(content: Any, by: str, run: Computation) -> Verified:
    """Compare all outputs and states; sizes that the framework does not compute, such as too few steps, are left out.

    Args:
        content: that was read, a `gru_tf.interchange.keras.legacy.LegacyModel`.
        by: name of the framework.
        run: its computation.

    Raises:
        UserError: where they differ, and where the framework or Keras computes none of these sizes.
    """
    try:
        return _compare(content, by, run, content.lengths, BATCHES)
    except UserError as error:
        if not content.masks or "not the same" not in str(error):
            raise
        raise UserError(f"{error}; {content.masks}: {ADVICE}") from None
    except Exception as error:  # frameworks raise anything where sizes do not fit
        sizes = list(_computed(content, run))
        batches = tuple(batch for batch in BATCHES if any(batch == each for each, _ in sizes))
        lengths = tuple(steps for steps in content.lengths if batches and all((batch, steps) in sizes for batch in batches))
        if not lengths or len(sizes) == len(BATCHES) * len(content.lengths):
            raise UserError(f"expected a model that Keras can run. Received: {one_line(error)}") from None
    return _compare(content, by, run, lengths, batches)


def _compare(content: Any, by: str, run: Computation, lengths: tuple[int, ...], batches: tuple[int, ...]) -> Verified:
    with masked_steps.never_masked(content.model) as never:
        verified = verification.verify_model(content.model, run, by=by, lengths=lengths, batches=batches)
    return replace(verified, uncovered=tuple(f"steps that '{name}' masks" for name in sorted(never)))


def _computed(content: Any, run: Computation) -> Iterator[tuple[int, int]]:
    """Sequences and steps that the framework and the model compute."""
    for batch in BATCHES:
        for steps in content.lengths:
            arrays = random_inputs.of_model(content.model, batch, steps, np.random.default_rng(0))
            inputs = random_inputs.argument(list(arrays.values()))
            try:
                run(inputs)
                content.model(inputs, training=False)
            except Exception:  # noqa: S112  # which one does not matter: this size is left out
                continue
            yield batch, steps
