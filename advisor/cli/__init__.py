"""One command a file; main.py is the one place where errors become messages."""
