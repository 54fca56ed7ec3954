"""One file a backend; each has `open_device(address, role, index) -> Radio` (see `radio.backends`)."""
