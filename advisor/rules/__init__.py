"""The decision as data: rules, vetoes, barriers, stages, gates, edges and cautions, each with its reason and source."""
