"""RLHF on the starter's tone task: from the model's own samples to a reward model and a policy, on two cores."""
