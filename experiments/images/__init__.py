"""The game on images."""
