"""Words of the report in a sentence each: shown where the pointer rests or the focus is."""

WORDS = {
    "PSNR": "Peak signal-to-noise ratio of the picture, dB: 10 log10(255² / mean squared error). Higher is better.",
    "SSIM": "Structural similarity of the picture, 0 to 1. Higher is better.",
    "overhead": "Share of a burst's samples for preamble, training and headers; several pictures a burst lower it.",
    "Ideal": "PSNR of the same codec, picture, fading and noise level without a waveform, the channel being known.",
    "Loss": "Ideal minus received PSNR: what synchronisation, estimation and hardware cost.",
    "SNR": "Total received power of all users per channel use over the noise power in the same bandwidth.",
    "of sent": "PSNR over all pictures that were sent; a lost one counts as plain grey.",
    "User SNR": "One user's received power over the noise, measured on its training symbols.",
    "SINR": "One user's power over noise and what is left of the others, on the payload behind the equaliser.",
    "CFO": "Carrier frequency offset between a transmitter and the receiver, after pre-correction.",
    "Arrival jitter": "Standard deviation, from frame to frame, of when the user's bursts arrive: of radios timed "
    "by software (Pluto, repeat=1) how well it holds.",
    "Doppler": "How far the user's fastest path is shifted in frequency, mean over the frames; 0: not found.",
    "Beyond prefix": "Share of the channel's power at delays that the cyclic prefix does not cover: it disturbs.",
    "CSI age": "Time between the channel measurement that an encoder used and its own transmission.",
    "unrefined": "PSNR before diffusion refinement, which trades PSNR for a more natural look.",
    "Digital": "JPEG over 5G LDPC and QAM with the same channel uses and SNR, users taking turns, no fading.",
    "Difference": "Received minus sent, four times as strong, around mid-grey: grey is right.",
    "words lost": "The protected bits beside this picture did not arrive as they were sent; they carry its caption.",
    "lost bits": "Bursts whose protected bits (caption, name, metadata) did not arrive, over all that carried some.",
    "generated pictures": "Made by the receiver from a coarse code and, where its network takes them, the words.",
    "class agreement": "Share of the generated pictures in which a classifier sees what was meant: the label sent "
    "along, or what it sees in the original.",
    "caption similarity": "Likeness of the caption that was sent and one of the class that a classifier sees in the "
    "generated picture, as sentences: 1 is alike.",
    "st-lpips": "Shift-tolerant perceptual distance from the picture that was meant, 0 for the same. Less is better.",
    "Generated": "Made by the receiver from a coarse code: what is on it was not all sent.",
    "from symbols": "What a picture shows, read from its received symbols without decoding it.",
    "Dropped": "Pictures that were not sent, because a newer one was there before their turn came.",
    "Repeated": "Pictures that were sent once more, because no newer one had come.",
    "capture": "From the moment a picture was taken, or due in its file, until it has the session's size.",
    "wait for slot": "Until the transmitter takes it for its next slot.",
    "encode": "Semantic encoder and modulator.",
    "air": "Until the receiver has the slot's samples; other users who are later hold it up.",
    "receive": "Synchronisation, channel estimation and separation of the users.",
    "decode": "Until all users' pictures of the frame are decoded, what was decoded before them included.",
    "show": "Until the picture is with the live page's publisher and the recording.",
    "implementation loss": "Mean of ideal minus received PSNR over the decoded pictures.",
}

REMEDIES = {
    "not detected": "No burst of this user was found: level too low, transmitter silent, or offset beyond the search.",
    "checksum": "The burst was found, its header was not read: SNR too low, interference, or a burst on top of it.",
    "cut off": "The burst began too late for the samples that were received: timing, or a late transmitter.",
}

# What an event of a frame means and what to do, by its kind.
EVENTS = {
    "late": "Samples reached a radio after their time: lower sample_rate_hz, a larger radio.lead_s, a wired link.",
    "underflow": "A transmitter's computer did not feed its radio in time: lower sample_rate_hz, free the machine.",
    "overflow": "The receiver's computer was too slow for the radio: lower sample_rate_hz, free the machine.",
    "sequence_error": "Packets between radio and computer went missing: another cable or port, larger network buffers "
    "(sysctl net.core.rmem_max), no switch in between.",
    "lost_lock": "An oscillator or the reference lost its lock: check the 10 MHz cable and its level, let it warm up.",
    "lost_link": "The connection to a radio broke and was made again: check its cable and its power.",
    "clipped": "Samples at full scale: lower the receiver's gain, or radio.tx_gain_db.",
    "unusable": "Samples that are no numbers came from a radio or recording; they were taken as silence.",
    "interference": "A tone was in the samples: see Interference in the report.",
    "gain_steps": "A gain changed within a burst: switch automatic gain off, at both ends.",
    "slipped_samples": "Samples were lost or doubled within a burst: the same remedies as for overflow.",
    "lost_samples": "The stream lacked samples that no driver reported: the same remedies as for overflow.",
    "repeated_samples": "The stream had samples twice that no driver reported: the same remedies as for overflow.",
    "mirrored_spectrum": "The spectrum is mirrored: I and Q are swapped at one end, set rx.mirrored.",
}


def remedy(reason: str, events: dict[str, int]) -> str:
    """What a lost picture's reason and its frame's events usually mean; "" for what is not known."""
    said = [text for word, text in REMEDIES.items() if word in reason.lower()]
    return " ".join([*said, *(EVENTS[kind] for kind in events if kind in EVENTS)])
