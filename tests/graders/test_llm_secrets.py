"""Keys: read from the environment at the moment of a call, and found nowhere else."""

import json
import logging
import pickle
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import yaml

from graders.base import Grader, Sample
from graders.errors import UserError
from graders.union import parse_grader
from pipelines.plan_file import load_plan
from tests.graders.scripted_server import Say, chat, serve

SECRET = "sk-9f8e7d6c5b4a"
JUDGE: dict[str, Any] = {"type": "judge", "model": "m", "criteria": "right"}
ENDPOINT: dict[str, Any] = {"type": "endpoint", "url": "http://127.0.0.1:1/grade"}

LITERALS = [
    JUDGE | {"server": {"base_url": "http://h/v1", "api_key": SECRET}},
    JUDGE | {"server": {"base_url": "http://h/v1", "api_key": f"Bearer {SECRET}"}},
    JUDGE | {"server": {"base_url": "http://h/v1", "api_key": f"{SECRET}${{KEY}}"}},
    JUDGE | {"server": {"base_url": "http://h/v1", "api_key": [SECRET]}},
    JUDGE | {"server": {"base_url": f"http://me:{SECRET}@h/v1"}},
    JUDGE | {"server": {"base_url": f"http://h/v1?key={SECRET}"}},
    ENDPOINT | {"headers": {"Authorization": f"Bearer {SECRET}"}},
    ENDPOINT | {"headers": {"Authorization": f"Bearer {SECRET} ${{KEY}}"}},
    ENDPOINT | {"headers": {"X-Key": SECRET, "Authorization": "Bearer ${KEY}"}},
    ENDPOINT | {"headers": f"Authorization: {SECRET}"},
    ENDPOINT | {"headers": [SECRET]},
    ENDPOINT | {"url": f"http://h/grade?code={SECRET}"},
    ENDPOINT | {"url": f"http://h/grade?subscription-key={SECRET}"},
    ENDPOINT | {"url": f"http://{SECRET}@h/grade"},
]


@pytest.mark.parametrize("config", LITERALS, ids=str)
def test_a_literal_is_refused_and_not_repeated(config: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        parse_grader(config)
    assert SECRET not in str(error.value)
    plan = {"name": "p", "data": {"train": "rows.csv"}, "metric": "g", "graders": {"g": config}, "stages": []}
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan))
    with pytest.raises(UserError) as error:
        load_plan(tmp_path / "plan.yaml")
    assert SECRET not in str(error.value)


def test_the_message_names_what_to_write() -> None:
    with pytest.raises(UserError, match=r"\$\{OPENAI_API_KEY\}"):
        parse_grader(JUDGE | {"server": {"api_key": SECRET}})
    with pytest.raises(UserError, match=r"Bearer \$\{GRADER_AUTHORIZATION\}"):
        parse_grader(ENDPOINT | {"headers": {"Authorization": SECRET}})
    with pytest.raises(UserError, match=r"\$\{GRADER_X_API_KEY\}"):
        parse_grader(ENDPOINT | {"headers": {"x-api-key": SECRET}})


def test_harmless_headers_and_parameters_are_written_as_they_are() -> None:
    parse_grader(ENDPOINT | {"url": "http://h/grade?task=sums", "headers": {"Accept": "application/json"}})


@pytest.mark.parametrize("value", ["", "  ", None, "two\nlines", "smart “quotes”"])
def test_a_variable_that_is_not_set_or_cannot_be_sent_is_the_users_to_mend(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is not None:
        monkeypatch.setenv("JUDGE_KEY", value)
    grader = parse_grader(JUDGE | {"server": {"base_url": "http://127.0.0.1:1", "api_key": "${JUDGE_KEY}"}})
    with pytest.raises(UserError, match="JUDGE_KEY") as error:
        grader.grade(Sample("p", "c"))
    assert not (value or "").strip() or str(value) not in str(error.value)


def test_no_key_is_found_in_dumps_grades_logs_errors_or_the_cache(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """The servers repeat the key wherever they can: in answers, refusals and errors."""
    monkeypatch.setenv("JUDGE_KEY", SECRET)
    caplog.set_level(logging.DEBUG)
    says = iter(
        [
            chat(json.dumps({"reason": f"your key is {SECRET}", "score": 3})),
            chat(f"I see {SECRET}"),
            chat(None, refusal=f"not with {SECRET}"),
            Say(f'{{"error": "bad key {SECRET}"}}', 400),
            Say(f"bad key {SECRET}", 401),
        ]
    )
    seen: list[object] = []
    with serve(lambda _: next(says)) as server:
        judge = parse_grader(JUDGE | {"server": {"base_url": server.url, "api_key": "${JUDGE_KEY}", "concurrency": 1}})
        grades = [judge.grade(Sample(f"p{place}", "c")) for place in range(5)]
        assert [headers["Authorization"] for headers in server.headers] == [f"Bearer {SECRET}"] * 5
        seen += [judge, judge.model_dump_json(), pickle.dumps(judge), grades]
    with serve(lambda body: Say(f'{{"score": "{SECRET}"}}' if "1" in str(body["item"]) else SECRET, 200)) as server:
        endpoint = parse_grader(
            ENDPOINT | {"url": server.url, "headers": {"Authorization": "Bearer ${JUDGE_KEY}", "X-Key": "${JUDGE_KEY}"}}
        )
        grades = [endpoint.grade(Sample("p", "c", row={"place": place})) for place in range(2)]
        assert server.headers[0]["X-Key"] == SECRET
        seen += [endpoint, endpoint.model_dump_json(), grades]
    assert "your key is ${JUDGE_KEY}" in str(seen)
    assert SECRET not in str(seen)
    assert SECRET not in caplog.text
    with sqlite3.connect(tmp_path / "answers" / "answers.sqlite") as database:
        [(count,)] = database.execute("SELECT count(*) FROM answers").fetchall()
    database.close()
    assert count == 3
    assert all(SECRET.encode() not in file.read_bytes() for file in (tmp_path / "answers").iterdir())


def _same(grader: Grader) -> bool:
    return parse_grader(yaml.safe_load(yaml.safe_dump(grader.model_dump(mode="json")))) == grader


def test_a_named_variable_survives_yaml() -> None:
    assert _same(parse_grader(ENDPOINT | {"headers": {"Authorization": "Bearer ${K}"}}))
    assert _same(parse_grader(JUDGE | {"server": {"api_key": "${K}"}}))
