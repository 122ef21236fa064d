"""Data sets: images by name, in memory or read when asked for, and the sources that a compiled step draws from."""
