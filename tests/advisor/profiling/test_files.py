"""Files of every kind and of every fault: each has its own clear outcome."""

import gzip
import json
import os
from pathlib import Path

import pytest

from advisor.cli.main import run_command
from advisor.profiling import database as database_module
from advisor.profiling import sample
from advisor.profiling.database import database
from advisor.profiling.profile_file import profile_file
from graders.errors import UserError
from pipelines.data.spec import DataSpec
from tests.advisor.profiling.conftest import asked, checks, only

ROWS = [asked(n) for n in range(250)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


def csv_of(rows, delimiter=","):
    cell = lambda text: '"' + str(text).replace('"', '""') + '"'  # noqa: E731
    lines = ["question" + delimiter + "answer", *(delimiter.join(map(cell, row.values())) for row in rows)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.jsonl", LINES),
        ("rows.jsonl.gz", gzip.compress(LINES.encode(), mtime=0)),
        ("odd*[name].jsonl", LINES),
        ("rows.csv", csv_of(ROWS)),
        ("rows.csv.gz", gzip.compress(csv_of(ROWS).encode(), mtime=0)),
        ("rows.tsv", csv_of(ROWS, "\t")),
        ("semicolons.csv", csv_of(ROWS, ";")),
        ("rows.json", json.dumps(ROWS)),
        ("wrapped.json", json.dumps({"data": ROWS})),
        ("items.jsonl", "".join(json.dumps({"item": row}) + "\n" for row in ROWS)),
        ("crlf.jsonl", LINES.replace("\n", "\r\n")),
    ],
)
def test_every_format_gives_the_same_numbers(profiled, name, content):
    report = profiled(content, name)
    assert (report.num_rows, report.num_prompts, report.num_answers) == (250, 250, 250)
    assert (report.prompt_chars, report.answer_kind, checks(report)) == (profiled(LINES).prompt_chars, "number", [])


def test_parquet_and_saved_datasets(tmp_path):
    import datasets

    roles = (("user", "question"), ("assistant", "answer"))
    nested = [{"messages": [{"role": role, "content": row[key]} for role, key in roles]} for row in ROWS]
    datasets.Dataset.from_list(nested).to_parquet(str(tmp_path / "rows.parquet"))
    datasets.Dataset.from_list(nested).save_to_disk(str(tmp_path / "saved"))
    for name in ("rows.parquet", "saved"):
        report = profile_file(DataSpec(train=name), tmp_path)
        assert (report.layout, report.num_prompts, report.num_answers) == ("messages", 250, 250)
        assert checks(report) == []


def test_rows_of_a_table_are_named_by_the_line_where_they_begin(profiled):
    rows = [asked(n, question=f"Box {n}\nof figs, how many?") for n in range(250)]
    assert only(profiled(csv_of([*rows, rows[0]]), "rows.csv"), "duplicate_rows").rows == (502,)


def test_stray_quotes_go_through_the_loader(profiled):
    report = profiled("question,answer\n" + "".join(f'say "{n}" now,{n}\n' for n in range(250)), "rows.csv")
    assert (report.num_rows, report.num_prompts) == (250, 250)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("rows.jsonl", b"\x00\x01\x02\xff\xfe", "binary file"),
        ("rows.csv", b"\x89PNG\r\n\x1a\n\x00\x00", "binary file"),
        ("rows.xlsx", b"PK\x03\x04rest", "Excel"),
        ("rows.jsonl", "", "the file is empty"),
        ("rows.jsonl", "\n\n", "the file is empty"),
        ("rows.jsonl", "not json\nneither\n", "not valid JSON"),
        ("rows.csv", "question,answer\na,b,c\n", "3 values, but the header names 2"),
        ("rows.jsonl", '{"x1": 1, "x2": 2}\n', "no column is recognised as the prompt"),
    ],
)
def test_what_cannot_be_read_is_said(profiled, name, content, told):
    with pytest.raises(UserError, match=told):
        profiled(content, name)


def test_ten_rows_are_too_few(profiled):
    report = profiled(ROWS[:10])
    assert only(report, "too_few").severity == "blocking"
    assert "10 different prompts" in only(report, "too_few").what


def test_one_column_has_no_answers(profiled):
    report = profiled([{"text": f"A note on matter {n}"} for n in range(250)])
    assert only(report, "no_answers").severity == "warning"
    assert report.answers_are == "none"


def test_mixed_layouts_name_the_other_one(profiled):
    chat = [
        {"messages": [{"role": "user", "content": f"Hi {n}"}, {"role": "assistant", "content": "Yo"}]}
        for n in range(99)
    ]
    found = only(profiled([*ROWS, *chat]), "mixed_layouts")
    assert (found.count, found.of, found.severity) == (250, 349, "blocking")
    assert "another layout than messages+reference: prompt+completion (question, answer)" in found.what


