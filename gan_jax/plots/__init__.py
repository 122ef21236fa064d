"""Numbers in, Figure out: nothing here trains, and nothing reads a file."""
