"""Adds a user's codec to the installation after checking it against its manifest."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np

from models.decoding.decoder import SemanticDecoder
from models.errors import ModelError
from models.package.manifest import MANIFEST_NAME, CodecManifest, load_manifest, read_form
from models.package.zoo import added_folder, weights_folder
from models.runtime.encoder import SemanticEncoder
from models.side_information import SideInformation

_SIZES = ((1, 1), (32, 32), (40, 72))
_SINR_DB = 20.0  # at which pictures large enough have their symbols shared out
_SHARED_OUT_SIZE = (136, 264)


def add_codec(folder: Path, replace: bool = False) -> Path:
    """Check a codec folder and copy it to where codecs are found by name; returns its new folder.

    Only the manifest and the files that it names are copied, and they appear all at once. Raises ModelError when the
    codec fails ``check_codec``, its name is taken by a shipped codec, or by an added one without ``replace``.
    """
    manifest = check_codec(folder)
    target = check_name(folder, replace)
    try:
        added_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=added_folder(), prefix=".adding-") as scratch:
            fresh, old = Path(scratch) / "new", Path(scratch) / "old"
            fresh.mkdir()
            for name in (MANIFEST_NAME, *(entry.name for entry in manifest.files.entries())):
                shutil.copyfile(folder / name, fresh / name)
            load_manifest(fresh)
            if target.exists():
                target.rename(old)
            fresh.rename(target)
    except OSError as error:
        raise ModelError(f"{folder} cannot be copied to {target}: {error.strerror or error}.") from error
    return target


def check_name(folder: Path, replace: bool = False) -> Path:
    """Where a codec folder would be added; ModelError when its name is taken by another."""
    name = read_form(folder, CodecManifest).name
    target = added_folder() / name
    if name in (".", "..") or (weights_folder() / name).exists():
        raise ModelError(f"the name {name!r} belongs to a shipped model: choose another in {MANIFEST_NAME}.")
    if target.exists() and not replace:
        raise ModelError(f"a codec named {name!r} was added before: use --replace to put this in its place.")
    return target


def check_codec(folder: Path) -> CodecManifest:
    """Verify checksums, then send pictures of several sizes through encoder and decoder of every user.

    Raises ModelError when a file differs from its checksum, or the networks do not give what the manifest says:
    k symbols, an image of the right size, finite values, for the side information that it names.
    """
    manifest = load_manifest(folder)
    encoder, decoder = SemanticEncoder.load(folder), SemanticDecoder.load(folder, device="cpu")
    side, sizes = SideInformation.default(manifest.users), list(_SIZES)
    if manifest.levels:
        told = np.full(manifest.users, _SINR_DB, np.float32)
        side, sizes = side.separated(told, 0 * told), [*sizes, _SHARED_OUT_SIZE]
    rng = np.random.default_rng(1)
    for height, width in sizes:
        picture = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        for user in range(manifest.users):
            try:
                image = decoder.decode_float(encoder.encode(picture, user, side), user, side, height, width)
            except ModelError as error:
                where = f"codec {manifest.name}, user {user}, image of {height}x{width}"
                raise ModelError(f"{where}: {error}") from error
            if not np.isfinite(image).all():
                raise ModelError(f"codec {manifest.name}: the decoder of user {user} gives values that are not finite.")
    return manifest


def remove_codec(name: str) -> None:
    """Remove an added codec; ModelError when there is none of that name."""
    folder = added_folder() / name
    if "/" in name or "\\" in name or name in ("", ".", "..") or not (folder / MANIFEST_NAME).is_file():
        raise ModelError(f"no codec named {name!r} was added.")
    shutil.rmtree(folder)
