"""Which radios can be used together: by a clock that they share, or by repeating; all others are refused."""

from itertools import product
from types import SimpleNamespace

import pytest

from hil.errors import UsageError
from hil.session.keeping_time import check_receiver, transmits_by_repeating


def radio(timed, shared, repeats):
    can = SimpleNamespace(timed_transmit=timed, shared_clock=shared, repeat_transmit=repeats)
    return SimpleNamespace(uri="fake:7", capabilities=can)


@pytest.mark.parametrize(("timed", "shared", "repeats"), list(product([False, True], repeat=3)))
def test_a_transmitter_goes_by_a_shared_clock_or_repeats_or_is_refused(timed, shared, repeats):
    made = radio(timed, shared, repeats)
    if timed and shared:  # a tick means something only where all count the same ones
        assert transmits_by_repeating(made) is False
    elif repeats:
        assert transmits_by_repeating(made) is True
    else:
        with pytest.raises(UsageError, match=r"fake:7 .* one time source"):
            transmits_by_repeating(made)


@pytest.mark.parametrize(("shared", "repeats"), list(product([False, True], repeat=2)))
def test_a_receiver_needs_the_clock_unless_transmitters_repeat(shared, repeats):
    if shared or repeats:
        check_receiver(radio(False, shared, False), repeats)
    else:
        with pytest.raises(UsageError, match="fake:7 does not share the transmitters' clock"):
            check_receiver(radio(True, shared, True), repeats)
