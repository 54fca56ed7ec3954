"""What a connection has unread, by the kernel's count and ours, on sockets of 127.0.0.1."""

import errno
import os
import socket
from types import SimpleNamespace

import pytest

from radio import backlog
from radio.backlog import Backlog

pytestmark = pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="the kernel does not count what was received")
MOST_BYTES = 1000


@pytest.fixture
def connections():
    """Two connections to a listening socket: its endpoint, the ends that came in, and those that called."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        calling = [socket.create_connection(listening.getsockname(), 60) for _ in range(2)]
        taken = [listening.accept()[0] for _ in calling]
        yield f"tcp://127.0.0.1:{listening.getsockname()[1]}", taken, calling
        for one in (*taken, *calling):
            one.close()


def watched(endpoint):
    """A backlog that looks whenever it is asked."""
    clock = iter(range(0, 1000, 10))
    return Backlog(endpoint, MOST_BYTES, lambda: float(next(clock)))


def frame_of(connection, size):
    """A message's only part, as ZeroMQ says from where it came."""

    class Frame(bytes):
        def get(self, _option):
            return connection.fileno()

    return Frame(size)


def is_open(connection):
    connection.settimeout(0.0)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True


def test_what_is_not_read_is_cut_and_what_is_read_is_not(connections):
    endpoint, (first, _), calling = connections
    looked = watched(endpoint)
    for one in calling:
        one.sendall(bytes(MOST_BYTES + 1))
    looked.took([frame_of(first, MOST_BYTES + 1)])
    assert looked.cut() == 1
    assert calling[1].recv(1) == b"" and is_open(calling[0])


@pytest.mark.parametrize("call", ["listdir", "dup"])
def test_a_moment_without_a_free_descriptor_forgets_nothing(connections, monkeypatch, call):
    """Else whoever had said much before would be cut for it afterwards."""
    endpoint, (first, _), calling = connections
    looked = watched(endpoint)
    calling[0].sendall(bytes(5 * MOST_BYTES))
    looked.took([frame_of(first, 5 * MOST_BYTES)])
    assert looked.cut() == 0

    def none_left(_):
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as starved:
        starved.setattr(backlog, "os", SimpleNamespace(**vars(os) | {call: none_left}))
        assert looked.cut() == 0
    assert looked.cut() == 0 and is_open(calling[0])


def test_a_number_that_changes_hands_while_it_is_looked_at_cuts_nobody_else(connections, monkeypatch):
    endpoint, (first, _), calling = connections
    looked, count = watched(endpoint), backlog._received_bytes
    calling[0].sendall(bytes(MOST_BYTES + 1))
    innocent, other_end = socket.socketpair()

    def reused(connection):
        received = count(connection)
        os.dup2(innocent.fileno(), first.fileno())
        return received

    monkeypatch.setattr(backlog, "_received_bytes", reused)
    with innocent, other_end:
        looked.cut()
        assert is_open(other_end)


def test_a_new_owner_of_a_number_has_nothing_to_its_credit(connections):
    endpoint, (first, _), calling = connections
    looked = watched(endpoint)
    looked.took([frame_of(first, 1 << 30)])  # of an owner that has gone
    calling[0].sendall(bytes(10))
    assert looked.cut() == 0
    calling[0].sendall(bytes(2 * MOST_BYTES))
    assert looked.cut() == 1
