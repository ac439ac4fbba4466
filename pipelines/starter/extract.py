"""A sentence about an order, a meeting, a parcel or a payment → compact JSON with three or four fields."""

import json
from random import Random

from pipelines.starter.words import CITIES, DAYS, MONTHS, NAMES, THINGS

Fields = dict[str, str | int]


def _code(rng: Random) -> str:
    return rng.choice("ABCDEFGHKLMNPRSTWXZ") + str(rng.randint(100, 9999))


def order(rng: Random) -> tuple[list[str], Fields]:
    """Who ordered how many of what."""
    name, city, things, count = rng.choice(NAMES), rng.choice(CITIES), rng.choice(THINGS), rng.randint(2, 400)
    sentences = [
        f"{name} from {city} ordered {count} {things}.",
        f"Please send {count} {things} to {name} in {city}.",
        f"We had a call from {city}: {name} would like {count} {things}.",
        f"{count} {things} were bought by {name}, who lives in {city}.",
    ]
    return sentences, {"name": name, "city": city, "item": things, "count": count}


def meeting(rng: Random) -> tuple[list[str], Fields]:
    """Who meets where and when."""
    name, city, day = rng.choice(NAMES), rng.choice(CITIES), rng.choice(DAYS)
    time = f"{rng.randint(7, 20)}:{rng.choice(['00', '10', '15', '20', '30', '40', '45', '50'])}"
    sentences = [
        f"On {day} at {time} we meet {name} in {city}.",
        f"{name} has invited us to {city} on {day} at {time}.",
        f"The talk with {name} takes place in {city}, {day}, {time}.",
        f"Let us see {name} at {time} on {day} in our {city} office.",
    ]
    return sentences, {"name": name, "city": city, "day": day, "time": time}


def parcel(rng: Random) -> tuple[list[str], Fields]:
    """Which parcel goes where and weighs how much."""
    code, city, weight = _code(rng), rng.choice(CITIES), rng.randint(2, 90)
    sentences = [
        f"Parcel {code} to {city} weighs {weight} kg.",
        f"The parcel for {city} has number {code} and a weight of {weight} kg.",
        f"At {weight} kg, parcel {code} left for {city}.",
        f"We sent {weight} kg to {city} as parcel {code}.",
    ]
    return sentences, {"parcel": code, "city": city, "kg": weight}


def payment(rng: Random) -> tuple[list[str], Fields]:
    """Who paid which bill, how much, and when."""
    name, code, amount = rng.choice(NAMES), _code(rng), rng.randint(10, 999)
    date = f"{rng.randint(1, 28)} {rng.choice(MONTHS)}"
    sentences = [
        f"{name} paid {amount} euros for bill {code} on {date}.",
        f"Bill {code} over {amount} euros was settled by {name} on {date}.",
        f"On {date} we received {amount} euros from {name} for bill {code}.",
        f"{amount} euros came in from {name} on {date}, bill {code}.",
    ]
    return sentences, {"name": name, "bill": code, "euros": amount, "date": date}


def extract_row(rng: Random, familiar: bool = False) -> dict[str, str]:
    """One sentence: prompt, completion (compact JSON), reference (the same). familiar: not the last of each kind."""
    sentences, fields = rng.choice((order, meeting, parcel, payment))(rng)
    answer = json.dumps(fields, separators=(",", ":"))
    if familiar:
        sentences = sentences[:3]
    prompt = f"Extract {', '.join(fields)} as JSON: {rng.choice(sentences)}"
    return {"prompt": prompt, "completion": answer, "reference": answer}
