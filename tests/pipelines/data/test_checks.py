"""Each check finds its fault, names the rows, and is silent on sound rows."""

import ast
import json
from pathlib import Path

import pytest

from graders.errors import UserError
from pipelines.data import checks
from pipelines.data.checked import load_checked
from pipelines.data.checks import CHECKS, check_rows, check_split
from pipelines.data.rows import Split
from pipelines.data.spec import DataSpec
from tests.pipelines.data.conftest import make_rows

SOUND = [{"question": f"What is box {n}?", "answer": f"It is the box of {n * 7} figs, I think."} for n in range(40)]


def only(rows, check):
    return next((finding for finding in check_rows(rows) if finding.check == check), None)


def test_sound_rows_have_no_findings(load):
    made = [{**row, "answer": f"{n} figs are in it"} for n, row in enumerate(SOUND)]
    made = [{**row, "answer": row["answer"] + chr(97 + n % 26)} for n, row in enumerate(made)]
    assert check_rows(load(made)) == []


@pytest.mark.parametrize(
    ("check", "change", "rows"),
    [
        ("empty_prompts", {3: {"question": " "}}, (4,)),
        ("no_answer", {3: {"answer": ""}, 5: {"answer": None}}, (4, 6)),
        ("some_demonstrations", {3: {"answer": ""}}, (4,)),
        ("duplicate_rows", {3: SOUND[1], 9: SOUND[1]}, (4, 10)),
        ("contradictions", {3: {"question": "what is BOX 1?"}}, (2, 4)),
        ("missing_words", {3: {"answer": "nan"}}, (4,)),
        ("damaged_text", {3: {"question": "cafÃ©"}, 5: {"answer": "caf\ufffd"}}, (4, 6)),
        ("long_rows", {3: {"question": "a" * 50_000}}, (4,)),
        ("mixed_numbers", {3: {"answer": "65.0"}, 5: {"answer": "65"}}, (4,)),
    ],
)
def test_a_fault_is_found_with_its_rows(load, check, change, rows):
    finding = only(load([{**row, **change.get(n, {})} for n, row in enumerate(SOUND)]), check)
    assert finding.rows == rows
    assert finding.count == len(rows)
    assert "{n}" not in finding.message


def test_rows_of_another_layout_are_told_by_the_columns_that_they_fill(load):
    other = {"instruction": "Name box 7.", "output": "The box of figs."}
    finding = only(load([*SOUND[:3], other, *SOUND[3:], {"question": None}]), "mixed_layouts")
    assert (finding.rows, finding.severity) == ((4,), "error")
    assert "another layout than prompt+completion+reference: prompt+completion (instruction, output)" in finding.message
    assert only(load([*SOUND, {"question": None}]), "mixed_layouts") is None


def test_errors_are_told_of_the_file_and_not_of_its_parts(tmp_path):
    rows = [{**row, "question": ""} if n in (3, 9) else row for n, row in enumerate(SOUND)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(UserError) as told:
        load_checked(DataSpec(train="rows.jsonl"), tmp_path)
    assert "\n2 rows have no prompt (rows 4, 10)" in str(told.value)


def test_every_check_that_can_find_an_error_is_looked_at_before_a_stage():
    folder = Path(checks.__file__).parent
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in folder.glob("*.py")]
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    finders = {
        function.name
        for function in functions
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and any(isinstance(a, ast.Constant) and a.value == "error" for a in call.args)
    }
    assert finders == {check.__name__ for check in checks.ERRORS}


def test_the_first_twenty_rows_are_named_and_all_are_counted(load):
    finding = only(load(SOUND + [SOUND[0]] * 30), "duplicate_rows")
    assert (finding.count, len(finding.rows)) == (30, 20)


def test_numbers_written_otherwise_do_not_contradict():
    assert only(make_rows(("a", "65"), ("a", "65.0")), "contradictions") is None


