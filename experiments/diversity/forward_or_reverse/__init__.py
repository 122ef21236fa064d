"""The experiment ``forward_or_reverse``: see ``experiment``."""
