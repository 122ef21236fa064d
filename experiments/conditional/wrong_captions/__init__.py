"""The experiment ``wrong_captions``: see ``experiment``."""
