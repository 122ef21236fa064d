"""How good samples are: distances, coverage and diversity in the space of named features."""
