"""The audit finds what was planted, by row, and hardly ever what was not."""

import random

import pytest

from graders.statistics import rows_to_show
from pipelines.data.checks import check_split
from pipelines.data.rows import Split
from pipelines.preferences.audit import audit_preferences
from pipelines.preferences.checks import CHECKS
from pipelines.preferences.checks.numbers import shown
from pipelines.preferences.collected import collected_answers
from tests.pipelines.preferences.made import (
    answer,
    audited,
    audited_answers,
    by_chance,
    mostly_longer,
    names,
    pairs,
    rows_of,
    table,
    text,
    two,
)


def test_clean_pairs_hardly_ever_alarm() -> None:
    found = [names(audited(pairs(600, seed, by_chance))) for seed in range(6)]
    assert sum(map(bool, found)) == 0, found


@pytest.mark.soak
def test_clean_preferences_alarm_in_less_than_one_audit_of_a_hundred() -> None:
    """Of 200 audits each."""
    equal = dict.fromkeys(("annotator1", "annotator2", "annotator3"), 0.8)
    made = [pairs(500, seed, by_chance) for seed in range(200)] + [voted(500, seed, equal) for seed in range(200)]
    alarms = [names(audited(rows)) for rows in made]
    assert sum(map(bool, alarms)) <= 4, [one for one in alarms if one]


@pytest.mark.parametrize("share", [0.65, 0.35])
def test_a_planted_length_bias_is_found(share: float) -> None:
    found = [audited(pairs(600, seed, mostly_longer(share))) for seed in range(5)]
    assert all("length_bias" in names(one) for one in found)
    assert all(one.measures.longer and abs(one.measures.longer.value - share) < 0.06 for one in found)
    assert all(one.verdict == "fix first" for one in found)


def test_a_bias_of_marks_is_found_though_lengths_are_balanced() -> None:
    rows = pairs(600, 1, by_chance)
    chance = random.Random(0)
    rows = [{**row, "chosen": row["chosen"][:-1] + "!"} if chance.random() < 0.6 else row for row in rows]
    found = audited(rows)
    assert "surface_bias" in names(found)
    assert "length_bias" not in names(found)
    assert found.measures.surface is not None
    assert 0.75 < found.measures.surface.value < 0.85  # 60 % by the mark, half of the others by chance


def test_pairs_that_the_surface_gives_away_are_too_easy() -> None:
    found = audited([{**row, "chosen": f"Certainly! {row['chosen']}"} for row in pairs(600, 2, by_chance)])
    assert "too_easy" in names(found)
    assert "surface_bias" not in names(found)


def test_the_surface_is_measured_on_prompts_that_it_has_not_seen() -> None:
    found = audited(
        [{**row, "prompt": f"Question {number % 30}?"} for number, row in enumerate(pairs(600, 3, by_chance))]
    )
    surface = found.measures.surface
    assert surface is not None
    assert surface.low < 0.5 < surface.high


def test_one_model_that_always_wins_is_found() -> None:
    rows = pairs(600, 4, by_chance, chosen_model="big", rejected_model="small")
    assert "one_generator" in names(audited(rows))
    mixed = [{**row, "chosen_model": "small", "rejected_model": "big"} if n % 3 else row for n, row in enumerate(rows)]
    found = audited(mixed)
    assert "one_generator" not in names(found)
    assert [(one.name, one.won.value) for one in found.measures.generators] == [("small", 2 / 3), ("big", 1 / 3)]


def test_faults_of_single_pairs_are_told_by_row() -> None:
    rows = pairs(600, 5, by_chance)
    rows[3]["rejected"] = " "
    rows[5]["chosen"] = None
    rows[7]["rejected"] = rows[7]["chosen"] + "\n"
    rows[9]["rejected"] = "  ".join(rows[9]["chosen"].upper().split())
    found = audited(rows)
    assert rows_of(found, "missing_sides") == (4, 6)
    assert rows_of(found, "equal_pairs") == (8,)
    assert rows_of(found, "nearly_equal_pairs") == (10,)
    assert found.verdict == "unfit"


def test_twenty_pairs_are_too_few_and_the_audit_says_how_many_it_takes() -> None:
    found = audited(pairs(20, 6, by_chance))
    (few,) = [one for one in found.findings if one.check == "too_few"]
    assert (few.severity, found.verdict) == ("error", "unfit")
    assert "which takes 29 held-out pairs; 65% takes 85" in few.message


