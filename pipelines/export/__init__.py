"""A finished run → a model folder that ships, proved to be the model that was measured."""
