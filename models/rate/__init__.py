"""How many symbols each block of a picture gets, out of those that its user has. numpy only."""
