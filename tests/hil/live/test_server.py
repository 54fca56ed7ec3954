"""The page's server: who is let in, what is refused and how it says so, what an update looks like on the wire."""

import contextlib
import json
import socket
import struct
import threading
import urllib.request

import numpy as np
import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from hil.bus.messages import PictureFacts
from hil.config import load_config
from hil.errors import UsageError
from hil.live.access import COOKIE, Access, is_loopback_host
from hil.live.serve import Site, listen, make_server
from hil.live.server import FILES, MAX_COMMAND_BYTES, PAGE, build_app
from hil.live.state import Cursor, LiveState
from hil.nodes.telemetry import thumbnail

TOKEN = "a-token-of-some-length"
HERE = "http://127.0.0.1:8080"


class Recorder:
    """Stands for RunControl and remembers what was asked."""

    def __init__(self):
        self.asked = []

    def start(self, settings):
        if settings.get("users") == 99:
            raise UsageError("users is 99: input should be less than or equal to 8.")
        self.asked.append(("start", settings))
        return "run-1"

    def resume(self):
        self.asked.append(("resume",))

    def stop(self):
        self.asked.append(("stop",))


@pytest.fixture
def state():
    state = LiveState()
    state.begin("run", load_config(None, {"users": 2, "frames": 4}))
    return state


def client(state, host="127.0.0.1", token=None, control=None, base=HERE):
    return TestClient(build_app(state, Access(host, token), control), base_url=base, follow_redirects=False)


def take_apart(message):
    (length,) = struct.unpack(">I", message[:4])
    update = json.loads(message[4 : 4 + length])
    files, offset = [], 4 + length
    for entry in update["pictures"]:
        files.append(message[offset : offset + entry["bytes"]])
        offset += entry["bytes"]
    assert offset == len(message)
    return update, files


def updates(site, **headers):
    base = str(site.base_url).rstrip("/")
    return site.websocket_connect(f"{base.replace('http', 'ws', 1)}/api/updates", headers={"origin": base, **headers})


def test_every_file_of_the_page_is_served_and_nothing_else(state):
    site = client(state)
    assert set(FILES) == {path.name for path in PAGE.iterdir()} - {"index.html"}
    assert "<title>semnoma-hil</title>" in site.get("/").text
    for name, kind in FILES.items():
        answer = site.get(f"/{name}")
        assert answer.status_code == 200 and answer.headers["content-type"].startswith(kind)
    for name in ("server.py", "..%2fserver.py", "../server.py", "etc/passwd", "index.html%00"):
        assert site.get(f"/{name}").status_code == 404


def test_the_page_asks_for_nothing_from_elsewhere(state):
    """No address of another host in any file, and a policy under which the browser would not fetch one."""
    for path in PAGE.iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text.replace('"https:"', "") and "https://" not in text, path
        assert "innerHTML" not in text and "eval(" not in text and "document.write" not in text, path
    policy = client(state).get("/").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';") and "unsafe" not in policy


def test_updates_carry_state_and_pictures_and_then_only_what_is_new(state):
    picture = thumbnail(np.full((16, 16, 3), 200, np.uint8))
    state.pictures(1, 0, picture, picture)
    with updates(client(state)) as socket:
        update, files = take_apart(socket.receive_bytes())
        assert update["fresh"] and len(update["users"]) == 2 and files == [picture, picture]
        state.recorded(PictureFacts(0, 1, True, None, "<b>bold</b>", 20.0, 0.5, None, 1.0, {}))
        update, files = take_apart(socket.receive_bytes())
        assert update["points"] == [[0, 1, 20.0]] and files == []
        assert update["users"][1]["image_id"] == "<b>bold</b>"  # a text like any other: the page shows it as text


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "file://", "", "http://["])
def test_pages_of_other_sites_get_no_updates_and_no_commands(state, origin):
    control = Recorder()
    site = client(state, control=control)
    with pytest.raises(WebSocketDisconnect), updates(site, origin=origin):
        pass
    for command in ("start", "stop", "resume"):
        answer = site.post(f"/api/{command}", json={}, headers={"origin": origin})
        assert answer.status_code == 403 and "is not this page" in answer.text
    assert control.asked == []


def test_a_missing_origin_is_refused_as_well(state):
    site = client(state, control=Recorder())
    assert site.post("/api/stop", json={}).status_code == 403
    with pytest.raises(WebSocketDisconnect), site.websocket_connect("ws://127.0.0.1:8080/api/updates"):
        pass


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "192.0.2.7", "", "["])
def test_a_name_that_is_pointed_at_this_machine_is_refused(state, host):
    site = client(state)
    answer = site.get("/api/state", headers={"host": host})
    assert answer.status_code == 421 and "is not a name of this machine" in answer.text
    with pytest.raises(WebSocketDisconnect), updates(site, host=host, origin=f"http://{host}"):
        pass


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:1234", "[::1]:8080", "LOCALHOST"])
def test_loopback_by_any_name_and_port_is_let_in(state, host):
    assert client(state).get("/", headers={"host": host}).status_code == 200


def test_off_loopback_addresses_in_figures_pass_with_the_token_only(state):
    access = Access("0.0.0.0", TOKEN)
    assert access.knows("192.0.2.7:8080") and access.knows("[2001:db8::1]:80") and not access.knows("evil.example")
    site = client(state, "0.0.0.0", TOKEN, base="http://192.0.2.7:8080")
    refused = site.get("/")
    assert refused.status_code == 401 and "A token is needed" in refused.text
    assert site.get("/api/state").status_code == 401 and site.get("/main.js").status_code == 401
    with pytest.raises(WebSocketDisconnect), updates(site):
        pass


