"""report.html: a run on one page that opens offline, for people."""
