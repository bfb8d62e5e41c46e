"""Chronological initial values: gates that begin with memories of 1 to T_max steps.

    u ~ U(1, T_max − 1);   b = log u of what keeps, −log u of what writes       (Tallec and Ollivier 2018, sec. 3)

A unit that keeps the share σ(log u) = u / (1 + u) of its state at each step holds it for about 1 + u steps.

Reference: C. Tallec, Y. Ollivier, "Can recurrent neural networks warp time?", arXiv 1804.11188, 2018.
"""

from typing import Any

import keras
from keras import ops

from gru_tf.recurrent.cells._arguments import expect
from gru_tf.recurrent.cells._ranges import Whole

LONGEST = Whole(3, 1_000_000)  # with 2 the biases would all be log 1


def lengths(who: str, longest: Any, use_bias: bool) -> Any:
    """The initializer of u; None where `longest` is.

    Raises:
        ValueError: where T_max is neither None nor a whole number of at least 3, or there is no bias to start.
    """
    expect(longest is None or longest in LONGEST, who, "longest", f"None or {LONGEST}", longest)
    expect(longest is None or use_bias, who, "longest", "None with use_bias=False", longest)
    return None if longest is None else keras.initializers.RandomUniform(1, longest - 1)


def logarithms(lengths: Any, units: int, dtype: Any) -> Any:
    """The logarithm of each unit's u, (H,)."""
    return ops.log(lengths((units,), dtype=dtype))
