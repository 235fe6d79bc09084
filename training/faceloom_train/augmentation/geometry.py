"""How much larger a stored crop is than the network's crop."""

# Ratio of the stored crop's side to the network's: rotated and shifted crops find pixels there.
MARGIN = 1.25
