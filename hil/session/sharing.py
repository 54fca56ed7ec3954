"""How the users of one slot share their symbols, as transmitters and receiver take it from the grant."""

from dataclasses import replace

from hil.bus.messages import CsiReport, Grant
from hil.config import RunConfig
from hil.session.feedback import side_information
from hil.session.responses import responses
from models.errors import ModelError
from models.modality.halves import Half
from models.modality.shared import SharedModality
from models.separation import sinr_of_users
from models.sharing import Sharing, summaries
from models.side_information import SideInformation


def sharing_of(grant: Grant, config: RunConfig) -> Sharing:
    """As the grant says, else as configured; also where it names a way that does not exist."""
    if grant.sharing is None:
        return config.codec_sharing
    channels = config.semantic.payload_channels(config.users) if is_generated(grant) else config.codec_channels
    configured = replace(config.codec_sharing, channels=channels)
    try:
        sharing = replace(Sharing.named(grant.sharing.form), channels=channels)
    except ModelError:
        return configured
    fits = sharing.groups is None or len(sharing.groups) == config.users
    return sharing if fits else configured


def is_generated(grant: Grant) -> bool:
    """Whether a slot carries a coarse code from which pictures are generated."""
    return grant.sharing is not None and bool(grant.sharing.generated)


def way_of(codec: Half, sharing: Sharing) -> Sharing:
    """The way that a codec's users share in: as the slot has it, unless the run's modalities have settled it."""
    return codec.sharing if isinstance(codec, SharedModality) else sharing


def told(codec: Half, report: CsiReport | None, users: int, sharing: Sharing) -> SideInformation:
    """What a codec's networks are told of a report: for those that take any way of sharing also every user's SINR after
    the separation that this way and the reported channels make.

    Without it where the report does not tell the channels. Users whom it leaves out are taken to be silent.
    """
    side = side_information(report, users)
    gains = responses(report, users)
    if codec.sharing is None or gains is None:
        return side
    sinr_db, spread_db = summaries(sinr_of_users(gains, way_of(codec, sharing).powers(users, codec.all_channels), 1.0))
    return replace(side, sinr_db=sinr_db, sinr_spread_db=spread_db)
