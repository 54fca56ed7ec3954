"""What becomes of channel reports on their way to an encoder: delay, quantisation, and prediction at the far end."""

from collections import deque

import msgspec
import numpy as np
import scipy.special

from hil.bus.messages import CsiReport, UserCsi
from hil.bus.plausible import linear, plausible_db, plausible_user
from hil.loops_config import FeedbackConfig
from hil.session.responses import absurd, scaled, values_of

GAIN_RANGE_DB = (-30.0, 6.0)
SNR_RANGE_DB = (-10.0, 40.0)
PREDICTOR_ORDER = 6
REMEMBERED = 64  # reports that a user's mean power is taken from


class CsiPath:
    """One transmitter's reports. sample_rate_hz: of the reports' ticks.

    What `take` returns follows from the grants alone, so that a receiver that keeps a path of its own knows it too.
    """

    def __init__(self, config: FeedbackConfig, sample_rate_hz: float) -> None:
        self._config, self._rate_hz = config, sample_rate_hz
        self._waiting: deque[CsiReport] = deque(maxlen=config.csi_delay_slots + 1)
        self._history: deque[CsiReport] = deque(maxlen=REMEMBERED)

    def take(self, report: CsiReport | None, slot_tick: int) -> CsiReport | None:
        """The newest report in, the one that the encoder for a burst at slot_tick may use out; None when there is none,
        and always where encoders are told nothing (`feedback.csi` off).

        Its measured_tick stays that of the measurement, so that its age is told truly, predicted or not.
        """
        if not self._config.csi:
            return None
        if report is not None and (not self._waiting or report.slot != self._waiting[-1].slot):
            self._waiting.append(report)
        if len(self._waiting) <= self._config.csi_delay_slots:
            return None
        delivered = self._waiting[0]
        if self._config.csi_bits is not None:
            delivered = quantised(delivered, self._config.csi_bits)
        if not self._history or self._history[-1].slot != delivered.slot:
            self._history.append(delivered)
        if not self._config.csi_prediction:
            return delivered
        users = [self._predicted(user, slot_tick) for user in delivered.users]
        return msgspec.structs.replace(delivered, users=users)

    def _predicted(self, user: UserCsi, slot_tick: int) -> UserCsi:
        """What is no measurement is left as it is: no encoder is told it (see `side_information`)."""
        if not measured(user):
            return user
        known = [(r.measured_tick, u) for r in self._history for u in r.users if u.user == user.user and measured(u)]
        seen = [(tick, entry.gain**2) for tick, entry in known]
        ticks, powers = np.array(seen).T
        # Gains come relative to the mean over the users, so a fading user's mean power is near 1 to begin with.
        mean = float((1.0 + powers.sum()) / (1 + powers.size))
        ages_s = (slot_tick - ticks[-PREDICTOR_ORDER:]) / self._rate_hz
        weights = wiener_weights(ages_s, self._config.csi_doppler_hz, linear(-user.snr_db))
        power = mean + float(weights @ (powers[-PREDICTOR_ORDER:] - mean))
        gain = float(np.sqrt(max(power, 1e-4)))
        return msgspec.structs.replace(user, gain=gain, response=scaled(user.response, gain / max(user.gain, 1e-6)))


def wiener_weights(ages_s: np.ndarray, doppler_hz: float, noise_over_power: float) -> np.ndarray:
    """float [n]: LMMSE weights of deviations of |h|^2 from its mean, measured ages_s [n] ago, for their value now.

    Correlation J0(2 pi f t)^2 of Rayleigh fading with Clarke's spectrum (Jakes, "Microwave Mobile Communications",
    1974, section 1.3); an estimate of |h|^2 in noise of this relative power has extra variance 2 n + n^2.
    """
    lags_s = np.abs(ages_s[:, None] - ages_s[None, :])
    extra = 1e-3 + 2 * noise_over_power + noise_over_power**2
    among = scipy.special.j0(2 * np.pi * doppler_hz * lags_s) ** 2 + extra * np.eye(ages_s.size)
    towards = scipy.special.j0(2 * np.pi * doppler_hz * ages_s) ** 2
    return np.asarray(np.linalg.solve(among, towards))


def measured(user: UserCsi) -> bool:
    """Whether the numbers that are reckoned with on the way can come of a measurement."""
    return plausible_user(user) and plausible_db(user.snr_db)


def quantised(report: CsiReport, bits: int) -> CsiReport:
    """Gains and SNRs uniformly in dB over their ranges, phases uniformly over a turn, each in 2^bits levels.

    What is no measurement stays as it is: a range that it was cut down to would make it look like one.
    """
    users = [
        msgspec.structs.replace(
            user,
            gain=float(10 ** (_uniform(20 * np.log10(max(user.gain, 1e-6)), GAIN_RANGE_DB, bits) / 20)),
            phase_rad=float(np.round(user.phase_rad / (2 * np.pi) * 2**bits) % 2**bits * (2 * np.pi / 2**bits)),
            snr_db=_uniform(user.snr_db, SNR_RANGE_DB, bits),
            response=_quantised_response(user.response, bits),
        )
        if measured(user)
        else user
        for user in report.users
    ]
    snr_db = report.snr_db
    if plausible_db(snr_db):
        snr_db = _uniform(snr_db, SNR_RANGE_DB, bits)
    return msgspec.structs.replace(report, users=users, snr_db=snr_db)


def _quantised_response(response: bytes, bits: int) -> bytes:
    """Each value as an SNR and a phase."""
    values = values_of(response)
    if absurd(values):
        return response
    steps = 2**bits
    snr_db = 20 * np.log10(np.maximum(np.abs(values), 1e-6))
    phase = np.round(np.angle(values) / (2 * np.pi) * steps) * (2 * np.pi / steps)
    amplitude = 10 ** (np.array([_uniform(float(one), SNR_RANGE_DB, bits) for one in snr_db]) / 20)
    return (amplitude * np.exp(1j * phase)).astype("<c8").tobytes()


def _uniform(value: float, limits: tuple[float, float], bits: int) -> float:
    low, high = limits
    step = (high - low) / (2**bits - 1)
    return float(low + step * np.round((np.clip(value, low, high) - low) / step))
