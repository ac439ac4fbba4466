"""Graders: one a file, pure; each turns a Sample into a Grade."""
