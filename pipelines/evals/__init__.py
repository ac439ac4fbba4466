"""Score, compare, report."""
