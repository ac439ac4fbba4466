"""Runs plans: data, stages, evaluation. torch is imported only inside functions."""
