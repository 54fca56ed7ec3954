"""From what somebody has of a codec to a checked codec folder: an ONNX pair, weights and an adapter, or our own
architectures in the layout of Hugging Face.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from models.adapting.adapter import Adapter
from models.adapting.facts import CodecFacts, facts_of
from models.adapting.graph import around_decoder, around_encoder, side_fields
from models.adapting.probe import Found, probe
from models.adapting.torch_networks import write_pair
from models.codecs.adaptive import AdaptiveCodec
from models.codecs.registry import ARCHITECTURES, build_codec
from models.errors import ModelError
from models.export.adding import check_codec
from models.export.codec_folder import CodecCard, export_codec
from models.export.tensors import read_tensors
from models.package.manifest import (
    MANIFEST_NAME,
    ONNX_ARCHITECTURE,
    CodecFiles,
    CodecManifest,
    Provenance,
    describe_file,
    write_manifest,
)

ENCODER, CONFIG, WEIGHTS = "encoder.onnx", "config.json", "model.safetensors"


@dataclass(frozen=True)
class Brought:
    """manifest: of the folder written; found: what the networks did, None of our own architectures; parity: largest
    difference between torch and ONNX, None where there was no torch.
    """

    manifest: CodecManifest
    found: Found | None
    parity: float | None


def is_ours(source: Path) -> bool:
    """Whether it is a codec folder already."""
    return (source / MANIFEST_NAME).is_file()


def bring(source: Path, adapter: Path | None, said: dict[str, Any], folder: Path) -> Brought:
    """Write a codec folder of ``source`` and check it. said: facts of the command line, before those of the adapter.

    source: with ``adapter`` a file of weights, a folder with config.json and model.safetensors, or a folder with
    neither; without, a folder with encoder.onnx and decoder.onnx (or decoder-0.onnx, decoder-1.onnx, ...), or with
    config.json and model.safetensors of one of this project's architectures. Raises ModelError in one sentence.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parity = None
    if adapter is not None:
        opened = Adapter(adapter)
        facts = facts_of(opened.describe() | said, str(adapter))
        encoder, decoders = opened.build(*weights_and_config(source))
        scratch = folder / "networks"
        scratch.mkdir(exist_ok=True)
        paths, parity = write_pair(encoder, decoders, facts, scratch)
        command = f"semnoma-hil models add {source.name} --adapter {adapter.name}"
    elif (source / ENCODER).is_file():
        facts = facts_of(said, "the command line")
        paths = [source / ENCODER, *_decoders(source)]
        command = f"semnoma-hil models add {source.name}"
    elif (source / CONFIG).is_file():
        return _of_our_architecture(source, said, folder)
    else:
        raise ModelError(
            f"{source} is no codec: a folder with {MANIFEST_NAME}, with {ENCODER} and decoder.onnx, or with {CONFIG} "
            f"and {WEIGHTS} is; for anything else name an --adapter."
        )
    return _of_pair(paths, facts, parity, command, folder)


