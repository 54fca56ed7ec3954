"""A codec folder that needs no torch network: decoders as ONNX too, float or statically quantised to 8 bits."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from models.decoding.decoder import SemanticDecoder
from models.errors import ModelError
from models.evaluation.compare import EVALUATION_SEED, compare
from models.evaluation.learned import LearnedScheme
from models.export.codec_folder import ENCODER_NAME, PARITY_LIMIT
from models.export.onnx_file import write_onnx
from models.export.quantise import quantise_codec
from models.images import ImageSource, open_images
from models.package.manifest import (
    ONNX_ARCHITECTURE,
    CodecFiles,
    CodecManifest,
    describe_file,
    load_manifest,
    write_manifest,
)
from models.runtime.encoder import open_session

Precision = Literal["float", "int8"]
MEASURED_SNRS_DB = (0.0, 10.0, 20.0)
MEASURED_PICTURES = 512


def export_onnx_codec(
    source: Path,
    folder: Path,
    precision: Precision = "float",
    calibration: str | None = None,
    validation: str | None = None,
    name: str | None = None,
    limit: int = MEASURED_PICTURES,
) -> CodecManifest:
    """Write the codec of folder ``source`` as ONNX into ``folder``; its manifest records parity and PSNR.

    float: ``decoder_parity_max_abs`` is the largest difference to the torch decoders (ModelError beyond 1e-3; images
    are in [0, 1]). int8: encoder and decoders are quantised with activation ranges seen on the pictures of
    ``calibration``. ``psnr_db_against_source`` holds mean PSNR here and in ``source`` over the same frames of
    the first ``limit`` pictures of ``validation``, random phases. Raises ModelError when the source has no torch
    decoders, or int8 has no calibration pictures.
    """
    manifest = load_manifest(source)
    if isinstance(manifest.files.decoders, list):
        raise ModelError(f"{source}: its decoders are ONNX files already.")
    if precision == "int8" and calibration is None:
        raise ModelError("8-bit export needs pictures to calibrate on: name some that were not kept for measuring.")
    calibrating = open_images(calibration, split="train") if calibration is not None else None
    measured_on = open_images(validation, split="test") if validation is not None else None
    decoder = SemanticDecoder.load(source, device="cpu")
    with tempfile.TemporaryDirectory() as scratch_name:
        scratch = Path(scratch_name)
        shutil.copyfile(source / manifest.files.encoder.name, scratch / ENCODER_NAME)
        networks = 1 if manifest.takes_any_share else manifest.users  # whose one decoder serves every user
        parity = 0.0
        for user in range(networks):
            parity = max(parity, _write_decoder(manifest, decoder.network(user), scratch / f"decoder-{user}.onnx"))
        if parity > PARITY_LIMIT:
            raise ModelError(f"an exported decoder differs from torch by {parity:.2e}, more than {PARITY_LIMIT:.0e}.")
        metrics: dict[str, Any] = {"precision": precision, "source": f"{manifest.name} {manifest.version}"}
        metrics["decoder_parity_max_abs"] = parity
        folder.mkdir(parents=True, exist_ok=True)
        names = [ENCODER_NAME, *(f"decoder-{user}.onnx" for user in range(networks))]
        if precision == "int8" and calibrating is not None:
            quantise_codec(manifest, source, scratch, folder, names, calibrating)
            metrics["calibration"] = _last_part(str(calibration))
        else:
            for file in names:
                shutil.copyfile(scratch / file, folder / file)
    if (entry := manifest.files.foresight) is not None:
        shutil.copyfile(source / entry.name, folder / entry.name)
    files = CodecFiles(
        encoder=describe_file(folder / ENCODER_NAME),
        decoders=[describe_file(folder / file) for file in names[1:]],
        foresight=entry and describe_file(folder / entry.name),
    )
    changes = {"name": name or f"{manifest.name}-{precision}", "architecture": ONNX_ARCHITECTURE, "arguments": {}}
    exported = CodecManifest.model_validate(manifest.model_dump() | changes | {"files": files, "metrics": metrics})
    write_manifest(folder, exported)
    if measured_on is not None:
        measured = _psnr_against(source, folder, measured_on, limit)
        metrics["psnr_db_against_source"] = {_last_part(str(validation)): measured}
        exported = exported.model_copy(update={"metrics": metrics})
        write_manifest(folder, exported)
    return exported


@torch.inference_mode()
def _write_decoder(manifest: CodecManifest, network: nn.Module, path: Path) -> float:
    """Write one decoder and return the largest difference to torch over several sizes."""
    rows, columns = torch.export.Dim("rows", min=1, max=4096), torch.export.Dim("columns", min=1, max=4096)
    generator = torch.Generator().manual_seed(5)
    examples = [
        (
            0.7 * torch.randn(1, manifest.feature_planes, *shape, generator=generator),
            torch.rand(1, len(manifest.side_information), generator=generator),
        )
        for shape in ((8, 12), (8, 8), (1, 1), (16, 9))
    ]
    write_onnx(network, examples[0], ["features", "side"], "image", ({2: rows, 3: columns}, None), path)
    session = open_session(path)
    worst = 0.0
    for features, side in examples:
        given = session.run(None, {"features": features.numpy(), "side": side.numpy()})[0]
        worst = max(worst, float(np.abs(given - network(features, side).numpy()).max()))
    return worst


def _psnr_against(source: Path, folder: Path, pictures: ImageSource, limit: int) -> dict[str, Any]:
    """Mean PSNR in dB of both codecs by SNR, over the same pictures, phases and noise."""
    manifest = load_manifest(source)
    users = min(2, manifest.users) if manifest.takes_any_share else manifest.users
    table: dict[str, Any] = {"channel": "random-phase", "users": users, "seed": EVALUATION_SEED}
    for label, place in (("source", source), ("this", folder)):
        rows = list(
            compare(pictures, [LearnedScheme(str(place), users, "cpu")], "random-phase", users, MEASURED_SNRS_DB, limit)
        )
        table[label] = {f"{row.snr_db:g}": row.psnr_db for row in rows}
        table["images"] = rows[0].images
    return table


def _last_part(source: str) -> str:
    return source.rstrip("/").rsplit("/", 1)[-1]
