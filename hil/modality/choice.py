"""The users who send something else than pictures, and what they send; torch-free."""

from importlib.metadata import EntryPoint

from hil.config import PICTURE, RunConfig
from hil.errors import UsageError
from models.errors import ModelError
from models.modality.base import Modality
from models.modality.shared import SharedModality
from models.package.manifest import load_manifest
from models.package.zoo import codec_folder
from models.sharing import Sharing
from models.suggestion import did_you_mean
from radio.errors import ConfigurationError
from radio.extensions import MODALITIES, installed, load

OWN = {"audio": EntryPoint("audio", "models.audio.modality:Audio", MODALITIES)}
CHANNELS_PER_GROUP = 8  # of a payload without pictures: divides what users overlap on


def open_modalities(config: RunConfig) -> dict[int, SharedModality]:
    """By user, without those who send pictures. Raises UsageError for a modality that is not there, ModelError."""
    names = {user: config.modality_of(user) for user in range(config.users)}
    opened = {name: _opened(name) for name in set(names.values()) - {PICTURE}}
    if not opened:
        return {}
    sharing, channels = _way(config)
    return {
        user: SharedModality(opened[name], sharing, config.users, channels)
        for user, name in names.items()
        if name != PICTURE
    }


def _way(config: RunConfig) -> tuple[Sharing, int]:
    """How users share the symbols, and how many complex channels a payload has.

    Beside pictures as their codec has it; where that has one fixed way, everybody fills every channel use.
    """
    if config.sends_pictures:
        manifest = load_manifest(codec_folder(config.codec))
        if manifest.takes_any_share:
            return config.codec_sharing, manifest.latent_channels // 2
        return Sharing(1.0), 1
    sharing = Sharing(config.codec_sharing.overlap, None, config.codec_sharing.groups)
    groups = config.users if sharing.groups is None else max(sharing.groups) + 1
    return sharing, CHANNELS_PER_GROUP * groups


def _opened(name: str) -> Modality:
    known = {**installed(MODALITIES), **OWN}
    if name not in known:
        names = [PICTURE, *known]
        raise UsageError(f"{name!r} is no modality{did_you_mean(name, names)}; there are {', '.join(names)}.")
    try:
        made = (OWN[name].load() if name in OWN else load(MODALITIES, name))()
    except (ConfigurationError, ModelError):
        raise
    except ImportError as error:
        raise UsageError(f'modality {name!r} needs {error.name} here: pip install "semnoma-hil[tx,rx]".') from error
    except Exception as error:  # a foreign class may raise anything
        raise UsageError(f"modality {name!r} cannot be set up: {error}.") from error
    if not isinstance(made, Modality):
        raise UsageError(f"{name!r} of {MODALITIES} is no modality: its class does not derive from Modality.")
    return made
