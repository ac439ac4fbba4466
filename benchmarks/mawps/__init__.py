"""The claim behind RFT on real data: few worked solutions, many checkable answers, a model that a laptop trains."""
