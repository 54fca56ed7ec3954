"""Learned codecs for superposed users: encoders, per-user decoders, channels to train through, and a refiner.

What a transmitter needs (``runtime``, ``manifest``, ``images``, ``side_information``, ``zoo``) never
imports torch.
"""
