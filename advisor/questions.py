"""The interview as data: each question says why it is asked and has a default, measured where the data can tell.

To add a question, add one entry, and its field in `advisor/answers.py`. `when` says when it is put to a person; its
default counts anyway, so that `--yes` always works.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from advisor import checks
from advisor.answers import Answer
from advisor.checks import NONE, STARTER, UNKNOWN, Check, Value
from advisor.probing import probe_seconds
from advisor.profile import DataProfile
from pipelines.probe_result import Probed


@dataclass(frozen=True, slots=True)
class Context:
    """What a default may look at. told: answers given so far; profile: None where there is no data; probed: what the
    model did on the rows, None where it was not tried."""

    folder: Path
    profile: DataProfile | None = None
    told: Mapping[str, Value] = field(default_factory=dict)
    gpu_gib: float = 0.0
    probed: Probed | None = None

    @property
    def model(self) -> str:
        """The model as told, or the embedded one."""
        return str(self.told.get("model", STARTER))


@dataclass(frozen=True, slots=True)
class Question:
    """key: as in answers.yaml and `--set`. why: what the answer changes. is_path: relative ones move with the plan."""

    key: str
    text: str
    why: str
    check: Check
    default: Callable[[Context], Answer]
    choices: tuple[str, ...] = ()
    when: Callable[[Context], bool] = lambda _: True
    is_path: bool = False


YES_NO = ("yes", "no")
YES_NO_UNKNOWN = (*YES_NO, UNKNOWN)
_INSTRUCT = re.compile(r"instruct|chat|[-_](it|sft|dpo|rl)\b", re.IGNORECASE)
_CHECKABLE = {"number", "one_of_few", "json", "short_text"}


def _task(context: Context) -> Answer:
    if context.profile is None:
        return Answer("not said yet", "assumed")
    kinds = {
        "number": "a number",
        "one_of_few": f"one of {len(context.profile.answers.labels)} labels",
        "json": "JSON",
        "short_text": "a few words",
        "none": "an answer that can be checked",
    }
    kind = kinds.get(context.profile.answers.kind, "text")
    return Answer(f"Answer the prompts of {Path(context.profile.source).name} with {kind}", "assumed")


def _name(context: Context) -> Answer:
    if context.profile is None:
        return Answer("my-task", "assumed")
    path = (context.folder / context.profile.source).resolve()
    stem = path.name.split(".")[0]
    plain = re.fullmatch(r"(?i)(.*[-_])?(train|training|data|dataset|validation|valid|dev|test)([-_]?\d+)?", stem)
    words = (path.parent.name if plain else stem).casefold()
    return Answer(re.sub(r"[^a-z0-9]+", "-", words).strip("-")[:40].strip("-") or "my-task", "assumed")


def _measured(value: Callable[[DataProfile], Value], without: Value) -> Callable[[Context], Answer]:
    """The default that the profile gives; `without` data it is only assumed."""

    def default(context: Context) -> Answer:
        if context.profile is None:
            return Answer(without, "assumed")
        return Answer(value(context.profile), "measured")

    return default


def _assumed(value: Value) -> Callable[[Context], Answer]:
    return lambda _: Answer(value, "assumed")


def _verifiable(context: Context) -> Answer:
    """Measured where a grader was tried on the rows' own answers, else a guess from the kind of answer."""
    if (told := context.told.get("grader")) is not None:
        return Answer(told != NONE, "told")
    profile = context.profile
    if profile is None:
        return Answer(False, "assumed")
    fits = profile.fit is not None and profile.fit.fits and profile.answers.kind != "short_text"
    return Answer(profile.answers.kind in _CHECKABLE, "measured" if fits else "assumed")


def _grader(context: Context) -> Answer:
    fit = context.profile.fit if context.profile else None
    if fit is None or not fit.fits or context.told.get("verifiable") is False:
        return Answer(NONE, "measured" if context.profile else "assumed")
    return Answer(fit.grader.type, "measured")


def _seconds_to_try(context: Context) -> float | None:
    """Of a probe, where one can be made."""
    grader = str(context.told.get("grader", _grader(context).value))
    return probe_seconds(context.profile, grader, context.model, context.folder)


def _probe(context: Context) -> Answer:
    """Where it takes a moment, nothing is gained by assuming."""
    seconds = _seconds_to_try(context)
    return Answer(seconds is not None and seconds <= A_MOMENT, "assumed")


def _probe_takes_a_while(context: Context) -> bool:
    seconds = _seconds_to_try(context) if context.gpu_gib else None
    return seconds is not None and A_MOMENT < seconds <= A_WHILE


def _reasoning_helps(context: Context) -> Answer:
    """Only trying the model both ways can measure it."""
    if context.probed is not None and context.probed.reasoning_helps is not None:
        return Answer(context.probed.reasoning_helps, "measured")
    if context.profile is None:
        return Answer(UNKNOWN, "assumed")
    if context.profile.answers.worked or context.profile.word_problems:
        return Answer(True, "assumed")
    bare = context.profile.answers.kind in {"one_of_few", "json", "short_text"}
    return Answer(False if bare else UNKNOWN, "assumed")


def _format_new(context: Context) -> Answer:
    if context.probed is not None and context.probed.format_new is not None:
        return Answer(context.probed.format_new, "measured")
    if context.model == STARTER:
        return Answer(True, "assumed")
    return Answer(False if _INSTRUCT.search(context.model) else UNKNOWN, "assumed")


def _no_data(context: Context) -> bool:
    return context.profile is None


def _can_be_checked(context: Context) -> bool:
    return context.told.get("verifiable", _verifiable(context).value) is True


