"""Words of the report in a sentence each: shown where the pointer rests or the focus is."""

WORDS = {
    "PSNR": "Peak signal-to-noise ratio of the picture, dB: 10 log10(255² / mean squared error). Higher is better.",
    "SSIM": "Structural similarity of the picture, 0 to 1. Higher is better.",
    "Ideal": "PSNR of the same codec, picture, fading and noise level without a waveform, the channel being known.",
    "Loss": "Ideal minus received PSNR: what synchronisation, estimation and hardware cost.",
    "SNR": "Total received power of all users per channel use over the noise power in the same bandwidth.",
    "of sent": "PSNR over all pictures that were sent; a lost one counts as plain grey.",
    "User SNR": "One user's received power over the noise, measured on its training symbols.",
    "SINR": "One user's power over noise and what is left of the others, on the payload behind the equaliser.",
    "CFO": "Carrier frequency offset between a transmitter and the receiver, after pre-correction.",
    "Doppler": "How far the user's fastest path is shifted in frequency, mean over the frames; 0: not found.",
    "Beyond prefix": "Share of the channel's power at delays that the cyclic prefix does not cover: it disturbs.",
    "CSI age": "Time between the channel measurement that an encoder used and its own transmission.",
    "unrefined": "PSNR before diffusion refinement, which trades PSNR for a more natural look.",
    "Digital": "JPEG over 5G LDPC and QAM with the same channel uses and SNR, users taking turns, no fading.",
    "Difference": "Received minus sent, four times as strong, around mid-grey: grey is right.",
    "words lost": "The protected bits beside this picture did not arrive as they were sent; they carry its caption.",
    "lost bits": "Bursts whose protected bits (caption, name, metadata) did not arrive, over all that carried some.",
    "implementation loss": "Mean of ideal minus received PSNR over the decoded pictures.",
}

REMEDIES = {
    "not detected": "No burst of this user was found: level too low, transmitter silent, or offset beyond the search.",
    "checksum": "The burst was found, its header was not read: SNR too low, interference, or a burst on top of it.",
    "cut off": "The burst began too late for the samples that were received: timing, or a late transmitter.",
    "interference": "A tone was in the samples: see Interference in the report.",
    "late": "A radio got its samples after their time: lower the sample rate or give a larger radio.lead_s.",
    "overflow": "The receiver's computer was too slow for the radio: lower the sample rate, free the machine.",
}


def remedy(reason: str, events: dict[str, int]) -> str:
    """What a lost picture's reason and its frame's events usually mean; "" for what is not known."""
    seen = [reason, *events]
    return " ".join(text for word, text in REMEDIES.items() if any(word in one.lower() for one in seen))
