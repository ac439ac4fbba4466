"""Races the methods that the data allows, each for as long as the others, before the whole training is paid for."""