def weights_and_config(source: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tensors by name and config.json of a folder or a file of weights; empty where there are none. Never unpickles."""
    if source.is_file():
        return read_tensors(source), {}
    if not source.is_dir():
        raise ModelError(f"{source} does not exist: name a file of weights or a folder.")
    weights = read_tensors(source / WEIGHTS) if (source / WEIGHTS).is_file() else {}
    if not weights and (source / f"{WEIGHTS}.index.json").is_file():
        raise ModelError(f"{source} holds its weights in several files; save them as one {WEIGHTS}.")
    return weights, _config(source) if (source / CONFIG).is_file() else {}


def _config(source: Path) -> dict[str, Any]:
    try:
        config = json.loads((source / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{source / CONFIG} cannot be read: {error}.") from error
    if not isinstance(config, dict):
        raise ModelError(f"{source / CONFIG} holds no object.")
    return config


def _decoders(source: Path) -> list[Path]:
    if (source / "decoder.onnx").is_file():
        return [source / "decoder.onnx"]
    numbered: list[Path] = []
    while (source / f"decoder-{len(numbered)}.onnx").is_file():
        numbered.append(source / f"decoder-{len(numbered)}.onnx")
    if not numbered:
        raise ModelError(f"{source} has {ENCODER} but neither decoder.onnx nor decoder-0.onnx.")
    return numbered


def _of_pair(paths: list[Path], facts: CodecFacts, parity: float | None, command: str, folder: Path) -> Brought:
    """Put this project's inputs and symbols around the networks, write the manifest, and run the whole."""
    if len(paths) > 2 and (not facts.learned or len(paths) - 1 != facts.users):
        raise ModelError(
            f"{len(paths) - 1} decoders are for as many users of a codec that learned to superpose them: say learned "
            f"and users {len(paths) - 1}."
        )
    for path in paths:
        _refuse_external_data(path)
    found = probe(paths[0], paths[1], facts)
    channels = found.latent_channels
    _save(around_encoder(onnx.load(paths[0]), facts, channels), folder / ENCODER)
    names = [f"decoder-{number}.onnx" for number in range(len(paths) - 1)]
    for name, path in zip(names, paths[1:], strict=True):
        _save(around_decoder(onnx.load(path), facts, channels, found.symbol_power), folder / name)
    metrics: dict[str, Any] = {
        "clean_psnr_db": round(found.clean_psnr_db, 3),
        "encoder_power": found.power,
        "point_to_point": not facts.learned,
    }
    metrics |= {} if parity is None else {"parity_max_abs": parity}
    everyone = channels if facts.learned else channels * facts.users
    manifest = CodecManifest(
        format_version=1,
        kind="codec",
        name=facts.name,
        version=facts.version,
        architecture=ONNX_ARCHITECTURE,
        arguments={},
        users=facts.users,
        stride=found.stride,
        latent_channels=everyone,
        channel_use_ratio=everyone / 2 / found.stride**2 / 3,
        side_information=side_fields(facts),
        files=CodecFiles(
            encoder=describe_file(folder / ENCODER), decoders=[describe_file(folder / name) for name in names]
        ),
        provenance=Provenance(
            data=facts.data, command=command, seed=0, minutes=0, images_seen=0, note=f"Trained elsewhere. {facts.note}"
        ),
        metrics=metrics,
        licence=facts.licence,
    )
    write_manifest(folder, manifest)
    return Brought(check_codec(folder), found, parity)


def _refuse_external_data(path: Path) -> None:
    """ONNX files may name others to be read; onnx would open them wherever they are."""
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf has no one class for a file that is not its own
        raise ModelError(f"{path} is not an ONNX file.") from error
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer):
        raise ModelError(f"{path} keeps its weights in another file; save it as one (onnx.save does).")


def _save(model: onnx.ModelProto, path: Path) -> None:
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:  # the checker raises what its C++ side does
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{path.name} does not fit what is put around it: {line}.") from error
    onnx.save(model, path)


def _of_our_architecture(source: Path, said: dict[str, Any], folder: Path) -> Brought:
    config = _config(source)
    name = config.get("architecture")
    if name not in ARCHITECTURES:
        asks = " (it asks for code of its own, which is not run)" if "auto_map" in config else ""
        raise ModelError(
            f"{source / CONFIG} names no architecture of this project ({', '.join(ARCHITECTURES)}){asks}: say with "
            "--adapter how its networks are built."
        )
    codec = build_codec(str(name), dict(config.get("arguments", {})))
    try:
        codec.load_state_dict(read_tensors(source / WEIGHTS))
    except RuntimeError as error:
        raise ModelError(f"{source / WEIGHTS} does not fit {name}: {str(error).splitlines()[0]}.") from error
    facts = facts_of(
        {key: config[key] for key in CodecFacts.model_fields if key in config} | said | {"learned": True}, str(source)
    )
    card = CodecCard(
        facts.name,
        facts.version,
        facts.side_information,
        Provenance(data=facts.data, command=f"semnoma-hil models add {source.name}", seed=0, minutes=0, images_seen=0),
        {},
        facts.licence,
        codec.foresight.levels if isinstance(codec, AdaptiveCodec) else None,
    )
    manifest = export_codec(codec, folder, card)
    check_codec(folder)
    return Brought(manifest, None, float(manifest.metrics["encoder_parity_max_abs"]))
