"""What people (or a judge, marked as such) prefer: their answers as a file, and the pairs that training takes."""
