"""Convert videos with random streams and containers, and check what is copied."""
