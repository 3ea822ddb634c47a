"""How fast sinks is on this machine."""
