"""The experiment ``arms_race``: see ``experiment``."""
