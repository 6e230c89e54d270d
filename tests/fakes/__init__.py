"""Servers that stand in for the platforms' own: strict, on loopback, with a journal."""
