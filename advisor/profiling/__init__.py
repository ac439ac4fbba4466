"""What a data file holds, measured over all of its rows by DuckDB and more closely on a sample of them."""
