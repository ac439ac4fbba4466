"""Statistics over grades: intervals, pass@k, paired tests, the smallest visible effect, agreement.

In: counts and lists of numbers. Out: numbers, rates as shares in [0, 1]. Nothing here knows of graders, rows or files.
numpy and scipy are imported when first used, so that the command line starts fast.
"""

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

_MAX_DRAWS_AT_ONCE = 2_000_000  # 16 MB of indices


class Interval(NamedTuple):
    """Both ends of a confidence interval, in the unit of what was measured."""

    low: float
    high: float


def wilson_interval(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Score interval of a share: inside [0, 1] and honest near both ends (Wilson, JASA 22, 1927). n = 0: [0, 1]."""
    if n == 0:
        return Interval(0.0, 1.0)
    z = _normal_quantile(0.5 + confidence / 2)
    share = successes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    high = 1.0 if successes == n else min(1.0, middle + half)
    return Interval(low, high)


def pass_at_k(n: int, correct: int, k: int) -> float:
    """Unbiased chance that one of k completions is right, from n of which `correct` were (Chen et al. 2021, eq. 1).

    1 - C(n - c, k) / C(n, k), as a product that cannot overflow (arXiv:2107.03374). Raises ValueError unless k ≤ n.
    """
    if not 0 <= correct <= n or not 1 <= k <= n:
        raise ValueError(f"pass@k needs 1 <= k <= n and 0 <= correct <= n, got k={k}, n={n}, correct={correct}")
    if n - correct < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / i for i in range(n - correct + 1, n + 1))


def mean_pass_at_k(counts: Sequence[tuple[int, int]], k: int) -> float | None:
    """Mean of pass@k over prompts given as (n, correct); prompts with fewer than k completions are left out."""
    values = [pass_at_k(n, correct, k) for n, correct in counts if n >= k]
    return math.fsum(values) / len(values) if values else None


def paired_bootstrap(
    differences: Sequence[float],
    clusters: Sequence[Hashable],
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile interval of the mean of paired differences, where rows of one cluster (prompt) are drawn together.

    Whole clusters are drawn with replacement, as many as there are (Efron & Tibshirani 1993, ch. 13; Davison & Hinkley
    1997, §3.8). Same input, same seed, same interval. Raises ValueError on no rows or unequal lengths.
    """
    import numpy as np

    if not differences or len(differences) != len(clusters):
        raise ValueError(f"{len(differences)} differences and {len(clusters)} clusters: want equal numbers above 0")
    places: dict[Hashable, int] = {}
    index_N = np.array([places.setdefault(cluster, len(places)) for cluster in clusters])
    sums_C = np.bincount(index_N, weights=np.asarray(differences, dtype=float))
    sizes_C = np.bincount(index_N).astype(float)
    draws = np.random.default_rng(seed)
    means = np.empty(n_resamples)
    step = max(1, _MAX_DRAWS_AT_ONCE // len(places))
    for start in range(0, n_resamples, step):
        stop = min(start + step, n_resamples)
        drawn_RC = draws.integers(len(places), size=(stop - start, len(places)))
        means[start:stop] = sums_C[drawn_RC].sum(axis=1) / sizes_C[drawn_RC].sum(axis=1)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))


def mcnemar_exact(won: int, lost: int) -> float:
    """Two-sided p of the exact McNemar test: rows that changed as coin flips (McNemar 1947; Agresti 2013, §11.1)"""
    from scipy.special import bdtr

    if won + lost == 0:
        return 1.0
    return min(1.0, 2.0 * float(bdtr(min(won, lost), won + lost, 0.5)))


def minimal_detectable_effect(n: int, discordant: float, power: float = 0.8, alpha: float = 0.05) -> float:
    """The smallest true difference of two paired pass rates that n rows show with this power (two-sided test).

    Connor 1987 (Biometrics 43): n = (z_{1-α/2} √ψ + z_power √(ψ - δ²))² / δ², solved for δ in closed form; ψ
    (`discordant`) is the share of rows on which the two differ. No difference exceeds ψ: where n is too small for that,
    ψ itself is returned. Raises ValueError unless n > 0 and 0 < ψ ≤ 1.
    """
    if n <= 0 or not 0 < discordant <= 1:
        raise ValueError(f"want n > 0 and 0 < discordant <= 1, got n={n}, discordant={discordant}")
    a, b = _normal_quantile(1 - alpha / 2), _normal_quantile(power)
    # δ√n = a√ψ + b√(ψ-δ²)  ⇔  (n + b²)δ² - 2a√(ψn)δ + (a² - b²)ψ = 0; the larger root.
    root = math.sqrt(max(0.0, discordant * (a * a * n - (n + b * b) * (a * a - b * b))))
    return min(discordant, (a * math.sqrt(discordant * n) + root) / (n + b * b))


