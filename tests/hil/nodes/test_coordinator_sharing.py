"""The way of sharing in the coordinator's grants, on a real bus: it follows the reported channel within two slots."""

import hashlib
import json

import numpy as np
import pytest

from hil.bus.messages import CsiReport, FrameDone, Grant, UserCsi
from hil.session.responses import response_bytes
from tests.hil.nodes.test_coordinator import lab, next_of  # noqa: F401
from tests.models.sharing.test_choice import TABLE

APART = np.eye(2, dtype=complex)[:, :, None] * np.ones((1, 1, 4))  # two users at right angles on two antennas
ALIKE = np.ones((2, 2, 4), complex) / np.sqrt(2)


@pytest.fixture
def codec(tmp_path):
    """The manifest of a codec that takes any share; a coordinator needs no networks."""
    folder = tmp_path / "codec"
    folder.mkdir()
    entries = {}
    for part in ("encoder", "decoders"):
        (folder / part).write_bytes(part.encode())
        entries[part] = {"name": part, "bytes": len(part), "sha256": hashlib.sha256(part.encode()).hexdigest()}
    manifest = {
        "format_version": 1, "kind": "codec", "name": "any-share", "version": "1", "architecture": "adaptive",
        "arguments": {}, "users": 8, "stride": 8, "latent_channels": 64, "channel_use_ratio": 1 / 6,
        "side_information": ["share"], "files": entries, "metrics": {"psnr_db": {"photos": TABLE}}, "licence": "MIT",
        "provenance": {"data": "", "command": "", "seed": 0, "minutes": 0, "images_seen": 0},
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_a_channel_that_changes_is_followed_within_two_slots(lab, codec):  # noqa: F811
    frames, change = 8, 4
    here = lab(frames=frames, codec=str(codec), sharing="auto", rx_antennas=2)
    nodes = [here.join(name) for name in ("tx0", "tx1", "rx")]
    receiver, ways = nodes[2], []
    for slot in range(1 + frames):
        grant = next_of(receiver, Grant).body
        ways.append(grant.sharing.form)
        gains = APART if slot < change else ALIKE
        users = [UserCsi(u, 0, 0, 1, 0, 17, response=response_bytes(gains[u], 0.02)) for u in range(2)]
        receiver.send(CsiReport(grant.slot, grant.frame, grant.slot_tick, 0, 17.0, users))
        if grant.frame is not None:
            receiver.send(FrameDone(grant.frame, 2))
    assert ways[0] == "parted"  # nothing is known yet
    assert set(ways[1 : change + 1]) == {"superposed"}
    assert set(ways[change + 2 :]) == {"parted"}
    assert "promises" in grant.sharing.reason and grant.sharing.predicted_psnr_db > 25


def test_users_of_a_codec_that_does_not_say_what_it_reaches_part(lab, codec, caplog):  # noqa: F811
    path = codec / "manifest.json"
    path.write_text(path.read_text().replace('"photos"', '"nothing"').replace(json.dumps(TABLE), "{}"))
    here = lab(codec=str(codec), sharing="auto")
    nodes = [here.join(name) for name in ("tx0", "tx1", "rx")]
    assert next_of(nodes[2], Grant).body.sharing is None
    assert "does not say what PSNR" in caplog.text and "part" in caplog.text
