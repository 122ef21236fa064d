"""Divergences that train: a critic on samples, and the comparison of what it says with the exact values."""
