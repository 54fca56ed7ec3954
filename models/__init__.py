"""Learned codecs for superposed users: encoders, per-user decoders, channels to train through, and a refiner.

What a transmitter needs (``runtime``, ``package``, ``images``, ``side_information``) never imports torch.
"""