def _unmeasured(default: Callable[[Context], Answer]) -> Callable[[Context], bool]:
    """Whether a person is to be asked what the probe did not tell."""
    return lambda context: _can_be_checked(context) and default(context).origin != "measured"


def _other_model(context: Context) -> bool:
    return context.model != STARTER


DATA = Question(
    "data",
    "Where is your data? (a file, a folder or a hub id; `none` if there is none yet)",
    "Everything that can be measured is read from it instead of being asked.",
    checks.data,
    _assumed(NONE),
    is_path=True,
)

A_MOMENT, A_WHILE = 60.0, 3600.0
"""Seconds of a probe: up to the one it is made unless somebody says no, up to the other a person is asked."""
PROBE = "probe"
"""The question after which the model is tried, if that is wanted: what comes later may be measured by it."""

QUESTIONS: tuple[Question, ...] = (
    Question(
        "task",
        "What is the model to do, in a sentence?",
        "It heads the plan and the report.",
        checks.text,
        _task,
    ),
    Question(
        "model",
        "Which model? (`starter` is the small embedded one; else a folder or a hub id)",
        "What it can do already decides whether SFT must come first.",
        checks.model,
        _assumed(STARTER),
        is_path=True,
    ),
    Question(
        "labelled",
        "How many rows with a right answer do you have?",
        "Under 100 and over 100,000 the published advice changes.",
        checks.count,
        _measured(lambda profile: profile.num_labelled, 0),
        when=_no_data,
    ),
    Question(
        "demonstrations",
        "Do the answers show how to get there (worked steps, or the whole text you want), not only the result?",
        "SFT on bare results teaches answering without reasoning.",
        checks.yes_no,
        _measured(lambda profile: profile.demonstrations, False),
        YES_NO,
        lambda context: _no_data(context) and context.told.get("labelled", 0) != 0,
    ),
    Question(
        "verifiable",
        "Can a program tell a right answer from a wrong one?",
        "RFT needs a grader; where nothing can check, people's preferences must.",
        checks.yes_no,
        _verifiable,
        YES_NO,
    ),
    Question(
        "grader",
        "Which grader compares the answers?",
        "It is the reward in training and the measure of success.",
        checks.grader,
        _grader,
        (*checks.bare_graders(), NONE),
        _can_be_checked,
    ),
    Question(
        PROBE,
        "Shall the model be tried on your rows first, asked in several ways?",
        "It takes minutes; then what it can do, and whether a better prompt would do, is measured in place of assumed.",
        checks.yes_no,
        _probe,
        YES_NO,
        when=_probe_takes_a_while,
    ),
    Question(
        "reasoning_helps",
        "Do answers get better when the model thinks step by step first?",
        "Between 100 and 100,000 labelled rows this decides between RFT and SFT.",
        checks.yes_no_unknown,
        _reasoning_helps,
        YES_NO_UNKNOWN,
        _unmeasured(_reasoning_helps),
    ),
    Question(
        "format_new",
        "Is the task, or the format of its answers, new to the model?",
        "Then SFT comes first: RL can only reward what the model already does now and then.",
        checks.yes_no_unknown,
        _format_new,
        YES_NO_UNKNOWN,
        _unmeasured(_format_new),
    ),
    Question(
        "target",
        "Which share of right answers would be good enough, from 0 to 1? (0 where nobody said)",
        "Where the model, or a better prompt alone, reaches it, nothing need be trained.",
        checks.share,
        _assumed(0.0),
        when=lambda context: context.probed is not None,
    ),
    Question(
        "preferences",
        "How many pairs of a better and a worse answer do you have?",
        "Without a grader they are the only lesson beyond imitation.",
        checks.count,
        _measured(lambda profile: profile.num_pairs, 0),
        when=lambda context: _no_data(context) and not _can_be_checked(context),
    ),
    Question(
        "reward_model",
        "Has a reward model that was trained on your pairs passed its gate?",
        "With it, and many prompts without a pair, PPO is advised in place of DPO.",
        checks.yes_no,
        _assumed(False),
        YES_NO,
        when=lambda _: False,  # asked of nobody: who has one says --set reward_model=yes
    ),
    Question(
        "gpu_gib",
        "How many GiB has the GPU that you will train on? (0 for none)",
        "The embedded model trains on a CPU; others hardly do.",
        checks.amount,
        lambda context: Answer(context.gpu_gib, "measured"),
        when=lambda context: _other_model(context) and context.gpu_gib == 0,
    ),
    Question(
        "hours",
        "How many hours may training take? (0 for no limit)",
        "Under one hour, one round of rejection sampling is advised in place of GRPO.",
        checks.amount,
        _assumed(0.0),
        when=lambda context: not _no_data(context) and _other_model(context) and _can_be_checked(context),
    ),
    Question(
        "control",
        "Shall SFT also train on for as long as RFT takes, for comparison?",
        "It shows whether RFT or only more training made the gain; it costs that time again.",
        checks.yes_no,
        _assumed(False),
        YES_NO,
        when=lambda _: False,  # asked of nobody: who wants it says --set control=yes
    ),
    Question(
        "rl_gate",
        "Shall the run stop before RL where RL could learn nothing, and after a stage that made the model worse?",
        "RL learns only where answers to a prompt differ in score; to see it costs sixteen answers to 30 to 100 rows.",
        checks.yes_no,
        _assumed(True),
        YES_NO,
        when=lambda _: False,  # asked of nobody: who wants none says --set rl_gate=no
    ),
    Question(
        "name",
        "How shall the plan be called?",
        "It names the folder of the run.",
        checks.plan_name,
        _name,
        when=lambda context: not _no_data(context),
    ),
)
