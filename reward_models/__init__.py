"""Trains reward models: a body that reads a conversation, and a head that gives it one number."""
