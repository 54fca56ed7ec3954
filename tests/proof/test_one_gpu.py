"""`configs/training/one-gpu.sh` with tiny networks on a CPU: goes add up until all three are trained."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "configs" / "training" / "one-gpu.sh"
TINY = {
    "quality": "steps: 12\nbatch_pixels: 2048\ncrops_px: [32]\narguments: {latent_channels: 16, "
    "encoder_widths: [8, 8], encoder_blocks: [1, 1], decoder_widths: [8, 8], decoder_blocks: [1, 1]}\n",
    "teacher": "architecture: compact\nusers: 2\ncrops_px: [32]\nbatch_pixels: 2048\nsteps: 6\n"
    "arguments: {encoder_widths: [4, 8], encoder_blocks: [1, 1], decoder_widths: [4, 8], decoder_blocks: [1, 1]}\n",
    "student": "crops_px: [32]\nbatch_pixels: 2048\nsteps: 6\n",
}


def go(tmp_path, *sources):
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "MINUTES": "0.01"}
    environment |= {name.upper(): str(tmp_path / f"{name}.yaml") for name in TINY}
    command = [str(SCRIPT), str(tmp_path / "out"), *sources]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_goes_add_up_until_all_three_are_trained(tmp_path):
    for name, text in TINY.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    said = []
    for _ in range(40):
        done = go(tmp_path, "demo")
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
        if "all three are trained" in done.stdout:
            break
    assert len(said) > 2 and "goes on" in said[0] and "all three are trained" in said[-1]
    for kept in ("quality/quality/manifest.json", "teacher/metrics.json", "student/student/manifest.json"):
        assert (tmp_path / "out" / kept).is_file()


def test_without_pictures_it_says_how_it_is_used(tmp_path):
    done = subprocess.run([str(SCRIPT), str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 2 and "usage" in done.stderr
