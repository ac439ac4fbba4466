"""A quick reward model: logistic regression on the frozen body's states, learned in seconds.

In: pairs. Out: the head's weights, to be put on the body: the same folder and grader as any other reward model. For
very small data, and the baseline that a fully trained one must beat. The states are those of the last token, which the
head reads; their difference within a pair is what scikit-learn's LogisticRegression (L2, without intercept, in both
orders) separates. The strength of its penalty is chosen by five-fold cross-validation over prompts.
"""

from collections.abc import Sequence
from typing import Any

from graders.errors import UserError
from graders.reward_model import Scorer
from reward_models.examples import Pair

STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)


def fit_head(scorer: Scorer, pairs: Sequence[Pair], seed: int) -> tuple[Any, float]:
    """(the head's weights as a tensor (1, hidden), the strength C that cross-validation chose).

    Ties and pairs that exceed the context are left out. Raises UserError where no pair is left.
    """
    import numpy as np
    import torch
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, GroupKFold

    sides = [scorer.states([(pair.messages, getattr(pair, side)) for pair in pairs]) for side in ("chosen", "rejected")]
    kept = [
        (str(pair.messages), better - worse)
        for pair, better, worse in zip(pairs, *sides, strict=True)
        if better is not None and worse is not None and not pair.tie
    ]
    if not kept:
        raise UserError("no preference pair fits the model's context", "shorter conversations, or a longer context")
    apart = np.stack([difference.numpy() for _, difference in kept])
    spread = apart.std(axis=0) + np.abs(apart.mean(axis=0)) + 1e-6
    scaled = np.concatenate([apart, -apart]) / spread
    labels = np.repeat([1, 0], len(kept))
    prompts = {prompt: place for place, prompt in enumerate(dict.fromkeys(prompt for prompt, _ in kept))}
    plain = LogisticRegression(fit_intercept=False, max_iter=5000, random_state=seed)
    folds = min(5, len(prompts))
    if folds > 1:
        groups = np.tile([prompts[prompt] for prompt, _ in kept], 2)
        search = GridSearchCV(plain, {"C": list(STRENGTHS)}, cv=GroupKFold(folds), scoring="neg_log_loss")
        plain = search.fit(scaled, labels, groups=groups).best_estimator_
    else:
        plain.fit(scaled, labels)
    return torch.tensor(plain.coef_ / spread, dtype=torch.float32), float(plain.C)
