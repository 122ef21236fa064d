"""Modes: collapsed, dropped, weighed."""
