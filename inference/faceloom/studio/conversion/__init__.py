"""The settings, sections and presets of the swap page, and the command that converts with them."""
