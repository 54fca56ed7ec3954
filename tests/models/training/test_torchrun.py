"""Training by several processes: torchrun and gloo give what averaged gradients give by hand."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import torch
from safetensors.torch import load_file

import models.training.codec.loop as loop
from models.package.manifest import load_manifest
from models.training.config import CodecTraining
from models.training.running.dataset import CropPool
from models.training.running.runner import run_updates

PROCESSES, STEPS = 2, 3
TINY = {"encoder_widths": [8, 8], "encoder_blocks": [1, 1], "decoder_widths": [8, 8], "decoder_blocks": [1, 2]}


def by_hand(settings, monkeypatch):
    """The same updates in one process: every process's draw in turn, the mean of their gradients."""
    monkeypatch.setattr(loop, "descend", lambda accelerator, network, optimizer, loss, norm: loss.backward())
    torch.manual_seed(settings.seed)
    codec = loop.fresh_codec(settings)
    loop.channels_last_(codec)
    optimizer = torch.optim.AdamW(
        codec.parameters(), settings.learning_rate, betas=(0.9, 0.98), weight_decay=settings.weight_decay
    )
    pool, network = CropPool(settings.images, min(settings.crops_px)), loop.CodecStep(codec)

    def update(progress):
        optimizer.zero_grad()
        for index in range(PROCESSES):
            process = SimpleNamespace(process_index=index, num_processes=PROCESSES, device=torch.device("cpu"))
            loop._one_step(settings, pool, process, network, optimizer, progress)
        for parameter in codec.parameters():
            if parameter.grad is not None:
                parameter.grad /= PROCESSES
        torch.nn.utils.clip_grad_norm_(codec.parameters(), settings.gradient_norm)
        optimizer.step()
        return 0.0

    run_updates(settings, codec, optimizer, update, resume=False)
    return codec.state_dict()


def test_two_processes_train_what_their_mean_gradient_trains(tmp_path, monkeypatch):
    pictures = tmp_path / "set.npz"
    np.savez(pictures, images=np.random.default_rng(1).integers(0, 256, (6, 40, 48, 3), dtype=np.uint8))
    values = {"arguments": TINY, "batch_pixels": 4096, "crops_px": [32], "learning_rate": 1e-3}
    (tmp_path / "tiny.yaml").write_text(json.dumps(values))
    arguments = ["--config", tmp_path / "tiny.yaml", "--images", pictures, "--steps", STEPS, "--out", tmp_path / "run"]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"]
    launcher += ["--nproc-per-node", str(PROCESSES), "-m", "hil", "train", "codec", "--name", "mine"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(
        [*launcher, *map(str, arguments)], capture_output=True, text=True, timeout=250, env=environment
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("images seen") == 1  # one process exports
    manifest = load_manifest(tmp_path / "run" / "mine")
    assert manifest.provenance.images_seen == STEPS * manifest.users * 2 * PROCESSES
    settings = CodecTraining(images=[str(pictures)], out=tmp_path / "hand", steps=STEPS, **values)
    wanted = by_hand(settings, monkeypatch)
    trained = load_file(tmp_path / "run" / "checkpoint.safetensors")
    torch.manual_seed(settings.seed)
    started = loop.fresh_codec(settings).state_dict()
    moved = sum(float((tensor - started[name]).abs().sum()) for name, tensor in wanted.items())
    apart = sum(float((tensor - trained[f"network.{name}"]).abs().sum()) for name, tensor in wanted.items())
    assert moved > 0
    assert apart / moved < 0.02  # Adam turns gradients that are zero but for rounding into steps of either sign
