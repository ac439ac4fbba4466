"""Demonstrations in words that are not the model's, half of them without steps: does imitating them make it worse?"""
