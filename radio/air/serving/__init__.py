"""The simulated air as a process: its sockets, its protocol, its radios, its time."""
