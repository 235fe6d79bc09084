"""Programs that interrupt commands and give them damaged or unusual input."""