def test_endings_that_all_answers_share_are_found():
    finding = only(make_rows(*((f"q{n}", f"so it is {n}!!!") for n in range(30))), "same_ending")
    assert (finding.count, finding.severity) == (30, "warning")
    assert "'!!!'" in finding.message
    words = only(make_rows(*((f"q{n}", f"so it is {n * 977} pears. Ask me again!") for n in range(30))), "same_ending")
    assert "Ask me again!" in words.message or "ask me again" in words.message.casefold() or "e again!" in words.message
    assert only(make_rows(*((f"q{n}", f'{{"n": {n}, "list": [{n}]}}') for n in range(30))), "same_ending") is None


def test_rare_labels_and_equal_answers():
    rows = make_rows(*((f"q{n}", "common") for n in range(60)), ("x", "rare"), ("y", "rare"))
    finding = only(rows, "rare_labels")
    assert finding.rows == (61, 62)
    assert '1 of 2 labels have fewer than 10 rows, such as "rare" with 2' in finding.message
    assert only(make_rows(("a", "same"), ("b", "same")), "same_completion").severity == "error"


def test_pairs(load):
    user, other = {"role": "user", "content": "a"}, {"role": "user", "content": "b"}
    say = {"role": "assistant", "content": "yes"}
    rows = load([{"chosen": [user, say], "rejected": [user, say]}, {"chosen": [user, say], "rejected": [other, say]}])
    assert only(rows, "equal_pairs").rows == (1,)
    assert only(rows, "different_prompts").rows == (2,)


def test_conversations(load):
    user, say = {"role": "user", "content": "a"}, {"role": "assistant", "content": "yes"}
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    rows = load([
        {"messages": [user, say]},
        {"messages": [user, say, say]},
        {"messages": [user, {"role": "system", "content": "s"}, say]},
        {"messages": [{"role": "narrator", "content": "once"}, user, say]},
        {"messages": [user, {"role": "assistant", "tool_calls": [call]}]},
    ])  # fmt: skip
    assert only(rows, "last_turn_not_user").rows == (2, 3)
    assert only(rows, "system_not_first").rows == (3,)
    assert only(rows, "unknown_roles").rows == (4,)
    assert only(rows, "tool_calls").rows == (5,)


def test_errors_come_first(load):
    found = check_rows(load([{"question": "", "answer": "a"}, *SOUND, SOUND[0]]))
    order = [finding.severity for finding in found]
    assert order == sorted(order, key=["error", "warning", "note"].index)


def test_test_rows_that_ask_what_train_asks_are_found():
    train = make_rows(("How many figs, 2 + 3?", "5"), ("Is 1.5 big?", "no"))
    test = make_rows(("how many figs 2 + 3 ?", "5"), ("How many figs, 2 - 3?", "-1"), ("Is 15 big?", "no"))
    finding = check_split(Split(train, train.only([]), test))[0]
    assert finding.rows == (1,)


def test_every_check_says_what_it_is_for():
    assert all(check.__doc__ for check in CHECKS)
    assert len({check.__name__ for check in CHECKS}) == len(CHECKS)


def test_description_is_readable_without_colour(load):
    from rich.console import Console

    from pipelines.data.describe import describe

    rows = load([*SOUND, SOUND[0]])
    console = Console(width=120, no_color=True, force_terminal=False)
    with console.capture() as capture:
        console.print(describe(rows, check_rows(rows)))
    text = capture.get()
    assert "rows.jsonl: 41 rows, prompt+completion" in text
    assert "warning: 1 rows repeat an earlier row (rows 41)" in text
    assert "What is box 0?" in text


def test_rows_without_an_answer_are_told_which_columns_are_still_free(load):
    rows = load([{"body": f"ticket {n}", "team": "ab"[n % 2]} for n in range(30)])
    assert only(rows, "no_answer").fix == (
        "name its column: --column completion=NAME; not used yet: team (2 different values)"
    )