def test_the_numbers_of_rows_have_the_power_they_promise() -> None:
    chance = random.Random(0)
    n = rows_to_show(0.65)
    seen = [sum(chance.random() < 0.65 for _ in range(n)) for _ in range(2000)]
    beyond = n / 2 + 1.96 * (n / 4) ** 0.5
    assert 0.77 < sum(hits > beyond for hits in seen) / 2000 < 0.86
    assert rows_to_show(shown(200)) <= 200 < rows_to_show(shown(200) - 0.01)


def test_pairs_both_ways_and_circles_are_found_without_annotators() -> None:
    rows = pairs(600, 7, by_chance)
    rows[1] |= {"prompt": rows[0]["prompt"], "chosen": rows[0]["rejected"], "rejected": rows[0]["chosen"]}
    for at, (chosen, rejected) in zip((10, 20, 30), (("a", "b"), ("b", "c"), ("c", "a")), strict=True):
        rows[at] |= {"prompt": "Which?", "chosen": chosen, "rejected": rejected}
    found = audited(rows)
    assert rows_of(found, "contradictory_pairs") == (1, 2)
    assert sorted(rows_of(found, "circles") or ()) == [11, 21, 31]
    assert rows_of(found, "self_contradictions") is None


def test_an_annotator_contradicts_herself_others_only_disagree() -> None:
    answers = [answer(number, [[0], [1], [2]], name) for number in range(40) for name in ("Ann", "Bob")]
    answers += [answer(3, [[1], [0]]), answer(50, [[0], [1]], "Ann"), answer(50, [[1], [0]], "Bob")]
    found = audited_answers(answers)
    assert rows_of(found, "self_contradictions") == (7, 81)
    assert rows_of(found, "disputed") == (7, 8, 81, 82, 83)
    answers += [answer(60, [[0], [1]]), answer(60, [[1], [2]]), answer(60, [[2], [0]])]
    assert sorted(rows_of(audited_answers(answers), "circles") or ()) == [84, 85, 86]


def test_rankings_with_gaps_and_equal_completions_are_told_by_line() -> None:
    answers = [answer(number, [[0], [1], [2]]) for number in range(40)]
    answers += [answer(40, [[2], [0]]), answer(41, []), answer(42, [[0], [1]], completions=["same", "same "])]
    found = audited_answers(answers)
    assert rows_of(found, "gaps") == (41, 42)
    assert rows_of(found, "equal_pairs") == (43,)


def test_many_ties_and_many_bad_answers_are_found() -> None:
    answers = [answer(n, [[0, 1, 2]] if n % 5 else [[0], [1], [2]], both_bad=n % 2 == 0) for n in range(200)]
    found = audited_answers(answers)
    assert {"many_ties", "many_both_bad"} <= names(found)
    assert found.measures.ties is not None
    assert found.measures.ties.value == pytest.approx(0.8)


def voted(num_rows: int, seed: int, reliable: dict[str, float]) -> list[dict[str, object]]:
    """Rows with a verdict column for each annotator, right with the given probability."""
    chance = random.Random(seed)
    rows = []
    for number in range(num_rows):
        one, other = two(chance)
        right = chance.choice([1, 2])
        said = {name: right if chance.random() < share else 3 - right for name, share in reliable.items()}
        rows.append({"prompt": f"Question {number}?", "response_1": one, "response_2": other, **said})
    return rows


def test_equal_annotators_are_not_told_apart_and_a_careless_one_is() -> None:
    equal = dict.fromkeys(("annotator1", "annotator2", "annotator3"), 0.85)
    alarms = [names(audited(voted(600, seed, equal))) for seed in range(4)]
    assert sum(map(bool, alarms)) == 0, alarms
    found = audited(voted(600, 0, {**equal, "annotator2": 0.6}))
    (odd,) = [one for one in found.findings if one.check == "odd_annotator"]
    assert odd.message.startswith("annotator2 agrees")


def test_votes_by_coin_flip_are_unfit() -> None:
    flips = dict.fromkeys(("annotator1", "annotator2", "annotator3"), 0.5)
    found = audited(voted(600, 1, flips))
    assert found.verdict == "unfit"
    assert names(found) == {"low_agreement"}


