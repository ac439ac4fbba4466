"""The vocabulary that the task generators share: people, things, places. All of it is ours."""

# ruff: noqa: SIM905 - lists of words are easier to read and to extend as text

SHE = (
    "Ada Amina Anja Beth Carla Chloe Dana Dora Elena Emma Farah Gina Grace Hana Ida Ines Jana Julia Kate Kira Lara "
    "Lena Lina Mara Maya Mia Mila Nadia Nina Nora Olga Paula Rita Rosa Ruth Sara Sofia Tara Uma Vera Wilma Yara Zoe"
).split()
HE = (
    "Adam Ali Anton Ben Bruno Carl Dan David Emil Eric Felix Finn Gus Hugo Ian Igor Ivan Jack Jan Jonas Karl Kofi "
    "Leo Luca Marc Max Milo Nick Noah Omar Oscar Otto Paul Peter Ravi Rob Sam Samir Theo Tim Tom Victor Yusuf"
).split()
NAMES = SHE + HE

THINGS = (
    "apples balls beads books bottles brushes buttons cards chairs coins cookies crayons cups dolls eggs flags "
    "flowers forks keys kites lamps lemons letters magnets maps marbles melons mugs nails nuts oranges pears pencils "
    "pens photos pies plates plums posters ribbons ropes seeds shells shirts socks spoons stamps stars stickers "
    "stones tickets tiles toys trees"
).split()
CONTAINERS = "bags baskets boxes bundles cans crates jars packs rows sacks shelves trays".split()
CITIES = (
    "Accra Athens Bergen Berlin Bern Cairo Cork Delhi Dublin Geneva Genoa Ghent Graz Hanoi Kyoto Lagos Leeds Lima "
    "Lisbon Lyon Madrid Malmo Milan Nairobi Nantes Oslo Paris Porto Prague Quito Riga Rome Seoul Split Tokyo Turin "
    "Vienna Warsaw York Zurich"
).split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()

NUM_FAMILIAR = 8
"""So many of COME and of GO, from the front, mean what they say in what the starter was trained on; of the others it
only saw that they may mean either."""
COME = (
    "buys, finds, gets, makes, wins, collects, borrows, earns, "
    "acquires, adopts, adds, bakes, brews, brings home, builds, carries in, carves, catches, claims, digs up, "
    "discovers, downloads, draws, fetches, forges, gathers, grabs, grows, harvests, hauls in, imports, inherits, "
    "invents, knits, obtains, orders, paints, picks up, prints, produces, pulls out, receives, recovers, rents, "
    "rescues, salvages, scores, secures, sews, snatches, spots, stacks up, takes in, uncovers, unpacks, unwraps, weaves"
).split(", ")
GO = (
    "gives away, sells, loses, breaks, throws away, uses, drops, spends, "
    "auctions off, bins, burns, buries, chews up, crushes, cuts up, discards, donates, drowns, dumps, eats, exports, "
    "flings off, forgets, forfeits, gambles away, hands over, kicks off, leaves behind, lends out, mails out, melts, "
    "misplaces, parts with, passes on, pays out, posts off, releases, removes, returns, rips, ruins, sacrifices, "
    "scraps, sends back, ships off, shreds, sinks, smashes, spoils, squashes, squanders, surrenders, swallows, tears, "
    "trades away, wastes, wrecks"
).split(", ")


def singular(thing: str) -> str:
    """One of THINGS or CONTAINERS: "brushes" → "brush", "cookies" → "cookie", "shelves" → "shelf"."""
    if thing == "shelves":
        return "shelf"
    if thing.endswith(("shes", "xes")):
        return thing[:-2]
    return thing[:-1]
