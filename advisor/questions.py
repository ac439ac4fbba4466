"""The interview as data: each question says why it is asked and has a default (advisor/defaults.py).

To add a question, add one entry, and its field in `advisor/answers.py`. `when` says when it is put to a person; its
default counts anyway, so that `--yes` always works.
"""

from collections.abc import Callable
from dataclasses import dataclass

from advisor import checks, defaults
from advisor.answers import Answer
from advisor.checks import NONE, STARTER, UNKNOWN, Check
from advisor.defaults import Context


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

DATA = Question(
    "data",
    "Where is your data? (a file, a folder or a hub id; `none` if there is none yet)",
    "Everything that can be measured is read from it instead of being asked.",
    checks.data,
    defaults.assumed(NONE),
    is_path=True,
)

PROBE = "probe"
"""The question after which the model is tried, if that is wanted: what comes later may be measured by it."""

QUESTIONS: tuple[Question, ...] = (
    Question(
        "task",
        "What is the model to do, in a sentence?",
        "It heads the plan and the report.",
        checks.text,
        defaults.task,
    ),
    Question(
        "model",
        "Which model? (`starter` is the small embedded one; else a folder or a hub id)",
        "What it can do already decides whether SFT must come first.",
        checks.model,
        defaults.assumed(STARTER),
        is_path=True,
    ),
    Question(
        "labelled",
        "How many rows with a right answer do you have?",
        "Under 100 and over 100,000 the published advice changes.",
        checks.count,
        defaults.measured(lambda profile: profile.num_labelled, 0),
        when=defaults.no_data,
    ),
    Question(
        "demonstrations",
        "Do the answers show how to get there (worked steps, or the whole text you want), not only the result?",
        "SFT on bare results teaches answering without reasoning.",
        checks.yes_no,
        defaults.measured(lambda profile: profile.demonstrations, False),
        YES_NO,
        lambda context: defaults.no_data(context) and context.told.get("labelled", 0) != 0,
    ),
    Question(
        "verifiable",
        "Can a program tell a right answer from a wrong one?",
        "RFT needs a grader; where nothing can check, people's preferences must.",
        checks.yes_no,
        defaults.verifiable,
        YES_NO,
    ),
    Question(
        "grader",
        "Which grader compares the answers?",
        "It is the reward in training and the measure of success.",
        checks.grader,
        defaults.grader,
        (*checks.bare_graders(), NONE),
        defaults.can_be_checked,
    ),
    Question(
        PROBE,
        "Shall the model be tried on your rows first, asked in several ways?",
        "It takes minutes; then what it can do, and whether a better prompt would do, is measured in place of assumed.",
        checks.yes_no,
        defaults.probe,
        YES_NO,
        when=defaults.probe_takes_a_while,
    ),
    Question(
        "reasoning_helps",
        "Do answers get better when the model thinks step by step first?",
        "Between 100 and 100,000 labelled rows this decides between RFT and SFT.",
        checks.yes_no_unknown,
        defaults.reasoning_helps,
        YES_NO_UNKNOWN,
        defaults.unmeasured(defaults.reasoning_helps),
    ),
    Question(
        "format_new",
        "Is the task, or the format of its answers, new to the model?",
        "Then SFT comes first: RL can only reward what the model already does now and then.",
        checks.yes_no_unknown,
        defaults.format_new,
        YES_NO_UNKNOWN,
        defaults.unmeasured(defaults.format_new),
    ),
    Question(
        "target",
        "Which share of right answers would be good enough, from 0 to 1? (0 where nobody said)",
        "Where the model, or a better prompt alone, reaches it, nothing need be trained.",
        checks.share,
        defaults.assumed(0.0),
        when=lambda context: context.probed is not None,
    ),
    Question(
        "preferences",
        "How many pairs of a better and a worse answer do you have?",
        "Without a grader they are the only lesson beyond imitation.",
        checks.count,
        defaults.measured(lambda profile: profile.num_pairs, 0),
        when=lambda context: defaults.no_data(context) and not defaults.can_be_checked(context),
    ),
    Question(
        "reward_model",
        "Has a reward model that was trained on your pairs passed its gate?",
        "With it, and many prompts without a pair, PPO is advised in place of DPO.",
        checks.yes_no,
        defaults.assumed(False),
        YES_NO,
        when=lambda _: False,  # asked of nobody: who has one says --set reward_model=yes
    ),
    Question(
        "gpu_gib",
        "How many GiB has the GPU that you will train on? (0 for none)",
        "The embedded model trains on a CPU; others hardly do.",
        checks.amount,
        lambda context: Answer(context.gpu_gib, "measured"),
        when=lambda context: defaults.other_model(context) and context.gpu_gib == 0,
    ),
    Question(
        "hours",
        "How many hours may training take? (0 for no limit)",
        "Under one hour, one round of rejection sampling is advised in place of GRPO.",
        checks.amount,
        defaults.assumed(0.0),
        when=lambda context: (
            not defaults.no_data(context) and defaults.other_model(context) and defaults.can_be_checked(context)
        ),
    ),
    Question(
        "control",
        "Shall SFT also train on for as long as RFT takes, for comparison?",
        "It shows whether RFT or only more training made the gain; it costs that time again.",
        checks.yes_no,
        defaults.assumed(False),
        YES_NO,
        when=lambda _: False,  # asked of nobody: who wants it says --set control=yes
    ),
    Question(
        "rl_gate",
        "Shall the run stop before RL where RL could learn nothing, and after a stage that made the model worse?",
        "RL learns only where answers to a prompt differ in score; to see it costs sixteen answers to 30 to 100 rows.",
        checks.yes_no,
        defaults.assumed(True),
        YES_NO,
        when=lambda _: False,  # asked of nobody: who wants none says --set rl_gate=no
    ),
    Question(
        "name",
        "How shall the plan be called?",
        "It names the folder of the run.",
        checks.plan_name,
        defaults.name,
        when=lambda context: not defaults.no_data(context),
    ),
)
