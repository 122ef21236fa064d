"""Generators that are told what to draw."""
