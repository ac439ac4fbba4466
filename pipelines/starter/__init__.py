"""The embedded default: a small model, its tokenizer, its tasks, and how they were made."""
