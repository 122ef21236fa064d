"""The experiment ``loss_tracks_quality``: see ``experiment``."""
