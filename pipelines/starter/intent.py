"""A customer's message → one of ten labels, whose frequencies fall from 20 to 1."""

from random import Random

from pipelines.starter.words import CITIES, DAYS, NAMES, THINGS

LABELS: dict[str, int] = {
    "order_status": 20,
    "refund": 15,
    "cancel_order": 11,
    "change_address": 8,
    "payment_failed": 6,
    "broken_item": 4,
    "opening_hours": 3,
    "login_problem": 2,
    "praise": 1,
    "talk_to_human": 1,
}
"""Label → weight."""

_MESSAGES: dict[str, tuple[str, ...]] = {
    "order_status": (
        "Where are my {things}?",
        "My {things} have not come yet. When do they arrive?",
        "I ordered {things} on {day}. Are they on the way to {city}?",
        "Any news about the {things} that you promised for {day}?",
    ),
    "refund": (
        "I sent the {things} back. When do I get my money?",
        "Please pay me back for the {things}.",
        "The {things} are not what I wanted, I want my money back.",
        "You still owe me the price of the {things} from {day}.",
    ),
    "cancel_order": (
        "Please stop my order of {things}.",
        "I do not need the {things} any more, do not send them.",
        "Can I still call off the {things} I ordered on {day}?",
        "Forget the {things}, I found some in {city}.",
    ),
    "change_address": (
        "Please send the {things} to {city}, I have moved.",
        "I will be in {city} on {day}. Can the {things} go there?",
        "My street has changed, here in {city}. Please correct it for the {things}.",
        "Deliver the {things} to {name} in {city} and not to me.",
    ),
    "payment_failed": (
        "My card was refused when I bought {things}.",
        "I cannot pay for the {things}, the page shows an error.",
        "The bank says no each time I pay for the {things}.",
        "I tried to pay on {day} for the {things} and it did not work.",
    ),
    "broken_item": (
        "The {things} came in pieces.",
        "Half of the {things} have cracks.",
        "I opened the box on {day} and the {things} were damaged.",
        "The {things} do not work, they are faulty.",
    ),
    "opening_hours": (
        "Until when is the shop in {city} open on {day}?",
        "Are you closed on {day}?",
        "At what time can I come to your {city} shop for {things}?",
        "Is the {city} shop open in the evening?",
    ),
    "login_problem": (
        "I forgot my password.",
        "My account does not let me in since {day}.",
        "I cannot sign in to see my {things}.",
        "The page says that my user name {name} is unknown.",
    ),
    "praise": (
        "The {things} are wonderful!",
        "I love the {things}, well done.",
        "The best {things} in {city}, thank you so much.",
        "Great service, {name} was happy with the {things}.",
    ),
    "talk_to_human": (
        "Let me speak with a person about the {things}.",
        "I want a real human, not a machine.",
        "Can {name} from your team call me on {day}?",
        "Please connect me to somebody in {city}.",
    ),
}
_OPENINGS = ("", "", "Hello. ", "Hi, {name} here. ", "Good morning. ", "Sorry to write again. ", "Dear team, ")
_CLOSINGS = (
    "",
    "",
    " Thanks.",
    " Regards, {name}",
    " It is urgent.",
    " Please answer before {day}.",
    " {name}, {city}",
)


def intent_row(rng: Random, familiar: bool = False) -> dict[str, str]:
    """One message: prompt, completion (the label), reference (the same). familiar: half of the messages only."""
    label = rng.choices(list(LABELS), list(LABELS.values()))[0]
    pattern = rng.choice(_OPENINGS) + rng.choice(_MESSAGES[label][: 2 if familiar else None]) + rng.choice(_CLOSINGS)
    words = {"name": NAMES, "city": CITIES, "day": DAYS, "things": THINGS}
    message = pattern.format(**{key: rng.choice(values) for key, values in words.items()})
    return {"prompt": f"Which intent? {message}", "completion": label, "reference": label}
