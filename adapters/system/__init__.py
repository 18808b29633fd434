"""Time and randomness: the only readers of the machine's clock and entropy."""
