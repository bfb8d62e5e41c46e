"""What a call is refused with."""

import pytest

from gru_tf.foundation.errors import UserError


def refused(call, *words):
    """The message, in one line, with these words."""
    with pytest.raises(UserError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message
    return message
