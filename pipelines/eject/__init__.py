"""A plan's stages as configs and data files of a peer, with a list of what could not be carried.

In: a plan, and its run where there is one. Out: a folder that the peer reads. `plan.py` resolves the stages with their
numbers filled in, `examples.py` their rows; one module a peer turns a stage into a config (`trl.py`, ...).
"""
