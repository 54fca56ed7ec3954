"""The doors of the house: which room may import which, no circle, and no torch where a transmitter stands."""

import graphlib
import importlib.util
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def load_reader():
    spec = importlib.util.spec_from_file_location("imports_reader", ROOT / "docs" / "hooks" / "imports.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


READER = load_reader()

# A room -> the rooms that it may import from. "a.b" opens a.b and the rooms in it; the loose modules of the folders
# around a room (errors, configuration) are always open. A new room in a room listed here has that room's doors.
DOORS = {
    "radio": [],
    "radio.air": [],
    "radio.safety": [],
    "radio.recording": [],
    "radio.streaming": [],
    "radio.libraries": [],
    "radio.devices": ["radio.air", "radio.libraries", "radio.recording", "radio.streaming"],
    "radio.waveform": [],
    "radio.waveform.transforms": [],
    "radio.waveform.burst": ["radio.waveform.transforms"],
    "radio.waveform.noise": [],
    "radio.waveform.channel": ["radio.waveform.burst", "radio.waveform.noise", "radio.waveform.transforms"],
    "radio.waveform.tracking": ["radio.waveform.burst", "radio.waveform.transforms"],
    "radio.waveform.transmission": ["radio.waveform.burst", "radio.waveform.transforms"],
    "radio.waveform.acquisition": ["radio.waveform.burst", "radio.waveform.channel", "radio.waveform.transforms"],
    "radio.waveform.quality": ["radio.waveform.burst"],
    "radio.waveform.separation": ["radio.waveform.burst", "radio.waveform.tracking"],
    "radio.waveform.reception": ["radio.waveform"],
    "models": [],
    "models.rate": [],
    "models.codecs": ["models.rate"],
    "models.digital": [],
    "models.images": [],
    "models.audio": ["models.digital", "models.export", "models.modality", "models.package", "models.runtime"],
    "models.modality": [],
    "models.package": [],
    "models.choice": ["models.package"],
    "models.runtime": ["models.package", "models.rate"],
    "models.decoding": ["models.codecs", "models.package", "models.rate", "models.runtime"],
    "models.text": [],
    "models.classifier": ["models.decoding", "models.package"],
    "models.refiner": ["models.codecs", "models.decoding", "models.package", "models.text"],
    "models.evaluation": [
        "models.choice", "models.classifier", "models.codecs", "models.decoding", "models.digital", "models.images",
        "models.package", "models.rate", "models.refiner", "models.runtime",
    ],
    "models.task": [
        "models.classifier", "models.codecs", "models.decoding", "models.evaluation", "models.images",
        "models.package", "models.rate",
    ],
    "models.export": [
        "models.codecs", "models.decoding", "models.evaluation", "models.images", "models.package", "models.rate",
        "models.refiner", "models.runtime",
    ],
    "models.adapting": [
        "models.codecs", "models.export", "models.images", "models.package", "models.runtime",
    ],
    "models.training": ["models.codecs"],
    "models.training.running": ["models.codecs", "models.images", "models.package"],
    "models.training.codec": [
        "models.codecs", "models.decoding", "models.export", "models.images", "models.package",
        "models.training.running",
    ],
    "models.training.adaptive": [
        "models.codecs", "models.decoding", "models.export", "models.images", "models.package", "models.rate",
        "models.runtime", "models.training.codec", "models.training.running",
    ],
    "models.training.classifier": [
        "models.classifier", "models.decoding", "models.export", "models.images", "models.package",
        "models.training.running",
    ],
    "models.training.task": [
        "models.classifier", "models.codecs", "models.export", "models.images", "models.package", "models.task",
        "models.training.adaptive", "models.training.codec", "models.training.running",
    ],
    "models.training.refiner": [
        "models.classifier", "models.codecs", "models.decoding", "models.evaluation", "models.export", "models.images",
        "models.package", "models.refiner", "models.runtime", "models.text", "models.training.adaptive",
        "models.training.classifier", "models.training.codec", "models.training.running",
    ],
    "calibration": [],
    "calibration.measure": ["radio"],
    "calibration.loops": ["calibration.measure", "radio"],
    "calibration.store": ["calibration.measure", "radio"],
    "calibration.delays": ["calibration.measure", "calibration.store"],
    "calibration.lab": ["calibration", "radio"],
    "hil": ["models", "radio"],
    "hil.bus": ["radio"],
    "hil.diagnosis": ["models", "radio"],
    "hil.phy_sweep": ["radio"],
    "hil.calibrating": ["calibration", "radio"],
    "hil.language": ["models", "radio"],
    "hil.session": ["hil.bus", "calibration", "models", "radio"],
    "hil.modality": ["models", "radio"],
    "hil.results": ["hil.bus", "hil.session", "models.modality", "radio"],
    "hil.report": ["hil.bus", "hil.results", "models.digital"],
    "hil.scripting": ["hil.results", "hil.supervise"],
    "hil.dataset": ["hil.bus", "hil.decoding", "hil.results", "hil.session", "models", "radio"],
    "hil.decoding": ["hil.bus", "hil.language", "hil.results", "hil.session", "models", "radio"],
    "hil.video": ["hil.bus", "hil.decoding", "hil.results", "hil.session", "models"],
    "hil.nodes": [
        "hil.bus", "hil.calibrating", "hil.dataset", "hil.decoding", "hil.language", "hil.modality", "hil.results",
        "hil.session", "hil.video", "calibration", "models", "radio",
    ],
    "hil.supervise": [
        "hil.dataset", "hil.decoding", "hil.language", "hil.modality", "hil.nodes", "hil.report", "hil.results",
        "hil.session", "hil.video", "models", "radio",
    ],
    "hil.trial": ["hil.scripting", "models"],
    "hil.bench": ["hil.results", "hil.supervise", "hil.video", "models", "radio"],
    "hil.experiments": [
        "hil.calibrating", "hil.report", "hil.results", "hil.supervise", "calibration", "models", "radio",
    ],
    "hil.comparing": ["hil.experiments", "hil.report", "hil.results"],
    "hil.sharing_map": ["hil.experiments", "hil.results", "models", "radio"],
    "hil.live": ["hil.bus", "hil.language", "hil.nodes", "hil.results", "hil.supervise", "models", "radio"],
    "hil.lab": ["hil.bus", "calibration", "models", "radio"],
    "hil.twin": [
        "hil.bus", "hil.decoding", "hil.results", "hil.session", "calibration", "models", "radio",
    ],
    "hil.cli": ["hil", "calibration", "models", "radio"],
}  # fmt: skip

TORCH = {"torch", "torchvision", "torchmetrics", "diffusers", "accelerate", "safetensors", "transformers"}
MODULES = READER.read_modules()


def listed(room):
    """The room itself, or the nearest one around it that the table knows."""
    while room not in DOORS:
        room = room.rpartition(".")[0]
    return room


def inside(room, other):
    return room == other or room.startswith(other + ".")


def may_open(room, other):
    return (
        listed(room) == listed(other)
        or inside(room, other)  # the loose modules of a folder around it
        or any(inside(other, door) for door in DOORS[listed(room)])
    )


def in_order(graph):
    """Nothing, or the circle as a line."""
    try:
        tuple(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as circle:
        return " -> ".join(reversed(circle.args[1]))
    return ""


@cache
def everything_behind(module):
    """All names that are imported when ``module`` and what it imports, in functions too, is imported."""
    found, waiting = set(), [module]
    while waiting:
        name = waiting.pop()
        parts = name.split(".")
        for known in {".".join(parts[:n]) for n in range(1, len(parts) + 1)} - found:
            found.add(known)
            waiting += MODULES.get(known, ())
    return found


@pytest.mark.parametrize("room", READER.read_rooms())
def test_a_room_imports_only_through_its_doors(room):
    for module, imported in MODULES.items():
        if READER.room_of(module) == room:
            others = {READER.room_of(name) for name in imported if name in MODULES} - {room}
            shut = sorted(other for other in others if not may_open(room, other))
            assert not shut, f"{module} imports from {', '.join(shut)}: no door of {room}, see DOORS"


def test_no_package_opens_upwards():
    """hil knows the others, calibration knows radio, radio and models know nobody: what the table itself must keep."""
    known = {"hil": {"hil", *READER.PACKAGES}, "calibration": {"calibration", "radio"}}
    for room, doors in DOORS.items():
        top = room.partition(".")[0]
        assert {door.partition(".")[0] for door in doors} <= known.get(top, {top}), room


def test_every_room_of_the_table_exists_and_every_door_is_used():
    rooms = READER.read_rooms()
    for room, doors in DOORS.items():
        assert room in rooms, f"no room {room}"
        opened = {other for name, others in rooms.items() if listed(name) == room for other in others}
        for door in doors:
            assert any(inside(other, door) for other in opened), f"{room} imports nothing from {door}: shut that door"


def test_no_circle_of_modules():
    ours = {module: imported & MODULES.keys() - {module} for module, imported in MODULES.items()}
    assert not in_order(ours)


def test_no_circle_of_rooms():
    assert not in_order(READER.read_rooms())


@pytest.mark.parametrize(
    "module",
    [m for m in MODULES if inside(m, "models.runtime") or inside(m, "models.modality")] + ["models.side_information"],
)
def test_what_a_transmitter_needs_of_models_knows_no_torch(module):
    assert not {name.partition(".")[0] for name in everything_behind(module)} & TORCH


def test_a_node_that_only_transmits_knows_no_torch():
    entries = [m for m in MODULES if inside(m, "hil.cli") and m.endswith(".tx")]
    behind = set.union(*map(everything_behind, [*entries, "hil.nodes.transmitter_setup"]))
    assert entries and {"models.runtime.encoder", "models.package.zoo", "radio.safety.open"} <= behind
    assert not {name.partition(".")[0] for name in behind} & TORCH


def test_every_room_says_what_is_in_it():
    said = {room: READER.said_of(room) for room in READER.read_rooms()}
    assert all(said.values()), [room for room, text in said.items() if not text]


@pytest.mark.parametrize(
    ("code", "imported"),
    [
        ("import radio.device", {"radio.device"}),
        ("from radio import device, samples", {"radio.device", "radio"}),
        ("def f():\n    from radio.device import Radio", {"radio.device"}),
        ("from importlib import import_module\nimport_module('radio.device')", {"importlib", "radio.device"}),
        ("from . import device", {"radio.device"}),
        ("from .device import Radio", {"radio.device"}),
        ("if TYPE_CHECKING:\n    import torch\nelse:\n    import radio.device", {"radio.device"}),
        ("try:\n    import torch\nexcept ImportError:\n    torch = None", {"torch"}),
    ],
)
def test_the_reader_sees(tmp_path, code, imported):
    for name in READER.PACKAGES:
        (tmp_path / name).mkdir()
    (tmp_path / "radio" / "__init__.py").touch()
    (tmp_path / "radio" / "device.py").touch()
    (tmp_path / "radio" / "asks.py").write_text(code)
    assert READER.read_modules(tmp_path)["radio.asks"] == imported
