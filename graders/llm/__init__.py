"""Asking a language model or a grader behind HTTP: what judge, rubric, score_model, label_model and endpoint share."""
