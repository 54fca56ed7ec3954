"""One file a command; `main` finds them by name and imports only the one that runs."""
