"""Sound: the transform by its definition, files of every kind, and pieces through the shipped networks."""

import subprocess
import sys

import numpy as np
import pytest
from scipy.io import wavfile

from models.audio.mdct import HOP, analyse, frames_of, synthesise
from models.audio.modality import LEVELS, Audio, pieces
from models.audio.sound import PIECE_SAMPLES, RATE_HZ, read_sound, sound_files, write_sound
from models.errors import ModelError
from models.modality.shared import SharedModality
from models.sharing import Sharing
from models.side_information import SideInformation

RNG = np.random.default_rng(3)


def test_the_transform_is_the_lapped_cosine_transform_of_its_definition():
    samples = RNG.standard_normal(3 * HOP).astype(np.float32)
    n, k = np.arange(2 * HOP), np.arange(HOP)
    basis = np.sqrt(2 / HOP) * np.cos(np.pi / HOP * np.outer(n + 0.5 + HOP / 2, k + 0.5))
    window = np.sin(np.pi * (n + 0.5) / (2 * HOP))
    wanted = (window * samples[HOP : 3 * HOP]) @ basis
    np.testing.assert_allclose(analyse(samples)[2], wanted, atol=1e-4)


@pytest.mark.parametrize("samples", [1, HOP - 1, HOP, HOP + 1, 5000])
def test_nothing_is_lost_and_energy_is_kept(samples):
    sound = RNG.standard_normal(samples).astype(np.float32)
    coefficients = analyse(sound)
    assert coefficients.shape == (frames_of(samples), HOP)
    assert np.sum(coefficients**2) == pytest.approx(np.sum(sound**2), rel=1e-4)
    np.testing.assert_allclose(synthesise(coefficients, samples), sound, atol=1e-5)


def tone(rate_hz, seconds=0.25, hz=440.0):
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)


@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 22050, 44100, 48000, 95999, 96000])
@pytest.mark.parametrize("kind", ["u1", "i2", "i4", "f4", "f8"])
def test_a_tone_is_the_same_tone_at_16_khz_whatever_the_file(tmp_path, rate_hz, kind):
    values = tone(rate_hz)
    if kind[0] != "f":
        full, zero = {"u1": (127, 128), "i2": (2**15 - 1, 0), "i4": (2**31 - 1, 0)}[kind]
        values = np.rint(values * full + zero)
    wavfile.write(tmp_path / "a.wav", rate_hz, values.astype(kind))
    sound = read_sound(tmp_path / "a.wav")
    assert sound.shape == (RATE_HZ // 4, 1) and sound.dtype == np.float32
    middle = slice(400, -400)  # the resampler's ends know nothing of what lies beyond
    np.testing.assert_allclose(sound[middle, 0], tone(RATE_HZ)[middle], atol=0.012)


@pytest.mark.parametrize(
    ("rate_hz", "shape", "said"),
    [
        (7999, (10,), "sampled at 7999 Hz; allowed are 8000 to 96000"),
        (96001, (10,), "sampled at 96001 Hz"),
        (16000, (10, 3), "3 channels; allowed are mono and stereo"),
        (16000, (0,), "allowed are 1 sample to 600 s"),
        (8000, (8000 * 600 + 1,), "lasts 600"),
    ],
)
def test_what_is_not_allowed_is_refused_in_a_sentence(tmp_path, rate_hz, shape, said):
    wavfile.write(tmp_path / "a.wav", rate_hz, np.zeros(shape, np.int16))
    with pytest.raises(ModelError, match=said):
        read_sound(tmp_path / "a.wav")


def test_what_is_no_sound_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVEjunk")
    with pytest.raises(ModelError, match="no WAV file that can be read"):
        read_sound(tmp_path / "a.wav")
    with pytest.raises(ModelError, match="does not exist"):
        read_sound(tmp_path / "b.wav")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"holds no \.wav file"):
        sound_files(tmp_path / "empty")
    wavfile.write(tmp_path / "c.wav", 16000, np.array([0.0, np.nan], np.float32))
    with pytest.raises(ModelError, match="not finite"):
        read_sound(tmp_path / "c.wav")


def test_ten_minutes_are_300_pieces_and_one_sample_is_one(tmp_path):
    wavfile.write(tmp_path / "long.wav", 8000, np.zeros(8000 * 600, np.int16))
    cut = pieces("long.wav", read_sound(tmp_path / "long.wav"))
    assert len(cut) == 300 and {one.height for one in cut} == {PIECE_SAMPLES} and cut[299].item_id == "long.wav@598s"
    assert [one.size for one in pieces("a", np.zeros((1, 2), np.float32))] == [(1, 2 * LEVELS)]
    assert [one.height for one in pieces("a", np.zeros((PIECE_SAMPLES + 1, 1), np.float32))] == [PIECE_SAMPLES, 1]


@pytest.fixture(scope="module")
def audio():
    return Audio()


