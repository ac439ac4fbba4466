"""Where people compare completions: a page served on this machine, and a terminal."""
