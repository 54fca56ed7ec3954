"""The record of a run: rows, pictures, diagnostics, recordings and the figures over them."""
