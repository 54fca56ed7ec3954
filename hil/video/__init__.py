"""Video and cameras: pictures as they come, late ones dropped by choice; at the receiver shown, timed and recorded."""
