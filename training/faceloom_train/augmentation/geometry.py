"""How much larger a stored crop is than the crop that the network sees."""

# Ratio of the stored crop's side to the network's; rotating and shifting a crop then finds pixels at its edges.
MARGIN = 1.25
