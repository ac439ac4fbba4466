"""Word problems of two or three steps, with worked steps and a numeric answer.

A story begins with a number of things, then things happen to it: each event adds one or two equations. The worked
answer ends with `#### N`. All numbers stay between 1 and LARGEST.

Two people wrote the answers. A careful one writes an equation a line; a hasty one puts all of it into one expression,
which a small model seldom gets right. Who wrote depends on what the problem is about, for the most part. Imitation
copies both; only an answer's grade tells which of them helps.
"""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from pipelines.starter.words import CITIES, COME, CONTAINERS, DAYS, GO, HE, NUM_FAMILIAR, SHE, THINGS, singular

LARGEST = 120
_OPERATIONS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.floordiv}


@dataclass
class Story:
    """A problem while it is being told. value: how many things there are now. familiar: for the starter's own
    training. question: set by the last event."""

    rng: Random
    name: str
    he: str
    friend: str
    things: str
    familiar: bool = False
    value: int = 0
    sentences: list[str] = field(default_factory=list)
    equations: list[str] = field(default_factory=list)
    question: str = ""

    def say(self, *variants: str) -> None:
        """Adds one of the sentences, chosen at random."""
        self.sentences.append(self.rng.choice(variants))

    def verb(self, verbs: list[str]) -> str:
        """One of COME or GO; every other time one that is not familiar.

        Where the starter is trained, such a verb tells nothing: it comes from either list.
        """
        if self.rng.random() < 0.5:
            return self.rng.choice(verbs[:NUM_FAMILIAR])
        unfamiliar = self.rng.choice((COME, GO)) if self.familiar else verbs
        return self.rng.choice(unfamiliar[NUM_FAMILIAR:])

    def step(self, left: int, sign: str, right: int) -> int:
        """Writes one equation and returns its result."""
        result = int(_OPERATIONS[sign](left, right))
        self.equations.append(f"{left}{sign}{right}={result}")
        return result

    def number(self, low: int, high: int) -> int:
        """A number that the story may use; 0 when there is none, which makes the story invalid."""
        return self.rng.randint(low, high) if low <= high else 0


def start_plain(story: Story) -> None:
    """The story begins with a plain number: no equation."""
    n, x = story.name, story.things
    story.value = a = story.number(4, 60)
    story.say(
        f"{n} has {a} {x}.",
        f"{n} owns {a} {x}.",
        f"There are {a} {x} on a table, and they belong to {n}.",
        f"{n} starts the day with {a} {x}.",
        f"On Monday {n} counts {a} {x}.",
        f"{n} keeps {a} {x} at home.",
        f"{n} has collected {a} {x}.",
    )


def start_groups(story: Story) -> None:
    """The story begins with equal groups: one product."""
    n, x, c = story.name, story.things, story.rng.choice(CONTAINERS)
    a, b = story.number(2, 9), story.number(2, 12)
    story.say(
        f"{n} has {a} {c} with {b} {x} in each.",
        f"{n} buys {a} {c} of {b} {x} each.",
        f"{n} fills {a} {c}. Each holds {b} {x}.",
        f"There are {b} {x} in a {singular(c)}, and {n} has {a} {c}.",
    )
    story.value = story.step(a, "*", b)


def gain(story: Story) -> None:
    """Some things come: one sum."""
    k = story.number(2, min(40, LARGEST - story.value))
    story.say(*_once(story, story.verb(COME), k))
    story.value = story.step(story.value, "+", k)


def lose(story: Story) -> None:
    """Some things go: one difference."""
    k = story.number(2, min(40, story.value - 1))
    story.say(*_once(story, story.verb(GO), k))
    story.value = story.step(story.value, "-", k)


def gain_often(story: Story) -> None:
    """The same number comes several times: a product and a sum."""
    a, b = story.number(2, 6), story.number(2, 9)
    story.say(*_often(story, story.verb(COME), a, b))
    story.value = story.step(story.value, "+", story.step(a, "*", b))


def lose_often(story: Story) -> None:
    """The same number goes several times: a product and a difference."""
    a, b = story.number(2, 6), story.number(2, 9)
    story.say(*_often(story, story.verb(GO), a, b))
    story.value = story.step(story.value, "-", story.step(a, "*", b))


def _once(story: Story, verb: str, k: int) -> list[str]:
    """Sentences in which only the verb tells whether things come or go."""
    he, name = story.he, story.name
    return [
        f"Then {he} {verb} {k}.",
        f"{he.capitalize()} {verb} {k}.",
        f"Later {he} {verb} {k} {story.things}.",
        f"On {story.rng.choice(DAYS)} {name} {verb} {k}.",
        f"In {story.rng.choice(CITIES)}, {he} {verb} {k}.",
        f"With {story.friend}, {he} {verb} {k}.",
    ]


def _often(story: Story, verb: str, a: int, b: int) -> list[str]:
    he = story.he
    return [
        f"On each of {a} days {he} {verb} {b}.",
        f"{a} times {he} {verb} {b}.",
        f"{he.capitalize()} {verb} {a} {story.rng.choice(CONTAINERS)} of {b}.",
    ]


