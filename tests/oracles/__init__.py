"""Oracles: other tools' answers on the same input."""
