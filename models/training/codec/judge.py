"""What early stopping goes by: the PSNR of a codec in training on its validation pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.codecs.base import CodecNetwork
from models.errors import ModelError
from models.training.codec.validation import mean_psnr_db, same_size_groups
from models.training.config import CodecTraining


def validation_judge(settings: CodecTraining, codec: CodecNetwork, orthogonal: bool) -> Callable[[], float] | None:
    """Mean PSNR of the validation sources over 0, 10 and 20 dB, for early stopping; None without patience.

    The channel is the one that is drawn most often in training. ModelError when there is nothing to validate on.
    """
    if settings.patience is None:
        return None
    if not settings.validation:
        raise ModelError("early stopping (patience) needs pictures to validate on: name some with --validation.")
    shares = settings.channel.shares()
    mode = max(shares, key=lambda name: shares[name])
    groups = [group for source in settings.validation for group in same_size_groups(source, codec.arguments.stride)]

    def judge() -> float:
        figures = [mean_psnr_db(codec, groups, mode, snr_db, orthogonal) for snr_db in (0.0, 10.0, 20.0)]
        codec.train()
        return float(np.mean(figures))

    return judge