def vowel(samples, channels):
    """Something voiced: 30 harmonics of 120 Hz that fall by 6 dB an octave, the second channel half as loud."""
    seconds = np.arange(samples) / RATE_HZ
    sound = sum(np.sin(2 * np.pi * 120 * h * seconds + h * h) / h for h in range(1, 31))
    return (0.1 * sound[:, None] * np.array([1.0, 0.5])[:channels]).astype(np.float32)


def through(audio, item, sinr_db, user=1, users=2):
    shared = SharedModality(audio, Sharing(), users, 16)
    ones = np.ones(users, np.float32)
    side = SideInformation(sinr_db, ones, 0 * ones, sinr_db * ones, 0 * ones)
    sent = shared.encode(item, user, side)
    power = np.where(np.abs(sent) > 0, np.mean(np.abs(sent[np.abs(sent) > 0]) ** 2), 0)
    noise = RNG.standard_normal((sent.size, 2)) @ [1, 1j] * np.sqrt(power * 10 ** (-sinr_db / 10) / 2)
    return shared.decode((0.7 * (sent + noise)).astype(np.complex64), user, side, *item.size)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("loudness", [1.0, 1e-3])
def test_a_voice_arrives_as_loud_as_it_was_and_better_at_higher_sinr(audio, channels, loudness):
    [item] = pieces("a", loudness * vowel(RATE_HZ, channels))
    scores = []
    for sinr_db in (0.0, 10.0, 20.0):
        received = through(audio, item, sinr_db)
        assert received.shape == item.values.shape
        scores.append(audio.score(item.values, received))
        assert np.std(received) == pytest.approx(np.std(item.values), rel=0.4)
    assert scores[0] + 3 < scores[1] < scores[2] - 1 and scores[1] > 8


@pytest.mark.parametrize("samples", [1, 2, HOP, HOP + 1, 777])
def test_short_sounds_arrive_whole(audio, samples):
    [item] = pieces("a", vowel(samples + 40, 2)[40:])
    received = through(audio, item, 20.0)
    assert received.shape == (samples, 2) and np.isfinite(received).all()


def test_silence_stays_silent_and_has_no_score(audio):
    [item] = pieces("a", np.zeros((500, 1), np.float32))
    received = through(audio, item, 0.0)
    assert not received.any() and audio.score(item.values, received) is None


@pytest.mark.parametrize("size", [(0, LEVELS), (PIECE_SAMPLES + 1, LEVELS), (100, 5), (100, 3 * LEVELS)])
def test_numbers_of_no_piece_are_refused(audio, size):
    with pytest.raises(ModelError, match="a piece of sound has 1 to 32000 samples"):
        audio.uses(*size)


def test_the_score_is_the_scale_invariant_ratio(audio):
    sent = RNG.standard_normal((4000, 1)).astype(np.float32)
    error = RNG.standard_normal((4000, 1)).astype(np.float32)
    error -= sent * np.sum(sent * error) / np.sum(sent**2)
    wanted = 10 * np.log10(9 * np.sum(sent**2) / np.sum(error**2))
    assert audio.score(sent, 3 * sent + error) == pytest.approx(wanted, abs=1e-3)
    assert audio.score(np.hstack([sent, 0 * sent]), np.hstack([sent + error, error])) == pytest.approx(
        wanted - 20 * np.log10(3), abs=1e-3
    )


def test_it_is_shown_as_a_file_that_plays_and_as_a_picture(audio, tmp_path):
    sound = vowel(4000, 2)
    shown = audio.show(sound)
    (tmp_path / "a.wav").write_bytes(shown.content)
    assert shown.suffix == ".wav" and shown.picture.shape == (80, 256, 3) and shown.picture.min() < 100
    np.testing.assert_allclose(read_sound(tmp_path / "a.wav"), sound, atol=2 / 32768)
    assert write_sound(np.array([[9.0]], np.float32))[-2:] == (32767).to_bytes(2, "little")


def test_a_transmitter_of_sound_needs_no_torch(tmp_path):
    wavfile.write(tmp_path / "a.wav", 44100, np.rint(9000 * tone(44100)).astype(np.int16))
    program = (
        "import sys\n"
        "from hil.config import load_config; from hil.modality.choice import open_modalities\n"
        "from models.side_information import SideInformation\n"
        f"config = load_config(None, {{'modalities': ['audio'], 'sources': [{str(tmp_path)!r}]}})\n"
        "audio = open_modalities(config)[1]; [item] = audio.load(config.source_of(1))\n"
        "assert audio.encode(item, 1, SideInformation.default(2)).size == audio.channel_uses(*item.size)\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-P", "-c", program], check=True, timeout=120)


def test_opus_is_aligned_and_keeps_to_its_bits():
    pytest.importorskip("av")
    from models.audio.opus import opus_within

    sound = vowel(2 * RATE_HZ, 1)[:, 0]
    found = opus_within(sound, 2 * 16_000)
    assert found and all(0 < one.bits <= 2 * 16_000 and one.sound.shape == sound.shape for one in found)
    best = max(np.corrcoef(sound, one.sound)[0, 1] for one in found)
    assert best > 0.9
    assert opus_within(sound, 100) == []
