"""How good a payload is, symbol by symbol, and what happened to it on the way."""