def test_an_annotator_who_skipped_rows_is_neither_tie_nor_disagreement() -> None:
    rows = voted(600, 2, dict.fromkeys(("annotator1", "annotator2", "annotator3"), 0.9))
    whole = audited(rows).measures
    for row in rows[::3]:
        row["annotator3"] = None
    found = audited(rows)
    assert [one.votes for one in found.measures.annotators] == [600, 600, 400]
    assert found.measures.ties is not None
    assert (found.measures.ties.hits, found.measures.num_votes) == (0, 1600)
    assert found.measures.agreement is not None
    assert whole.agreement is not None
    assert found.measures.agreement.pairwise.value == pytest.approx(whole.agreement.pairwise.value, abs=0.03)
    assert "annotator3 400; the most is 600" in next(f.message for f in found.findings if f.check == "missing_votes")


def test_one_row_a_vote_with_a_column_of_annotators_gives_the_same_agreement_as_columns_of_verdicts() -> None:
    rows = voted(300, 4, dict.fromkeys(("annotator1", "annotator2", "annotator3"), 0.85))
    sides = ("response_1", "response_2")
    apart = []
    for row in rows:
        for name in ("annotator1", "annotator2", "annotator3"):
            chosen, rejected = sides if row[name] == 1 else sides[::-1]
            said = {"chosen": row[chosen], "rejected": row[rejected]}
            apart.append({"prompt": row["prompt"], "annotator": name, **said})
    whole, parts = audited(rows).measures.agreement, audited(apart).measures.agreement
    assert whole is not None
    assert parts is not None
    assert parts.pairwise == whole.pairwise
    assert parts.ceiling == whole.ceiling
    assert parts.alpha is not None
    assert whole.alpha is not None
    assert parts.alpha.value == pytest.approx(whole.alpha.value, abs=0.005)  # which side counts as first is arbitrary


def test_a_liking_for_the_first_place_is_found() -> None:
    rows = voted(600, 3, {"winner": 0.5})
    chance = random.Random(1)
    found = audited([{**row, "winner": "a" if chance.random() < 0.65 else "b"} for row in rows])
    assert names(found) == {"position_bias"}


def test_a_judge_is_held_against_people_and_does_not_raise_their_agreement() -> None:
    given = [answer(n, [[0], [1]] if n % 4 else [[1], [0]], name) for n in range(80) for name in ("Ann", "Bob")]
    judge = [answer(n, [[0], [1]], "gpt", source="judge") for n in range(80)]
    found = audited_answers([*given, *judge]).measures
    assert found.agreement is not None
    assert found.agreement.pairwise.value == 1.0
    by_name = {one.name: one for one in found.annotators}
    assert by_name["gpt"].judge
    assert by_name["gpt"].with_majority is not None
    assert by_name["gpt"].with_majority.value == 0.75


def test_what_stands_on_both_sides_of_the_split_is_found() -> None:
    chance = random.Random(8)
    train, test = pairs(300, 8, by_chance), pairs(100, 9, by_chance)
    test = [{**row, "prompt": f"Other {number}?"} for number, row in enumerate(test)]
    test[4]["prompt"] = "question 7 !"
    long = text(chance, 60, 60)
    train[11]["chosen"], test[6]["rejected"] = long, long.replace(long.split()[30], "changed", 1)
    split = Split(table(train), table(train).only([]), table(test))
    assert {one.check: one.rows for one in check_split(split)} == {"leaked_prompts": (5,), "leaked_answers": (7,)}


def test_answers_go_to_the_part_that_the_plan_gives_their_prompt() -> None:
    rows = table(pairs(60, 10, by_chance))
    parts = Split(rows.only(rows.rows[:30]), rows.only(rows.rows[30:40]), rows.only(rows.rows[40:]))
    found = collected_answers("made", enumerate([answer(n, [[0], [1]]) for n in range(60)], start=1), parts)
    assert found.split is not None
    assert [len(part.rows) for part in (found.split.train, found.split.validation, found.split.test)] == [30, 10, 20]
    assert audit_preferences(found).measures.held_out == 20
    given = enumerate([answer(n, [[0], [1]]) for n in range(40)], start=1)  # `label` asks of no test prompt
    assert audit_preferences(collected_answers("made", given, parts)).measures.held_out == 10


def test_every_check_says_what_it_is_for() -> None:
    assert all(check.__doc__ for check in CHECKS)
    assert len({check.__name__ for check in CHECKS}) == len(CHECKS)
