"""The wheel holds what it must, works outside the checkout, and a transmitter never sees torch."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def python(*arguments, cwd, **environment):
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | environment,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    built = python(
        "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--disable-pip-version-check",
        "-w", out, ROOT, cwd=out,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    return next(out.glob("*.whl"))


def test_the_wheel_holds_weights_pictures_configurations_and_templates(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for needed in (
        "models/weights/compact-2u/manifest.json",
        "models/weights/compact-2u/encoder.onnx",
        "models/weights/compact-2u/decoders.safetensors",
        "models/weights/refiner-32/manifest.json",
        "models/weights/text-refiner-32/manifest.json",
        "models/weights/classifier-32/classifier.safetensors",
        "models/demo_images/LICENCES.md",
        "hil/configs/loopback.yaml",
        "hil/configs/plans/snr-sweep.yaml",
        "hil/report/style.css",
        "hil/report/comparison.html.j2",
        "hil/report/template.html.j2",
    ):
        assert needed in names
    assert any(name.startswith("models/demo_images/") and name.endswith(".png") for name in names)
    assert not any(name.startswith(("tests/", "demo-run/")) for name in names)
    assert wheel.stat().st_size < 48e6


def test_an_installed_wheel_works_outside_the_checkout(wheel, tmp_path):
    target = tmp_path / "site"
    installed = python(
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--disable-pip-version-check",
        "--target",
        target,
        wheel,
        cwd=tmp_path,
    )
    assert installed.returncode == 0, installed.stderr
    script = (
        "import hil, models.package.zoo, hil.config as c; from pathlib import Path;"
        "from models.images import open_images; from models.package.manifest import load_manifest;"
        f"assert Path(hil.__file__).is_relative_to({str(target)!r}), hil.__file__;"
        "assert len(open_images('demo')) >= 4; load_manifest(models.package.zoo.codec_folder('compact-2u'));"
        "assert c.load_config(Path('loopback')).users == 2"
    )
    done = python("-c", script, cwd=tmp_path, PYTHONPATH=str(target))
    assert done.returncode == 0, done.stderr


def test_a_transmitter_starts_and_encodes_where_there_is_no_torch(tmp_path):
    """torch, diffusers, matplotlib and torchmetrics are made impossible to import; then a picture is encoded."""
    script = """
import sys
for name in ("torch", "diffusers", "torchmetrics", "matplotlib", "safetensors", "jinja2", "onnx", "accelerate"):
    sys.modules[name] = None
import hil.cli.main, hil.cli.nodes.tx, hil.nodes.transmitter, hil.session.feedback
import radio.safety.open, radio.devices.simulated
from models.images import open_images
from models.runtime.encoder import SemanticEncoder
from models.side_information import SideInformation
from models.package.zoo import codec_folder
encoder = SemanticEncoder.load(codec_folder("compact-2u"))
picture = open_images("demo")[0]
symbols = encoder.encode(picture.pixels, 0, SideInformation.default(2))
assert symbols.size == encoder.channel_uses(*picture.pixels.shape[:2])
assert abs(float((abs(symbols) ** 2).mean()) - 1) < 1e-4
hil.cli.main.cli(["tx", "--help"], standalone_mode=False)
"""
    done = python("-c", script, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["loopback", "coordinator", "tx", "rx", "air", "keys", "report", "doctor", "bench"])
def test_every_command_explains_itself_with_an_example(command):
    done = python("-m", "hil", command, "--help", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "Example" in done.stdout and f"semnoma-hil {command}" in done.stdout
