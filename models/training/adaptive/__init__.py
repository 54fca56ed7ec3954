"""Training the adaptive codec, which any number of users share."""
