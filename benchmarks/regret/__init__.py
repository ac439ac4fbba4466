"""What it costs to follow an advice: 24 controlled tasks, five arms each, and the points lost against the best arm."""
