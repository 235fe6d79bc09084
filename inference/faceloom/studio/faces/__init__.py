"""One face set as the studio shows it: its table, thumbnails, findings, and rejections."""
