"""What the test run itself needs: type checks, shared folders, memoized networks, messages."""
