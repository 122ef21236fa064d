"""The experiment ``players``: see ``experiment``."""