def test_one_prompt_for_all_rows_is_blocking(profiled):
    assert only(profiled([asked(1, answer=str(n)) for n in range(250)]), "one_prompt").count == 250


def test_broken_lines_are_named_and_the_others_measured(profiled):
    report = profiled([*ROWS, '{"question": "half', *ROWS[:1]])
    assert only(report, "unreadable").rows == (251,)
    assert only(report, "duplicate_rows").rows == (252,)
    assert report.empty == {}


def test_a_copied_test_file_is_blocking_and_a_small_leak_is_not(profiled, write):
    write("test.jsonl", ROWS)
    found = only(profiled(ROWS, test="test.jsonl"), "copied_test_file")
    assert (found.severity, found.count, found.scope) == ("blocking", 250, "test file")
    write("test.jsonl", [asked(n) for n in range(900, 1000)] + ROWS[3:5])
    leak = only(profiled(ROWS, test="test.jsonl"), "leak")
    assert (leak.severity, leak.rows, leak.of) == ("warning", (101, 102), 102)
    write("test.jsonl", [{**row, "answer": "0"} for row in ROWS])
    assert only(profiled(ROWS, test="test.jsonl"), "leak").severity == "blocking"


def test_conversations_leak_whatever_their_answer_is(profiled, write):
    def chat(n, said):
        turns = [
            ("system", "Be brief."),
            ("user", f"Hi {n}"),
            ("assistant", "Go on"),
            ("user", "So?"),
            ("assistant", said),
        ]
        return {"messages": [{"role": role, "content": content} for role, content in turns]}

    write("test.jsonl", [chat(n, "other") for n in range(40, 60)] + [chat(n, "x") for n in range(900, 990)])
    report = profiled([chat(n, f"It is {n} and nothing else") for n in range(250)], test="test.jsonl")
    assert (report.num_prompts, only(report, "leak").count) == (250, 20)
    assert only(report, "leak").rows[0] == 1


def test_a_template_is_the_prompt(profiled):
    rows = [{"a": f"first {n}", "b": f"second {n % 10}", "answer": str(n)} for n in range(250)]
    assert profiled(rows, prompt="{{a}} and {{b}}").num_prompts == 250
    assert profiled(rows, prompt="Only {{b}}").num_prompts == 10


def test_the_sample_is_seeded_and_its_size_is_told(profiled, monkeypatch):
    monkeypatch.setattr(sample, "MOST", 40)
    one, other = profiled(ROWS), profiled(ROWS)
    assert one == other
    assert (one.num_rows, one.num_sampled, one.num_prompts) == (250, 40, 250)


def test_the_command_prints_numbers_and_leaves_with_its_code(write, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    write("rows.jsonl", [*ROWS, ROWS[0]])
    assert run_command(["profile", "rows.jsonl"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.startswith("rows.jsonl: 251 rows, prompt+completion")
    assert "warning: 1 of 251 rows (0.4%) repeat an earlier row (rows 251) remove them" in shown
    assert run_command(["profile", "rows.jsonl", "--json", "--test", "rows.jsonl"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert found["findings"][0]["check"] == "copied_test_file"
    assert run_command(["profile", "nothing.jsonl"]) == 1
    assert "no such file" in capsys.readouterr().err


def test_tokens_by_the_starters_tokenizer(write, tmp_path):
    folder = write("rows.jsonl", ROWS)
    report = profile_file(DataSpec(train="rows.jsonl"), folder, "starter")
    assert report.tokens.counted_by == "starter"
    assert report.tokens.prompt is not None
    assert 5 <= report.tokens.prompt.median <= 60


def test_nothing_is_left_in_the_temporary_folder(profiled, monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    profiled(ROWS)
    assert [path.name for path in Path(tmp_path).iterdir()] == ["rows.jsonl"]


def test_duckdb_has_a_limit_on_memory_and_a_folder_to_spill_to():
    with database() as opened:
        limit, spill = opened.one("SELECT current_setting('memory_limit'), current_setting('temp_directory')")
        threads = len(os.sched_getaffinity(0))
        assert limit == f"{256 + 64 * threads}.0 MiB"
        assert Path(spill).parent == opened.folder.parent
    assert not opened.folder.exists()


def test_a_tight_limit_on_memory_changes_no_number(write, monkeypatch):
    """A hundred thousand prompts with 88 MiB for everything, of which JSON lines take most."""
    monkeypatch.setattr(database_module, "_BASE_MIB", 24 - 64 * len(os.sched_getaffinity(0)) + 64)
    rows = [asked(n) for n in range(100_000)]
    report = profile_file(DataSpec(train="rows.jsonl"), write("rows.jsonl", [*rows, *rows[:5]]))
    assert (report.num_rows, report.num_prompts, only(report, "duplicate_rows").count) == (100_005, 100_000, 5)
