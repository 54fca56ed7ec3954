"""The bench and what is done on it: calibrating radios against each other, characterising a room."""
