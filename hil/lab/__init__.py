"""A lab of several hosts: its inventory, what each host is sent, starting, watching and ending nodes over ssh."""