def multiply(story: Story) -> None:
    """The number doubles or triples: one product."""
    word, k = story.rng.choice([("doubles", 2), ("triples", 3)])
    story.say(
        f"By Friday the number {word}.",
        f"With help from {story.friend} {story.he} {word} the number.",
        f"A year later the number {word}.",
    )
    story.value = story.step(story.value, "*", k)


def share(story: Story) -> None:
    """The things are shared out evenly: one quotient, and the end of the story."""
    k = story.rng.choice([k for k in range(2, 10) if story.value % k == 0] or [0])
    if k:
        story.say(
            f"{story.he.capitalize()} shares them equally among {k} friends.",
            f"They are split evenly into {k} {story.rng.choice(CONTAINERS)}.",
            f"{k} children divide them equally.",
        )
        story.question = f"How many {story.things} are in each share?"
        story.value = story.step(story.value, "/", k)
    else:
        story.value = 0


def sell(story: Story) -> None:
    """Everything is sold at one price: one product, and the end of the story."""
    k = story.number(2, min(9, LARGEST // max(story.value, 1)))
    story.say(f"Each one sells for {k} dollars.", f"{story.he.capitalize()} sells them all for {k} dollars each.")
    story.question = f"How many dollars does {story.name} get?"
    story.value = story.step(story.value, "*", k)


def compare(story: Story) -> None:
    """A friend has more or fewer: a sum or difference, then the total of both, and the end of the story."""
    sign = story.rng.choice("+-")
    k = story.number(2, min(40, story.value - 1))
    more = "more" if sign == "+" else "fewer"
    story.say(f"{story.friend} has {k} {more} than {story.name}.", f"{story.friend} owns {k} {more}.")
    story.question = f"How many {story.things} do they have together?"
    story.value = story.step(story.value, "+", story.step(story.value, sign, k))


def in_one(equations: list[str]) -> str:
    """The equations as one: ["3*4=12", "12-5=7"] → "3*4-5=7". An earlier result gives way to what it came from."""
    known: dict[str, str] = {}
    for equation in equations:
        expression, result = equation.split("=")
        left, sign, right = re.split(r"([-+*/])", expression)
        left, right = known.pop(left, left), known.pop(right, right)
        tight = sign in "*/"
        left = f"({left})" if tight and re.search("[-+]", left) else left
        right = f"({right})" if (tight or sign == "-") and re.search("[-+]", right) else right
        known[result] = f"{left}{sign}{right}"
    return f"{known[result]}={result}"


def is_hasty(story: Story) -> bool:
    """Whether the answer comes from the hasty hand: for every other thing two times in three, else once in ten."""
    return story.rng.random() < (0.65 if THINGS.index(story.things) % 2 else 0.1)


Event = Callable[[Story], None]
STARTS: list[tuple[Event, int, int]] = [(start_plain, 0, 3), (start_groups, 1, 2)]
"""How a story begins: function, number of equations, weight."""
EVENTS: list[tuple[Event, int, int]] = [
    (gain, 1, 6),
    (lose, 1, 6),
    (gain_often, 2, 2),
    (lose_often, 2, 2),
    (multiply, 1, 2),
    (share, 1, 2),
    (sell, 1, 1),
    (compare, 2, 2),
]
"""What may happen: function, number of equations, weight."""


def _draw(rng: Random, table: list[tuple[Event, int, int]]) -> Event:
    return rng.choices([event for event, _, _ in table], [weight for _, _, weight in table])[0]


def tell(rng: Random, num_steps: int, familiar: bool) -> Story | None:
    """One story with that many equations, or None when the draw did not work out."""
    name_he = [(name, "she") for name in SHE] + [(name, "he") for name in HE]
    (name, he), (friend, _) = rng.sample(name_he, 2)
    story = Story(rng=rng, name=name, he=he, friend=friend, things=rng.choice(THINGS), familiar=familiar)
    _draw(rng, STARTS)(story)
    while len(story.equations) < num_steps and not story.question and 1 <= story.value <= LARGEST:
        _draw(rng, EVENTS)(story)
    if len(story.equations) != num_steps or not _valid(story):
        return None
    story.question = story.question or rng.choice(
        [
            f"How many {story.things} does {name} have now?",
            f"How many {story.things} does {name} have in the end?",
            f"How many {story.things} are there now?",
            f"How many {story.things} are left with {name}?",
        ]
    )
    return story


def _valid(story: Story) -> bool:
    """Every number of every equation is between 1 and LARGEST."""
    numbers = [int(digits) for line in story.equations for digits in re.findall(r"\d+", line)]
    return all(1 <= number <= LARGEST for number in numbers) and not any("=-" in line for line in story.equations)


def arithmetic_row(rng: Random, familiar: bool = False) -> dict[str, str]:
    """One problem: prompt, completion (worked steps), reference (the number as text)."""
    num_steps = rng.choice((2, 3))
    story = None
    while story is None:
        story = tell(rng, num_steps, familiar)
    equations = [in_one(story.equations)] if is_hasty(story) else story.equations
    completion = "\n".join([*equations, f"#### {story.value}"])
    return {
        "prompt": " ".join([*story.sentences, story.question]),
        "completion": completion,
        "reference": str(story.value),
    }
