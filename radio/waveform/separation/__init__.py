"""Parting users on the symbols that they share: the weights, and the SINR that they leave."""
