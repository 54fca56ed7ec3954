"""A twin of the room: a simulated air whose bursts fare as those of a recording did."""
