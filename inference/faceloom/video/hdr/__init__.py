"""HDR and wide-gamut video: its SDR rendition."""
