"""Another generator than the starter's, for the cells that are opened once: clock, desk, table, notes.

Each gives rows as the starter's tasks do: prompt, completion, reference; for notes prompt, chosen, rejected. easy: a
smaller version of the task, which a model can learn first.
"""

from random import Random

from pipelines.starter.words import CITIES, DAYS, NAMES, THINGS

Row = dict[str, str]
_DOES = ("reads", "walks", "waits", "cooks", "paints", "sleeps", "swims", "writes")


def clock(rng: Random, easy: bool) -> Row:
    """A time of day and one to three stretches of minutes, forward or back."""
    name, minutes = rng.choice(NAMES), rng.randrange(8 * 60, 18 * 60, 5)
    said, lines = [f"It is {_time(minutes)}."], []
    for _ in range(1 if easy else rng.choice((2, 2, 3))):
        stretch = rng.randrange(5, 60, 5)
        back = not easy and rng.random() < 0.3
        after = minutes - stretch if back else minutes + stretch
        verb = rng.choice(_DOES)
        said.append(
            f"{name} turns the clock back by {stretch} minutes." if back else f"{name} {verb} for {stretch} minutes."
        )
        lines.append(f"{_time(minutes)}{'-' if back else '+'}{stretch}={_time(after)}")
        minutes = after
    said.append("What does the clock say?")
    return {
        "prompt": " ".join(said),
        "completion": "\n".join([*lines, f"#### {_time(minutes)}"]),
        "reference": _time(minutes),
    }


def _time(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02d}"


def desk(rng: Random, easy: bool) -> Row:
    """Which of five desks a parcel goes to, by its weight and the day."""
    kilos, day, city, name = rng.randint(1, 99), rng.choice(DAYS), rng.choice(CITIES), rng.choice(NAMES)
    late = day in DAYS[5:]
    if easy or kilos < 10:
        label = "heavy" if kilos >= 60 else "small" if kilos < 10 else "plain"
    else:
        label = "heavy" if kilos >= 60 else "weekend" if late else "north" if city < "H" else "plain"
    asked = rng.choice(
        [
            f"Which desk? {name} brings a parcel of {kilos} kg for {city} on {day}.",
            f"Which desk? For {city}, {kilos} kg, {day}, from {name}.",
        ]
    )
    return {"prompt": asked, "completion": label, "reference": label}


def table(rng: Random, easy: bool) -> Row:
    """A sentence about a sale → one line of values."""
    name, city, things, day = rng.choice(NAMES), rng.choice(CITIES), rng.choice(THINGS), rng.choice(DAYS)
    count, euros = rng.randint(2, 99), rng.randint(2, 900)
    said = [
        f"{name} sold {count} {things} in {city} for {euros} euros on {day}.",
        f"On {day} {count} {things} went for {euros} euros in {city}, sold by {name}.",
        f"In {city}, {euros} euros were paid on {day} for {count} {things} that {name} sold.",
    ]
    answer = f"{day}|{name}|{city}|{count}|{things}|{euros}"
    return {
        "prompt": f"As a table row: {said[0] if easy else rng.choice(said)}",
        "completion": answer,
        "reference": answer,
    }


def notes(rng: Random, easy: bool) -> Row:
    """A message of the day; the better note has day and name and no more, the worse one leaves them out or rambles."""
    name, day, city, things = rng.choice(NAMES), rng.choice(DAYS), rng.choice(CITIES), rng.choice(THINGS)
    prompt = f"Note for the team: {name} will bring {things} to {city} on {day}."
    chosen = rng.choice([f"{day}: {name}, {things}, {city}.", f"{name} on {day}, {city}: {things}."])
    worse = [f"Somebody will bring {things}.", f"{city} again.", "Nothing to note."]
    longer = [
        f"Dear team, as {name} said, and as you all know, there will be {things}, and more of it, on {day}, "
        f"in {city}, and so on."
    ]
    return {"prompt": prompt, "chosen": chosen, "rejected": rng.choice(worse if easy or rng.random() < 0.6 else longer)}


TASKS = {"clock": clock, "desk": desk, "table": table, "notes": notes}
