"""The experiment ``collapse_or_drop``: see ``experiment``."""