@pytest.mark.parametrize("wrong", ["", TOKEN[:-1], TOKEN + "x", "ä" * 20])
def test_a_wrong_token_is_refused_wherever_it_comes(state, wrong):
    site = client(state, token=TOKEN)
    assert site.get("/", params={"token": wrong}).status_code == 401
    assert site.get("/api/state", headers={"authorization": f"Bearer {wrong}".encode()}).status_code == 401
    assert site.get("/api/state", headers={"cookie": f"{COOKIE}={wrong}".encode()}).status_code == 401


def test_the_token_in_the_address_becomes_a_cookie_and_leaves_the_address(state):
    site = client(state, token=TOKEN)
    answer = site.get("/", params={"token": TOKEN})
    assert answer.status_code == 303 and answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie
    assert site.get("/").status_code == 200  # the client kept it
    with updates(site) as socket:
        assert take_apart(socket.receive_bytes())[0]["fresh"]
    assert client(state, token=TOKEN).get("/api/state", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_the_token_works_in_the_address_of_the_door_only(state):
    assert client(state, token=TOKEN).get("/api/state", params={"token": TOKEN}).status_code == 401


def test_read_only_has_no_commands(state):
    site = client(state)
    for command in ("start", "stop", "resume"):
        assert site.post(f"/api/{command}", json={}, headers={"origin": HERE}).status_code in (404, 405)


def test_commands_reach_the_control_and_its_sentence_comes_back(state):
    control = Recorder()
    site = client(state, control=control)
    answer = site.post("/api/start", json={"settings": {"users": 2}}, headers={"origin": HERE})
    assert answer.json() == {"result": "run-1"} and control.asked == [("start", {"users": 2})]
    answer = site.post("/api/start", json={"settings": {"users": 99}}, headers={"origin": HERE})
    assert answer.status_code == 400 and "users is 99" in answer.json()["error"]
    assert site.get("/api/start").status_code in (404, 405)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 5000, "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"settings": 3}', "application/json", 400),
        (b"{}", "text/plain", 415),  # what a form of another site could send without asking
        (b" " * (MAX_COMMAND_BYTES + 1), "application/json", 413),
    ],
)
def test_commands_that_are_none_are_refused_in_a_sentence(state, body, kind, status):
    control = Recorder()
    answer = client(state, control=control).post(
        "/api/start", content=body, headers={"origin": HERE, "content-type": kind}
    )
    assert answer.status_code == status and answer.json()["error"].endswith(".")
    assert control.asked == []


def test_commands_that_rain_are_refused_and_stop_is_not_kept_waiting_by_them(state):
    control = Recorder()
    site = client(state, control=control)
    answers = [site.post("/api/start", json={}, headers={"origin": HERE}) for _ in range(50)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(control.asked) + len(refused) == 50 and len(refused) >= 30  # a second gives one back
    assert "wait a second" in refused[0].json()["error"]
    assert site.post("/api/stop", json={}, headers={"origin": HERE}).status_code == 200


def test_what_a_viewer_says_is_ignored(state):
    with updates(client(state)) as socket:
        socket.send_text("x" * 1000)
        socket.send_bytes(bytes(1000))
        assert take_apart(socket.receive_bytes())[0]["fresh"]
        state.event("still here")
        assert take_apart(socket.receive_bytes())[0]["events"]


def test_which_hosts_are_loopback():
    assert all(is_loopback_host(host) for host in ("127.0.0.1", "127.3.2.1", "::1", "localhost"))
    assert not any(is_loopback_host(host) for host in ("0.0.0.0", "::", "192.0.2.1", "lab.example", ""))


def test_the_real_server_survives_garbage_and_serves_on(state):
    """Random bytes, torn requests and half-open connections on its port, then a page and an update as before."""
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    server = make_server(Site(state, Access("127.0.0.1", None)))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    rng, open_ones = np.random.default_rng(1), []
    try:
        for size in (1, 10, 1000, 100_000):
            for start in (b"", b"GET / HTTP/1.1\r\nHost: ", b"GET /api/updates HTTP/1.1\r\nUpgrade: websocket\r\n"):
                open_ones.append(socket.create_connection(("127.0.0.1", port)))
                with contextlib.suppress(OSError):
                    open_ones[-1].sendall(start + rng.bytes(size))
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=100) as answer:
            assert answer.status == 200
        address = f"ws://127.0.0.1:{port}/api/updates"
        with connect(address, origin=f"http://127.0.0.1:{port}", open_timeout=100) as viewer:
            assert take_apart(viewer.recv(20))[0]["fresh"]
        with pytest.raises(InvalidStatus, match="403"):
            connect(address, origin="http://evil.example", open_timeout=100)
    finally:
        for one in open_ones:
            one.close()
        server.should_exit = True
        thread.join(10)
    assert not thread.is_alive()


def test_the_report_is_served_once_it_is_there_and_runs_no_script(state, tmp_path):
    state.report = tmp_path / "report.html"
    assert client(state).get("/report").status_code == 404
    assert state.since(Cursor())[0]["run"]["report"] is False
    state.report.write_text("<h1>done</h1>")
    answer = client(state).get("/report")
    assert answer.text == "<h1>done</h1>" and state.since(Cursor())[0]["run"]["report"] is True
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; img-src data:")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert client(state, token=TOKEN).get("/report").status_code == 401
