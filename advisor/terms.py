"""What a task's description gives away, in the general terms of the trade. Pure; never a data set's or a model's name.

Used only where nothing better is known: a measured or told fact always counts for more.
"""

import re

_DISTIL = re.compile(r"(?<![-\w])(distil\w*|teacher\w*|(reasoning )?traces?|imitat\w+)(?![-\w])", re.IGNORECASE)
"""As a word of its own: "-Distill-" within a model's name only says where the model comes from."""
_RECOGNISE = re.compile(
    r"\b(classif\w+|categor\w+|extract\w*|entit\w+|tagging|labell?ing|sentiment|toxic\w*|moderation|intents?|routing|"
    r"detect\w*|summar\w+|translat\w+|paraphras\w+|rewrit\w+|style|tone|format(ting)?|transcri\w+)\b",
    re.IGNORECASE,
)
_REASON = re.compile(
    r"\b(reason\w*|math\w*|arithmetic|algebra|proofs?|theorem\w*|puzzles?|logic\w*|plan(ning)?|agents?|agentic|tools?|"
    r"multi-?(turn|step)|cod(e|ing)|program\w*|software|sql|kernels?|unit tests?|competiti\w+|olympiad|diagnos\w+|"
    r"research|optimi[sz]\w+|games?)\b",
    re.IGNORECASE,
)
_CHOOSE = re.compile(
    r"\b(multiple[- ]choice|mcq|true[ /-]or[ /-]false|yes[ /-]or[ /-]no|binary|one of (a |the )?few)\b", re.IGNORECASE
)
_JUDGE = re.compile(r"\b(rubrics?|judge[sd]?|graded by (an? )?(model|expert|doctor|clinician)s?)\b", re.IGNORECASE)
_PLEASE = re.compile(
    r"\b(helpful\w*|harmless\w*|chat|dialog(ue)?|conversation\w*|tone|brand voice|creative|polite\w*|persona)\b",
    re.IGNORECASE,
)


def distils(task: str) -> bool:
    """A stronger model wrote the answers."""
    return _DISTIL.search(task) is not None


def recognises(task: str) -> bool:
    """Naming, extracting or rewriting what stands there: thinking first seldom helps."""
    return _RECOGNISE.search(task) is not None and _REASON.search(task) is None


def reasons(task: str) -> bool:
    """Several steps must be right one after another."""
    return _REASON.search(task) is not None and _RECOGNISE.search(task) is None


def chooses(task: str) -> bool:
    """The answer is one of a few, so it can be guessed."""
    return _CHOOSE.search(task) is not None


def judged(task: str) -> bool:
    """A rubric or an expert grades the answers."""
    return _JUDGE.search(task) is not None


def pleases(task: str) -> bool:
    """What counts is whether people like it."""
    return _PLEASE.search(task) is not None
