"""What a node makes of its coordinator's silence and of a broken connection, by a clock that the test turns."""

import math

from hil.bus.presence import GONE_S, Presence


def test_a_broken_connection_ends_the_lead_at_once_and_the_coordinator_soon():
    seen = Presence("tcp://x:1", 5.0, 0.0)
    seen.connected()
    seen.hear(10.0)
    assert seen.led_s == 10.0
    seen.disconnected(10.1)
    assert seen.led_s == -math.inf and seen.news(10.1 + GONE_S) is None
    assert seen.news(10.2 + GONE_S).gone and seen.gone
    assert seen.news(10.3 + GONE_S) is None  # said once


def test_a_connection_that_comes_back_in_time_is_no_death():
    seen = Presence("tcp://x:1", 5.0, 0.0)
    seen.hear(10.0)
    seen.disconnected(10.1)
    seen.connected()
    assert seen.news(14.0) is None and seen.led_s == 10.0
    silence = seen.news(15.1)  # it is there, and does not answer
    assert not silence.gone and seen.silent and seen.news(15.2) is None and not seen.news(20.2).gone
    seen.hear(21.0)
    assert not seen.silent


def test_who_was_never_heard_is_not_dead_but_not_yet_there():
    seen = Presence("tcp://x:1", 5.0, 0.0)
    seen.disconnected(0.1)
    assert seen.news(4.9) is None and not seen.news(5.1).gone
