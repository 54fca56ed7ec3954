"""Of two living processes with one name the second is refused in a sentence, and the first goes on."""

import time

from hil.bus import client as client_module
from hil.bus import server as server_module
from hil.bus.messages import Grant, Hello, Refused, Start, Stop
from tests.hil.nodes.test_coordinator import answer, lab, next_of  # noqa: F401


def other_process(here, monkeypatch, name):
    monkeypatch.setattr(client_module, "_PROCESS", "another")
    first = here.clients.pop(name)
    second = here.client(name)
    here.clients["second"] = here.clients[name]
    here.clients[name] = first
    second.send(Hello("tx", int(name[2:]), 2, here.config.digest()))
    return second


def test_the_second_is_refused_and_the_first_goes_on(lab, monkeypatch):  # noqa: F811
    monkeypatch.setattr(server_module, "ALIVE_S", 200.0)  # however rarely a busy machine lets it say so
    here = lab(frames=2)
    first, receiver = here.join("tx0"), here.join("rx")
    while not any("tx0 joined" in event for event in here.events):
        time.sleep(0.01)
    second = other_process(here, monkeypatch, "tx0")
    assert "another tx0 is on this bus and alive" in next_of(second, Refused).body.reason
    while not any("refused messages" in event and "another tx0 is alive" in event for event in here.events):
        time.sleep(0.01)
    here.join("tx1")
    for _slot in range(3):
        grant = next_of(first, Grant).body
        answer(receiver, grant)
    assert next_of(first, Stop).body.complete
    while (message := second.receive(0.2)) is not None:
        assert isinstance(message.body, Refused)  # not a word that was meant for the first


def test_a_name_is_free_again_when_its_owner_is_silent(lab, monkeypatch):  # noqa: F811
    monkeypatch.setattr(server_module, "ALIVE_S", 0.3)
    here = lab(frames=1)
    first, receiver = here.join("tx0"), here.join("rx")
    while not any("tx0 joined" in event for event in here.events):
        time.sleep(0.01)
    first.close()
    del here.clients["tx0"]
    here.clients["tx0"] = first
    second = other_process(here, monkeypatch, "tx0")
    here.join("tx1")
    end, hello = time.monotonic() + 100.0, Hello("tx", 0, 2, here.config.digest())
    while (message := second.receive(0.1)) is None or isinstance(message.body, Refused):
        second.send(hello)
        assert time.monotonic() < end
    assert isinstance(message.body, Start) and next_of(receiver, Start)
