"""The experiment ``text_to_avatar``: see ``experiment``."""
