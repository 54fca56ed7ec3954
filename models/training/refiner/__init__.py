"""Training refiners: the diffusion prior, conditioned, one-step, and the conditional GAN."""
