"""What is found over all rows and on the sample: number, share, rows, severity; and nothing on sound rows."""

import pytest

from tests.advisor.profiling.conftest import asked, checks, only

SOUND = [asked(n) for n in range(250)]


def test_sound_rows_have_no_findings(profiled):
    report = profiled(SOUND)
    assert checks(report) == []
    assert (report.num_rows, report.num_prompts, report.num_answered, report.num_answers) == (250, 250, 250, 250)
    assert (report.layout, report.answer_kind, report.answers_are) == ("prompt+completion", "number", "bare answers")
    assert (report.grader.type, report.grader.tried, report.grader.accepted) == ("numeric", 250, 250)
    assert (report.num_sampled, report.languages, report.blocked) == (250, {"en": 250}, False)


@pytest.mark.parametrize(
    ("check", "severity", "change", "rows"),
    [
        ("duplicate_rows", "warning", {3: SOUND[1], 9: SOUND[1]}, (4, 10)),
        ("contradictions", "warning", {3: {**SOUND[1], "answer": "5"}}, (2, 4)),
        ("duplicate_prompts", "info", {3: {**SOUND[1], "answer": "5"}}, (4,)),
        ("no_prompt", "blocking", {3: {"question": " \n", "answer": "1"}, 5: {"answer": "1"}}, (4, 6)),
        ("no_answer", "warning", {3: {**SOUND[3], "answer": ""}, 5: {**SOUND[5], "answer": None}}, (4, 6)),
        ("replacement", "warning", {3: asked(3, question="Wie viele \ufffdpfel, 3?")}, (4,)),
        ("mojibake", "warning", {3: asked(3, question="Combien de cafÃ©s, 3?"), 4: asked(4, answer="â€œ8")}, (4, 5)),
        ("control", "warning", {3: asked(3, answer="$\frac12$ and \x07")}, (4,)),
        ("long_rows", "warning", {3: asked(3, question="a" * 50_000)}, (4,)),
        ("unreadable", "blocking", {3: '{"question": "x', 5: "[1]", 7: "plain"}, (4, 6, 8)),
    ],
)
def test_a_fault_is_found_with_its_rows(profiled, check, severity, change, rows):
    found = only(profiled([change.get(n, row) for n, row in enumerate(SOUND)]), check)
    assert (found.rows, found.count, found.severity) == (rows, len(rows), severity)
    assert found.share == pytest.approx(len(rows) / 250, rel=0.02)
    assert "{" not in found.what


def test_a_number_written_otherwise_does_not_contradict(profiled):
    twice = [{**SOUND[1], "answer": "13.0"}, {**SOUND[2], "answer": " 26"}]
    assert "contradictions" not in checks(profiled([*SOUND, *twice]))


def test_texts_of_other_languages_are_not_damaged(profiled):
    words = ["Ärger über Öl", "naïve café", "Âge d'or", "苹果多少个", "Ñandú — “so”"]
    report = profiled([asked(n, question=f"{words[n % 5]} {n}?") for n in range(250)])
    assert not {"mojibake", "replacement", "control"} & set(checks(report))


def test_rows_are_named_by_line_when_lines_are_empty(profiled):
    report = profiled(["", SOUND[0], "   ", *SOUND[1:], SOUND[0]])
    assert only(report, "duplicate_rows").rows == (253,)
    assert (report.num_rows, report.num_prompts) == (251, 250)


def test_twenty_rows_are_named_and_all_are_counted(profiled):
    found = only(profiled(SOUND + [SOUND[0]] * 30), "duplicate_rows")
    assert (found.count, len(found.rows), found.rows[0]) == (30, 20, 251)
    assert found.what == "30 of 280 rows (10.7%) repeat an earlier row"


def test_endings_and_beginnings_that_answers_share(profiled):
    report = profiled(
        [asked(n, answer=f"Sure, here it is: box {n} holds {n} figs and {n * 3} pears!!!") for n in range(250)]
    )
    ending, beginning = only(report, "same_end"), only(report, "same_begin")
    assert '"!!!"' in ending.what
    assert '"Sure, here it"' in beginning.what
    assert (ending.count, ending.severity, beginning.count) == (250, "warning", 250)
    half = profiled(
        [asked(n, answer=f"Box {n} holds {n} figs and {n * 3} pears{'!!!' if n % 4 else '.'}") for n in range(240)]
    )
    assert (only(half, "same_end").count, only(half, "same_end").severity) == (180, "info")


