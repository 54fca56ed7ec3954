"""Whom the receiver waits for in a slot: everybody who may still be heard, and no one else."""

from hypothesis import given
from hypothesis import strategies as st

from hil.bus.messages import Grant, Link, Sent, Start
from hil.session.slot import Slot

USERS = 4
some_users = st.sets(st.integers(0, USERS - 1))


def slot_of(lost_before: set[int], lost_since: set[int], told: set[int], true: set[int]) -> Slot:
    """A slot that was granted without `lost_before`; `lost_since` were lost during it."""
    grant = Grant(2, 2, 0, None, lost_users=sorted(lost_before))
    links = {user: Link(user, 0, 0.0, 0.0, 0.0, [], [], 0.1) for user in true}
    sent = {user: Sent(2, 2, user) for user in told}
    return Slot(grant, Start(100, 10), sent=sent, links=links, lost=lost_since)


@given(some_users, some_users, some_users, some_users)
def test_only_users_who_are_not_lost_are_waited_for(lost_before, lost_since, told, true):
    slot = slot_of(lost_before, lost_since, told, true)
    assert slot.alive(USERS) == {user for user in range(USERS) if user not in lost_before and user not in lost_since}
    awaited = [user for user in range(USERS) if user not in lost_before and user not in lost_since]
    assert slot.ground_truth_here(USERS, with_air=False) == all(user in told for user in awaited)
    assert slot.ground_truth_here(USERS, with_air=True) == all(user in told and user in true for user in awaited)
