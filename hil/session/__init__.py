"""What one slot is to the nodes: its control loops, CSI on its way back, and how radios keep time."""
