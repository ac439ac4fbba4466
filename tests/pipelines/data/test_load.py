"""Every format gives the same rows, and every fault one message with its place."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from graders.errors import UserError
from pipelines.data.load import load_rows
from pipelines.data.source import source_identity
from pipelines.data.spec import DataSpec


def rows_of(folder: Path, source: str, **spec):
    return load_rows(source, DataSpec(train=source, **spec), folder)


def error_of(folder: Path, source: str, **spec) -> str:
    with pytest.raises(UserError) as caught:
        rows_of(folder, source, **spec)
    return str(caught.value)


PEARS = [{"question": "How many pears?", "answer": "7"}, {"question": "How many figs?", "answer": "9"}]
LINES = "".join(json.dumps(row) + "\n" for row in PEARS)
CSV = "question,answer\nHow many pears?,7\nHow many figs?,9\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", LINES.encode()),
        ("a.jsonl", b"\xef\xbb\xbf" + LINES.encode()),
        ("a.jsonl", LINES.replace("\n", "\r\n\r\n").encode()),
        ("a.jsonl", json.dumps(PEARS).encode()),
        ("a.jsonl.gz", gzip.compress(LINES.encode(), mtime=0)),
        ("a.json", json.dumps(PEARS, indent=1).encode()),
        ("a.json", LINES.encode()),
        ("a.json", json.dumps({"version": 1, "data": PEARS}).encode()),
        ("a.json", json.dumps({"anything": PEARS}).encode()),
        ("a.json.gz", gzip.compress(json.dumps(PEARS).encode(), mtime=0)),
        ("a.csv", CSV.encode()),
        ("a.csv", CSV.replace("\n", "\r\n").encode()),
        ("a.csv", CSV.replace(",", ";").encode()),
        ("a.csv.gz", gzip.compress(CSV.encode(), mtime=0)),
        ("a.tsv", CSV.replace(",", "\t").encode()),
        ("a.data", CSV.encode()),
        ("a", LINES.encode()),
        ("a.txt", CSV.replace(",", "\t").encode()),
    ],
)
def test_every_text_format_gives_the_same_rows(write, name, content):
    rows = rows_of(write(name, content), name)
    assert [(row.prompt, row.completion) for row in rows.rows] == [("How many pears?", "7"), ("How many figs?", "9")]
    assert rows.roles == {"prompt": "question", "completion": "answer"}
    assert rows.source == name


def test_parquet_and_saved_datasets_are_read(tmp_path):
    import datasets

    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])})
    made = datasets.Dataset.from_dict({"text": ["one", "two"], "label": [1, 0]}, features=features)
    made.save_to_disk(str(tmp_path / "saved"))
    datasets.DatasetDict({"train": made, "test": made}).save_to_disk(str(tmp_path / "both"))
    made.to_parquet(str(tmp_path / "a.parquet"))
    assert [row.completion for row in rows_of(tmp_path, "saved").rows] == ["yes", "no"]
    assert [row.completion for row in rows_of(tmp_path, "both/test").rows] == ["yes", "no"]
    assert [row.completion for row in rows_of(tmp_path, "a.parquet").rows] == ["1", "0"]
    message = error_of(tmp_path, "both")
    assert "the splits test, train" in message
    assert "both/test" in message


def test_a_missing_number_in_parquet_is_no_answer(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"question": ["a", "b"], "answer": [1.5, float("nan")]}), tmp_path / "a.parquet")
    assert [row.completion for row in rows_of(tmp_path, "a.parquet").rows] == ["1.5", None]


def test_a_damaged_parquet_file_is_named(write):
    assert "not a readable parquet file" in error_of(write("a.parquet", b"PAR1 nothing"), "a.parquet")


def test_the_hub_is_asked_for_an_id_and_its_faults_are_explained(tmp_path, monkeypatch):
    import datasets

    asked = []

    def answer(*names, split):
        asked.append((*names, split))
        if split is None:
            return datasets.DatasetDict({"train": one, "test": one})
        if split == "nowhere":
            raise ConnectionError("Couldn't reach the Hub")
        return one

    one = datasets.Dataset.from_dict({"question": ["a"], "answer": ["b"]})
    monkeypatch.setattr(datasets, "load_dataset", answer)
    assert rows_of(tmp_path, "owner/name:train").rows[0].completion == "b"
    assert rows_of(tmp_path, "owner/name/main:train").rows[0].number == 1
    assert "owner/name:train" in error_of(tmp_path, "owner/name")
    assert "without a network, name a local file" in error_of(tmp_path, "owner/name:nowhere")
    assert asked[:2] == [("owner/name", "train"), ("owner/name", "main", "train")]


def test_row_numbers_are_the_lines_where_rows_begin(write):
    text = 'question,answer\n"first\nline",1\n\n"a ""b"", c",2\nlast,3\n'
    assert [row.number for row in rows_of(write("a.csv", text), "a.csv").rows] == [2, 5, 6]
    assert [row.number for row in rows_of(write("a.csv", text.replace("\n", "\r\n")), "a.csv").rows] == [2, 5, 6]
    lines = '\n{"question": "a", "answer": "b"}\n\n{"question": "c\u2028d", "answer": "e"}\n'
    assert [row.number for row in rows_of(write("a.jsonl", lines), "a.jsonl").rows] == [2, 4]


def test_csv_values_stay_text(write):
    rows = rows_of(write("a.csv", "question,answer\nwhat,007\nwho,1e3\nwhy,NaN\n"), "a.csv")
    assert [row.completion for row in rows.rows] == ["007", "1e3", "NaN"]


def test_nan_in_json_is_nothing_and_said(write):
    rows = rows_of(write("a.jsonl", '{"question": "a", "answer": NaN}\n{"question": "b", "answer": "c"}\n'), "a.jsonl")
    assert [row.completion for row in rows.rows] == [None, "c"]
    assert "NaN or Infinity was read as empty: 1 times" in rows.notes


def test_stray_quotes_are_read_when_every_row_still_fits(write):
    rows = rows_of(write("a.csv", 'question,answer\n"is it "in" there?",yes\nor not?,no\n'), "a.csv")
    assert [row.completion for row in rows.rows] == ["yes", "no"]
    assert any("stray quotation mark" in note for note in rows.notes)
    rows = rows_of(write("a.tsv", 'question\tanswer\n"hi" she said\tyes\n6" wide?\tno\n'), "a.tsv")
    assert rows.rows[0].prompt == '"hi" she said'


def test_rows_in_an_item_wrapper_are_taken_out(load):
    rows = load([{"item": {"question": "a", "answer": "b"}}])
    assert (rows.rows[0].prompt, rows.rows[0].completion) == ("a", "b")


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("a.jsonl", '{"a": 1}\n{"a": \n{"a": 2}\n[1]\n', ["a.jsonl:2", "not valid JSON", "lines 4", "one JSON object"]),
        ("a.jsonl", '{"a": 1}\n"word"\n', ["a.jsonl:2", "a JSON text"]),
        ("a.json", '[\n{"a": 1},\n{"a" 2}]', ["a.json:3", "not valid JSON"]),
        ("a.json", '{"name": "x", "type": "y"}', ["a.json: a JSON object with the keys name, type", "a list of rows"]),
        ("a.json", '{"train": [{"a": 1}], "data": [{"a": 1}]}', ["several lists of rows", "--test"]),
        ("a.json", '["x", "y"]', ["item 1 of the list is a text", "objects with named columns"]),
        ("a.json", "3", ["a JSON number"]),
        ("a.json", "[]", ["no rows"]),
        ("a.csv", "", ["the file is empty"]),
        ("a.csv", " \n\n", ["the file is empty"]),
        ("a.csv", "question,answer\n", ["no rows"]),
        ("a.csv", "a,b,a\n1,2,3\n", ["a.csv:1", "more than once: a"]),
        ("a.csv", "a,b\n1,2\n1,2,3\n", ["a.csv:3", "3 values, but the header names 2", "must stand in quotes"]),
        ("a.csv", "a,b\n1\n", ["a.csv:2", "1 values"]),
        ("a.csv", 'a,b\n1,2\n3,"open\n4,5\n6,7\n', ["a.csv:3", "cannot be read", "doubled"]),
        ("a.csv", b"a,b\nfine,2\ncaf\xe9,3\n", ["a.csv:3", "0xe9 is not UTF-8", "iconv"]),
        ("a.csv", b"a,b\n1\x00,2\n", ["a.csv:2", "null byte", "tr -d"]),
        ("a.csv", "a,b\n1,2\n".encode("utf-16"), ["UTF-16", "iconv"]),
        ("a.jsonl.gz", gzip.compress(b'{"a": 1}', mtime=0)[:-9], ["gzip data is damaged"]),
        ("a.xlsx", b"PK\x03\x04....", ["a zip or Excel file", "save the table as CSV"]),
        ("a.txt", "just words\nand more\n", ["neither the name nor the content says"]),
    ],
)  # fmt: skip
def test_a_fault_is_one_message_with_its_place(write, name, content, parts):
    message = error_of(write(name, content), name)
    for part in parts:
        assert part in message


def test_trailing_empty_cells_are_no_fault(write):
    rows = rows_of(write("a.csv", "question,answer\na,b,,\nc,d\n"), "a.csv")
    assert [row.completion for row in rows.rows] == ["b", "d"]


def test_a_missing_file_is_answered_with_its_neighbour(write):
    folder = write("train.csv", CSV)
    assert 'did you mean "train.csv"?' in error_of(folder, "trian.csv")
    assert "no such folder" in error_of(folder, "nowhere/at/all/train.csv")


def test_a_plain_folder_lists_its_files(write):
    write("a.csv", CSV)
    message = error_of(write("b.jsonl.gz", gzip.compress(b"", mtime=0)), ".")
    assert "this is a folder" in message
    assert "a.csv, b.jsonl.gz" in message


def test_no_permission_is_said(write, monkeypatch):
    folder = write("a.csv", CSV)

    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "no permission to read it" in error_of(folder, "a.csv")


def test_no_permission_is_said_before_a_run_too(write, monkeypatch):
    folder = write("a.csv", CSV)

    def refuse(self, *_, **__):
        raise PermissionError(13, "Permission denied")

    for method, said in (("open", "cannot be read: Permission denied"), ("exists", "no permission to read it")):
        with monkeypatch.context() as patch:
            patch.setattr(Path, method, refuse)
            with pytest.raises(UserError, match=said):
                source_identity("a.csv", folder)


def test_importing_the_package_loads_nothing_heavy():
    modules = ["load", "split", "checks", "describe", "render", "show", "formats", "template", "placeholders"]
    code = "; ".join(f"import pipelines.data.{name}" for name in modules)
    heavy = "{'torch', 'datasets', 'pandas', 'pyarrow', 'transformers', 'rapidfuzz'}"
    code += f"; import sys; print(sorted({heavy} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"question": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deep"),
        ('{"question": "a", "answer": ' + "1" * 5000 + "}", "4300"),
    ],
)
def test_json_that_python_cannot_hold_is_a_fault_of_its_line(write, line, said):
    message = error_of(write("a.jsonl", LINES + line), "a.jsonl")
    assert message.startswith("a.jsonl:3: not valid JSON: ")
    assert said in message


def test_half_a_surrogate_pair_becomes_a_question_mark(write):
    rows = rows_of(write("a.jsonl", LINES + '{"question": "\\ud83d a", "answer": "\\ud83d\\ude00"}'), "a.jsonl")
    assert (rows.rows[2].prompt, rows.rows[2].completion) == ("? a", "😀")


def test_what_can_be_read_once_or_not_at_all_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "loop.jsonl").symlink_to("loop.jsonl")
    assert "a pipe or a device" in error_of(tmp_path, "pipe.jsonl")
    assert "a pipe or a device" in error_of(tmp_path, "/dev/zero")
    assert "this link leads nowhere" in error_of(tmp_path, "loop.jsonl")


def test_money_and_dates_of_a_parquet_file_are_plain_text_without_quotes(tmp_path):
    import datetime
    from decimal import Decimal

    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "question": [datetime.date(2020, 1, 2), datetime.date(2020, 1, 3)],
        "answer": [Decimal("1.50"), None],
        "reference": [{"price": Decimal("1.50")}, {"price": None}],
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    first, second = rows_of(tmp_path, "a.parquet", columns={"completion": "answer"}).rows
    assert (first.prompt, first.completion, first.reference) == ("2020-01-02", "1.50", {"price": "1.50"})
    assert second.completion is None


def test_bytes_are_text_where_they_can_be_and_a_fault_only_where_they_are_needed(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"question": [b"what?"], "answer": ["b"], "image": [b"\xff\xd8"]}), tmp_path / "a.parquet")
    assert rows_of(tmp_path, "a.parquet").rows[0].prompt == "what?"
    message = error_of(tmp_path, "a.parquet", columns={"prompt": "image"})
    assert message.startswith("a.parquet:1: a value is bytes that are no text")


def test_a_parquet_file_that_names_a_column_twice_is_told_which(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table([pa.array(["a"]), pa.array(["b"])], names=["question", "question"]), tmp_path / "a.parquet")
    assert "a column's name stands more than once: question" in error_of(tmp_path, "a.parquet")


def test_json_lines_under_the_name_of_a_table_are_read(write):
    rows = rows_of(write("a.csv", LINES), "a.csv")
    assert [row.completion for row in rows.rows] == ["7", "9"]


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("a.json", CSV, ["not valid JSON", "if this is a table, name it .csv"]),
        ("a.jsonl", "[1, 2]\n[3]\n", ["a.jsonl:1: a JSON list", "lines 2"]),
        ("a.csv", "version https://git-lfs.github.com/spec/v1\noid sha256:1\n", ["Git LFS's pointer", "git lfs pull"]),
        ("a.jsonl", "<!DOCTYPE html>\n<html></html>\n", ["a web page", "download the file itself"]),
        ("a.jsonl", '{"messages": [{"role": "user"}]}\n', ['no row of column "messages" holds a conversation']),
    ],
)
def test_a_file_that_is_something_else_is_called_what_it_is(write, name, content, parts):
    message = error_of(write(name, content), name)
    for part in parts:
        assert part in message