def test_labels_skew_guess_rate_and_rare_ones(profiled):
    labels = ["spam"] * 170 + ["ham"] * 74 + ["egg"] * 6
    report = profiled([asked(n, answer=label) for n, label in enumerate(labels)])
    assert report.labels is not None
    assert (report.labels.kinds, report.labels.commonest[0], report.labels.rarest[0]) == (3, ("spam", 170), ("egg", 6))
    assert report.guess is not None
    assert (report.guess.answer, report.guess.share, report.guess.scope) == ("spam", 0.68, "all rows")
    assert "a skew of 28.3" in only(report, "skewed_labels").what
    assert only(report, "rare_labels").count == 6
    assert '"spam" is right in 68.0% of the rows' in only(report, "guessable").what


def test_one_answer_to_everything_is_blocking(profiled):
    assert only(profiled([asked(n, answer="yes") for n in range(250)]), "one_answer").severity == "blocking"


def test_ratings_and_pairs_are_no_contradictions(profiled):
    pairs = [{"prompt": f"ask {n // 2}", "chosen": f"good {n}", "rejected": f"bad {n}"} for n in range(200)]
    report = profiled(pairs)
    assert not {"contradictions", "several_answers"} & set(checks(report))
    assert only(report, "preferences").count == 200
    assert "preferences audit rows.jsonl" in only(report, "preferences").fix
    assert report.answers_are == "preferences"


def test_near_duplicates_are_found_and_equal_prompts_are_not_counted_twice(profiled):
    rows = [asked(n) for n in range(200)]
    rows[5] = asked(5, question=rows[4]["question"].upper() + " ...")
    rows[7] = asked(7, question=rows[6]["question"])
    assert only(profiled(rows), "near_duplicates").rows == (6,)


def test_secrets_and_personal_data_are_named_and_never_shown(profiled):
    key, card = "AKIA" + "ABCDEFGH12345678", "4111 1111 1111 1111"
    change = {
        3: asked(3, question=f"Use {key} for box 3?"),
        5: asked(5, question="Write to jo.doe@firm.org or a@example.com, box 5?"),
        6: asked(6, question="Only b@example.com in box 6?"),
        7: asked(7, question="Call +1 415 555 0123 about box 7?"),
        9: asked(9, question=f"Pay box 9 by {card}?"),
        11: asked(11, question="Pay box 11 by 4111 1111 1111 1112?"),
    }
    report = profiled([change.get(n, row) for n, row in enumerate(SOUND)])
    assert only(report, "holds_keys").rows == (4,)
    assert only(report, "holds_email_addresses").rows == (6,)
    assert only(report, "holds_phone_numbers").rows == (8,)
    assert only(report, "holds_card_numbers").rows == (10,)
    assert key not in report.model_dump_json()
    assert card not in report.model_dump_json()


def test_a_label_that_is_not_in_the_text_counts_for_extraction_alone(profiled):
    rows = [
        {
            "text": f"Shop {n}\nNo 5, Long\nRoad\nTotal {n}.50",
            "fields": {"total": f"{n}.50", "address": "No 5, Long Road"},
        }
        for n in range(200)
    ]
    report = profiled(rows)
    found = only(report, "label_not_in_text")
    assert (found.count, found.of, found.severity) == (200, 200, "warning")
    assert "have a address" not in found.what
    assert "200 of these are there across line ends and spaces" in found.what
    other = [{"text": f"Tell of {n}", "fields": {"mood": "ab"[n % 2], "size": str(n * 997)}} for n in range(200)]
    assert "label_not_in_text" not in checks(profiled(other))


@pytest.mark.parametrize(
    ("answer", "kind", "grader"),
    [
        ("SELECT name FROM t{n} WHERE id = {n} AND size > 3", "sql", "sql"),
        ("def f(x):\n    y = x + {n}\n    return y", "code", "code_tests"),
        ("\\frac{{{n}}}{{7}} + \\sqrt{{{n}}}", "latex", "math"),
        ("We take {n} and add {n}, which then gives in the end\n#### {n}", "number", "numeric"),
        ('{{"size": {n}}}', "json", "json_fields"),
        ("Person {n}", "short_text", "exact_match"),
        ("A long and winding sentence on matter number {n} and then some", "long_text", None),
    ],
)
def test_the_kind_of_answer_and_the_grader_that_fits(profiled, answer, kind, grader):
    report = profiled([asked(n, answer=answer.format(n=n)) for n in range(250)])
    assert (report.answer_kind, report.grader.type) == (kind, grader)


def test_code_with_tests_is_told_how_to_try_its_golds(profiled):
    rows = [
        {"text": f"Add {n}", "code": f"def f(x):\n    return x + {n}", "test_list": ["assert f(1)"]} for n in range(200)
    ]
    assert "grade audit" in only(profiled(rows), "tests_of_code").fix
