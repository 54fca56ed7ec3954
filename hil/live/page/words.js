// What the page's short words mean: shown where the pointer rests, and on a phone where a word is touched.

const WORDS = {
  psnr: "Peak signal-to-noise ratio of the picture: 10 log10(255² / mean squared error). Higher is better.",
  ssim: "Structural similarity of the picture, 0 to 1. Higher is better.",
  ideal: "PSNR of the same codec, picture, fading and noise level without a waveform, the channel being known.",
  snr: "This user's received power over the noise, measured on its training symbols.",
  payload: "SINR: this user's power over noise and what is left of the others, on the payload behind the separation.",
  evm: "Error vector magnitude of the header's known symbols. Lower is better.",
  constellation: "The symbols that decoders are given. Learned codecs send no grid of points: a cloud is right.",
  channel: "The estimated channel of every user over frequency. Notches are multipath.",
  spectrum: "Received power over frequency, all users together; below it the last slots, newest on top.",
  frequency: "State of the loop that lowers or raises the transmitter's carrier.",
  cfo_hz: "Carrier frequency offset, transmitter minus receiver, that is left after the correction.",
  precorrection_hz: "By how much the transmitter lowers its carrier.",
  timing: "State of the loop that sends bursts earlier or later.",
  arrival_samples: "When the burst arrives, from where its slot has it.",
  advance_ticks: "By how many samples the burst leaves earlier.",
  power: "State of the loop that keeps the users' powers in the wanted ratio.",
  snr_db: "This user's received power over the noise, measured on its training symbols.",
  gain_db: "Amplitude of the channel over the mean of the users.",
  tx_gain_db: "What the power loop adds to the configured transmit gain; at most 0.",
  clock_ppm: "How much faster the transmitter's sample clock runs than the receiver's.",
  csi_age_ms: "Time between the channel measurement that the encoder used and its own transmission.",
  papr_db: "Peak-to-average power ratio of the transmitted burst.",
};

// An element says what its word means.
export function explain(node, word) {
  if (node.dataset.word === word || !WORDS[word]) return node;
  node.dataset.word = word;
  node.title = WORDS[word];
  node.tabIndex = 0;
  node.classList.add("term");
  return node;
}

export function explainHeadings() {
  for (const node of document.querySelectorAll("[data-term]")) explain(node, node.dataset.term);
}
