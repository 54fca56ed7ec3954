"""The OFDM burst that several users send on top of each other, and the receiver that takes it apart."""
