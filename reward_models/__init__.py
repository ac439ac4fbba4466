"""Reward models are trained here."""
