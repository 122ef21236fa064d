"""The experiment ``conditional_ring``: see ``experiment``."""
