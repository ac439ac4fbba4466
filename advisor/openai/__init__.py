"""An OpenAI fine-tuning job → a plan: what was asked for, what of it has a counterpart here, and what cannot work."""
