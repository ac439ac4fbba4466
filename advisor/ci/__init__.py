"""What a run tells to machines: events as JSON lines, gates as JUnit XML, annotations and a summary for GitHub."""
