"""The experiment ``cycle_avatars``: see ``experiment``."""
