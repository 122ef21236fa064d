"""Training as pure programs: knows objectives, penalties and optimisers, no model and no file."""
