"""Programs and packages that stand in for real ones."""
