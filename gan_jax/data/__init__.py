"""Data sets, served without a network."""
