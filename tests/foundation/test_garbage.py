"""The collector is off in the block and afterwards as it was before, also where the block fails."""

import gc

import pytest

from gru_tf.foundation import garbage


def test_paused_in_the_block_alone():
    assert gc.isenabled()
    with garbage.paused():
        assert not gc.isenabled()
        with garbage.paused():
            assert not gc.isenabled()
        assert not gc.isenabled(), "the outer block has not ended"
    assert gc.isenabled()


def test_on_again_after_a_failure():
    with pytest.raises(ZeroDivisionError), garbage.paused():
        1 / 0  # noqa: B018
    assert gc.isenabled()


def test_left_off_where_it_was_off():
    gc.disable()
    try:
        with garbage.paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
