"""The experiment ``conditional_digits``: see ``experiment``."""
