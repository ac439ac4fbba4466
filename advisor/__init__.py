"""Asks, decides, explains. Nothing here imports torch."""
