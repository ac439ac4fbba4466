"""Before a run: everything that can fail later, said now. `check.py` reads top to bottom; one kind of line a file."""
