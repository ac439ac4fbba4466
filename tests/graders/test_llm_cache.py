"""The cache of answers: several processes at once, and none at all where it cannot be."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from graders.llm.cache import AnswerCache, cache_folder
from graders.llm.chat import Form, Question, Reply, ask_all
from graders.llm.server import Server
from tests.graders.scripted_server import ScriptedServer, chat, serve

FORM = Form("f", {"type": "object", "properties": {"a": {}}})


def ask(server: ScriptedServer, model: str = "m", text: str = "hi", temperature: float = 0, cache: bool = True) -> None:
    question = Question((("user", text),), FORM, {"temperature": temperature})
    assert ask_all(model, Server(base_url=server.url, cache=cache), [question]) == [Reply("ok")]


def test_an_answer_is_found_again_only_for_the_same_model_text_and_settings() -> None:
    with serve(lambda _: chat("ok")) as server:
        ask(server)
        ask(server)
        assert len(server.bodies) == 1
        ask(server, model="other")
        ask(server, text="hello")
        ask(server, temperature=1)
        assert len(server.bodies) == 4
        with serve(lambda _: chat("ok")) as another:
            ask(another)
            assert len(another.bodies) == 1


def test_it_can_be_turned_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with serve(lambda _: chat("ok")) as server:
        ask(server, cache=False)
        ask(server, cache=False)
        assert len(server.bodies) == 2
        assert not (tmp_path / "answers").exists()
        monkeypatch.setenv("FINETUNE_ADVISOR_CACHE", "off")
        ask(server)
        ask(server)
        assert len(server.bodies) == 4


def test_it_lies_in_the_users_cache_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FINETUNE_ADVISOR_CACHE")
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache_folder() == Path("/home/someone/.cache/finetune-advisor")


@pytest.mark.parametrize("kind", ["a file", "garbage", "another table"])
def test_a_cache_that_cannot_be_used_costs_a_warning_and_not_the_answer(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "answers"
    if kind == "a file":
        folder.write_text("x")
    else:
        folder.mkdir()
    if kind == "garbage":
        (folder / "answers.sqlite").write_bytes(b"no database" * 1000)
    if kind == "another table":
        with sqlite3.connect(folder / "answers.sqlite") as database:
            database.execute("CREATE TABLE answers (something)")
        database.close()
    with serve(lambda _: chat("ok")) as server:
        ask(server)
    assert len(server.bodies) == 1
    assert "not cached" in caplog.text


@pytest.mark.parametrize("kept", ["{not ours", "[]", '{"txt": "x"}', "3"])
def test_what_another_program_wrote_into_it_is_asked_again(kept: str, tmp_path: Path) -> None:
    with serve(lambda _: chat("ok")) as server:
        ask(server)
        with sqlite3.connect(tmp_path / "answers" / "answers.sqlite") as database:
            database.execute("UPDATE answers SET answer = ?", (kept,))
        database.close()
        ask(server)
    assert len(server.bodies) == 2


def test_several_processes_write_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from graders.llm.cache import AnswerCache\n"
        "with AnswerCache(Path(sys.argv[1])) as cache:\n"
        "    for place in range(50):\n"
        "        cache.put(f'{place % 25} {sys.argv[2]}', sys.argv[2]); cache.put(str(place), 'same')\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(name)], stderr=subprocess.PIPE)
        for name in range(4)
    ]
    assert [process.communicate()[1] for process in processes] == [b""] * 4
    with AnswerCache(tmp_path) as cache:
        assert [cache.get(f"{place} {name}") for name in range(4) for place in range(25)] == [
            str(name) for name in range(4) for _ in range(25)
        ]
        assert {cache.get(str(place)) for place in range(50)} == {"same"}
        assert cache.get("unknown") is None
