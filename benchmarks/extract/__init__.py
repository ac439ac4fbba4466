"""Credit for each right field against credit for the whole alone, on the starter's own extraction task."""
