"""Who wins where: ways of sharing over users, antennas and SNR, pictures and capacity side by side."""