def cohens_kappa(first: Sequence[Hashable], second: Sequence[Hashable]) -> float | None:
    """Agreement of two raters beyond chance (Cohen 1960); None when chance alone would make them agree always."""
    if not first or len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} ratings: want equal numbers above 0")
    n = len(first)
    observed = sum(one == two for one, two in zip(first, second, strict=True)) / n
    counts, others = Counter(first), Counter(second)
    chance = sum(count * others[label] for label, count in counts.items()) / (n * n)
    return None if chance == 1 else (observed - chance) / (1 - chance)


def krippendorff_alpha(
    units: Sequence[Sequence[Hashable]],
    clusters: Sequence[Hashable],
    n_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, Interval] | None:
    """Agreement of any number of raters beyond chance, where some ratings may be missing; labels without an order.

    units: the ratings of each thing rated, with those missing left out; things with fewer than two ratings tell
    nothing. The interval resamples clusters (Krippendorff 2004, Content Analysis, §11.3). None where no thing has two
    ratings, or all ratings are equal. Raises ValueError on unequal lengths.
    """
    import numpy as np

    if len(units) != len(clusters):
        raise ValueError(f"{len(units)} units and {len(clusters)} clusters: want equal numbers")
    rated = [(Counter(unit), cluster) for unit, cluster in zip(units, clusters, strict=True) if len(unit) > 1]
    labels = sorted({label for counts, _ in rated for label in counts}, key=repr)
    places: dict[Hashable, int] = {}
    sums_PL = np.zeros((len({cluster for _, cluster in rated}), len(labels) + 1))
    for counts, cluster in rated:
        n = counts.total()
        disagreement = (n * n - sum(count * count for count in counts.values())) / (n - 1)
        row = [disagreement, *(counts[label] for label in labels)]
        sums_PL[places.setdefault(cluster, len(places))] += row
    value = _alpha(sums_PL.sum(axis=0)) if rated else None
    if value is None:
        return None
    draws = np.random.default_rng(seed)
    drawn = (sums_PL[draws.integers(len(places), size=len(places))].sum(axis=0) for _ in range(n_resamples))
    found = [alpha for sums_L in drawn if (alpha := _alpha(sums_L)) is not None]
    low, high = np.quantile(found or [value], [(1 - confidence) / 2, (1 + confidence) / 2])
    return value, Interval(float(low), float(high))


def _alpha(sums_L: Any) -> float | None:
    """sums_L: the disagreement within units, then how often each label was given."""
    n = float(sums_L[1:].sum())
    chance = n * n - float((sums_L[1:] ** 2).sum())
    return None if chance == 0 else 1 - (n - 1) * float(sums_L[0]) / chance


def rows_to_show(share: float, against: float = 0.5, power: float = 0.8, alpha: float = 0.05) -> int:
    """How many rows show that a true share differs from `against` (two-sided one-sample test of a proportion).

    n = ((z_{1-α/2} √(p₀(1-p₀)) + z_power √(p(1-p))) / (p - p₀))² (Fleiss, Levin & Paik 2003, §2.4).
    Raises ValueError where the shares are equal.
    """
    if share == against:
        raise ValueError(f"no number of rows shows a difference between {share} and {against}")
    a, b = _normal_quantile(1 - alpha / 2), _normal_quantile(power)
    spread = a * math.sqrt(against * (1 - against)) + b * math.sqrt(share * (1 - share))
    return math.ceil((spread / (share - against)) ** 2)


def spearman(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Rank correlation, ties at their mean rank (Spearman 1904); None under 2 rows or when one side never varies."""
    from scipy.stats import rankdata

    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} scores: want equal numbers")
    if len(set(first)) < 2 or len(set(second)) < 2:
        return None
    import numpy as np

    return float(np.corrcoef(rankdata(first), rankdata(second))[0, 1])


def _normal_quantile(probability: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(probability)
