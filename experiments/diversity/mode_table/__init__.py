"""The experiment ``mode_table``: see ``experiment``."""
