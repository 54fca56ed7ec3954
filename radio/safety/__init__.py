"""What keeps a transmitter in bounds and switches it off: guard, watchdog, sentinel."""
