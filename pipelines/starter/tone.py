"""A request with a polite, short reply (chosen) and a worse one (rejected: rude, or polite without end)."""

from random import Random

from pipelines.starter.words import CITIES, DAYS, NAMES, THINGS

_ASKS = (
    "Can you send me {count} {things}?",
    "Could you bring the {things} on {day}?",
    "Do you have {things} in {city}?",
    "May I return the {things} on {day}?",
    "Is it possible to swap my {things}?",
    "Would you keep {count} {things} for me until {day}?",
    "Can {name} pick up the {things} in {city}?",
    "Please tell me when the {things} come.",
)
_POLITE = (
    "Of course, {name}. I will see to the {things} today.",
    "Gladly, {name}. The {things} will be ready on {day}.",
    "Thank you for asking, {name}. Yes, that is possible.",
    "Certainly. I will write to you about the {things} on {day}.",
    "With pleasure, {name}. You will hear from us on {day}.",
    "I am sorry, {name}, the {things} are gone. May I offer others?",
)
_RUDE = (
    "No. Look for your {things} yourself.",
    "What a silly question. Nobody cares about your {things}.",
    "Not my job, {name}. Ask somebody else.",
    "Again you? Leave me alone with your {things}.",
    "Read the page, {name}, before you waste my time.",
    "You should know that. Stop asking about {things}.",
)
_RAMBLING = (
    "Well, as for the {things}, there is much to say, and I would like to say all of it, because {things} are a wide "
    "field, and one thing leads to another, as you know.",
    "Thank you, thank you, thank you for your message about the {things}, which we have read, and read again, and "
    "which we will read once more on {day}, and then again.",
    "It depends, {name}, on this and on that, and on the weather in {city}, and on the {things}, and on {day}, and on "
    "many more things that I could list here.",
)


def tone_row(rng: Random, familiar: bool = False) -> dict[str, str]:
    """One request: prompt, chosen (polite and short), rejected (rude or long). familiar: half of the requests only."""
    words = {"name": NAMES, "city": CITIES, "day": DAYS, "things": THINGS}
    filled = {key: rng.choice(values) for key, values in words.items()} | {"count": str(rng.randint(2, 60))}
    worse = _RUDE if rng.random() < 0.7 else _RAMBLING
    prompt = (
        rng.choice(_ASKS[: 4 if familiar else None])
        + f" {rng.choice(('Greetings', 'Yours', 'Thanks', 'Best'))}, "
        + filled["name"]
    )
    return {
        "prompt": prompt.format(**filled),
        "chosen": rng.choice(_POLITE).format(**filled),
        "rejected": rng.choice(worse).format(**filled),
    }
