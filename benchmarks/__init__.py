"""How fast sinks is, and how much memory it takes, on this machine."""
