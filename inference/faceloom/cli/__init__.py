"""The `faceloom` command: strings in, one library call, a result printed."""
