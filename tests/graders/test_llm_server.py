"""What a server may do to us: refuse settings, be busy, down, slow, silent or strange; each costs a row at most."""

import asyncio
import json
import threading
import time
from typing import Any

import pytest

from graders.errors import UserError
from graders.llm.chat import Form, NoReply, Question, Reply, ask_all
from graders.llm.server import Server
from graders.union import parse_grader
from tests.graders.scripted_server import Say, ScriptedServer, chat, serve

FORM = Form("f", {"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]})


def question(text: str = "hello") -> Question:
    return Question((("system", "be brief"), ("user", text)), FORM, {"temperature": 0, "seed": 0})


def ask(server: ScriptedServer, *texts: str, **fields: Any) -> list[Reply | NoReply]:
    return ask_all("m", Server(base_url=server.url, **fields), [question(text) for text in texts or ("hello",)])


def test_the_form_and_the_settings_reach_the_server() -> None:
    with serve(lambda _: chat('{"a": 1}')) as server:
        assert ask(server) == [Reply('{"a": 1}')]
    [body] = server.bodies
    assert server.paths == ["/v1/chat/completions"]
    assert body["response_format"]["json_schema"] == {"name": "f", "strict": True, "schema": FORM.schema}
    assert (body["model"], body["temperature"], body["seed"]) == ("m", 0, 0)
    assert body["messages"] == [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}]
    assert "Authorization" not in server.headers[0]


@pytest.mark.parametrize("status", [429, 500, 503, 408])
def test_a_server_that_is_busy_is_asked_again(status: int) -> None:
    says = iter([Say("busy", status), Say("busy", status), chat("ok")])
    with serve(lambda _: next(says)) as server:
        assert ask(server) == [Reply("ok")]
    assert len(server.bodies) == 3


def test_retry_after_is_waited_for() -> None:
    says = iter([Say("busy", 429, {"Retry-After": "0.4"}), chat("ok")])
    with serve(lambda _: next(says)) as server:
        started = time.monotonic()
        assert ask(server) == [Reply("ok")]
    assert time.monotonic() - started > 0.4


def test_a_wait_that_is_longer_than_we_have_is_not_begun() -> None:
    with serve(lambda _: Say("busy", 429, {"Retry-After": "3600"})) as server:
        started = time.monotonic()
        [reply] = ask(server)
    assert isinstance(reply, NoReply)
    assert reply.why == "HTTP 429: 'busy'"
    assert time.monotonic() - started < 5


def test_an_account_without_credit_is_not_asked_again() -> None:
    body = json.dumps({"error": {"message": "no credit", "code": "insufficient_quota"}})
    with serve(lambda _: Say(body, 429)) as server:
        assert ask(server) == [NoReply("HTTP 429: 'no credit'")]
    assert len(server.bodies) == 1


@pytest.mark.parametrize("say", [Say("", before=60), Say("x" * 1000, drip=0.05)], ids=["silent", "drips"])
def test_a_server_that_never_finishes_is_left_in_time(say: Say) -> None:
    with serve(lambda _: say) as server:
        started = time.monotonic()
        [reply] = ask(server, timeout_seconds=0.3, give_up_seconds=1)
        assert time.monotonic() - started < 3
    assert isinstance(reply, NoReply)
    assert "seconds" in reply.why
    assert len(server.bodies) > 1


def test_a_server_that_is_not_there_is_no_reply() -> None:
    with serve(lambda _: chat("ok")) as server:
        pass
    [reply] = ask(server, give_up_seconds=1)
    assert isinstance(reply, NoReply)
    assert "ConnectError" in reply.why


def test_an_endless_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graders.llm.posting.MAX_ANSWER_BYTES", 1000)
    with serve(lambda _: chat("x" * 10_000)) as server:
        assert ask(server) == [NoReply("the answer is longer than 1000 bytes")]


@pytest.mark.parametrize("body", ["<html>", "{}", '{"choices": []}', '{"choices": [{"message": 3}]}', "[" * 100_000])
def test_what_is_no_chat_completion_is_no_reply(body: str) -> None:
    with serve(lambda _: Say(body)) as server:
        [reply] = ask(server)
    assert isinstance(reply, NoReply)
    assert "no chat completion" in reply.why


@pytest.mark.parametrize("name", ["response_format", "max_completion_tokens", "seed", "temperature"])
def test_a_setting_that_the_server_does_not_take_is_left_out_from_then_on(name: str) -> None:
    def say(body: dict[str, Any]) -> Say:
        return (
            Say(json.dumps({"error": {"message": f"Unsupported parameter: '{name}'"}}), 400)
            if name in body
            else chat("x")
        )

    settings = {"temperature": 0, "seed": 0, "max_completion_tokens": 99}
    with serve(say) as server:
        for text in ("first", "second"):
            [reply] = ask_all("m", Server(base_url=server.url), [Question((("user", text),), FORM, settings)])
            assert reply == Reply("x")
    assert len(server.bodies) == 3
    last = server.bodies[-1]
    assert name not in last
    assert (name == "max_completion_tokens") == (last.get("max_tokens") == 99)
    assert ('"properties"' in last["messages"][-1]["content"]) == (name == "response_format")


def test_a_question_that_is_refused_for_itself_costs_no_setting_and_no_other_row() -> None:
    def say(body: dict[str, Any]) -> Say:
        return Say('{"error": "too long for seed and temperature"}', 400) if "long" in str(body) else chat("ok")

    with serve(say) as server:
        texts = [f"long {place}" for place in range(20)] + ["fine"]
        *refused, fine = ask(server, *texts, concurrency=1)
    assert fine == Reply("ok")
    assert server.bodies[-1]["temperature"] == 0
    assert all(isinstance(reply, NoReply) and "too long" in reply.why for reply in refused)


def test_a_content_filter_is_a_refusal() -> None:
    with serve(lambda _: Say('{"error": {"code": "content_filter", "message": "filtered"}}', 400)) as server:
        assert ask(server) == [Reply("", refusal="HTTP 400: 'filtered'")]


def test_a_server_that_is_down_ends_the_batch_and_the_next_one_tries_again() -> None:
    up = threading.Event()
    with serve(lambda _: chat("ok") if up.is_set() else Say("down", 503)) as server:
        replies = ask(server, *map(str, range(200)), concurrency=2, give_up_seconds=1)
        asked = {body["messages"][-1]["content"] for body in server.bodies}
        assert len(asked) <= 5 + 2
        assert isinstance(replies[-1], NoReply)
        assert replies[-1].why == "not asked, as the server had failed before: HTTP 503: 'down'"
        up.set()
        assert ask(server, *map(str, range(20))) == [Reply("ok")] * 20


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_server_that_refuses_the_key_or_model_is_asked_once(status: int) -> None:
    with serve(lambda _: Say('{"error": {"message": "no such model"}}', status)) as server:
        replies = ask(server, *map(str, range(50)), concurrency=1)
    assert len(server.bodies) == 1
    assert len(replies) == 50
    assert all(isinstance(reply, NoReply) and "no such model" in reply.why for reply in replies)


def test_answers_keep_their_order_and_no_more_calls_than_allowed_run_at_once() -> None:
    def say(body: dict[str, Any]) -> Say:
        text = body["messages"][-1]["content"]
        return Say(chat(text).body, before=0.02 * (int(text) % 3))

    with serve(say) as server:
        replies = ask(server, *map(str, range(40)), concurrency=4)
    assert replies == [Reply(str(place)) for place in range(40)]
    assert 2 <= server.most_at_once <= 4


def test_equal_questions_are_asked_once_in_a_batch_and_not_again_later() -> None:
    with serve(lambda _: chat("ok")) as server:
        assert ask(server, "a", "b", "a", "a") == [Reply("ok")] * 4
        assert ask(server, "b", "a") == [Reply("ok")] * 2
    assert sorted(server.last_message(place) for place in range(len(server.bodies))) == ["a", "b"]


def test_it_can_be_asked_where_a_loop_already_runs() -> None:
    async def cell() -> list[Reply | NoReply]:
        return ask(server)

    with serve(lambda _: chat("ok")) as server:
        assert asyncio.run(cell()) == [Reply("ok")]


def test_marks_of_chat_templates_in_a_text_are_broken_up() -> None:
    marks = [
        "<|im_end|>",
        "</s>",
        "[/INST]",
        "<end_of_turn>",
        "<|eot_id|>",
        "<<SYS>>",
        "<｜User｜>",
        "<turn|>",
        "<|turn>",
    ]
    with serve(lambda _: chat("ok")) as server:
        ask(server, "".join(marks) + " if a < s > b and x |> f [INSTALL] \ud800")
    sent = server.last_message()
    assert not any(mark in sent for mark in marks)
    assert sent.endswith(" if a < s > b and x |> f [INSTALL] ?")


def test_without_a_server_the_message_says_how_to_name_one() -> None:
    with pytest.raises(UserError, match="OPENAI_BASE_URL"):
        ask_all("m", Server(), [question()])


def test_the_environment_names_the_server_and_its_key_goes_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-the-one-of-openai")
    with serve(lambda _: chat("ok")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url + "/")
        ask_all("m", Server(), [question("environment")])
        ask_all("m", Server(base_url=server.url), [question("named")])
    sent = {server.last_message(place): server.headers[place].get("Authorization") for place in range(2)}
    assert sent == {"environment": "Bearer sk-the-one-of-openai", "named": None}


def test_a_socks_proxy_in_the_environment_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    with serve(lambda _: chat("ok")) as server, pytest.raises(UserError, match="SOCKS proxy"):
        ask(server)


@pytest.mark.parametrize(
    "address",
    ["http://h:99999/v1", "http://h:x/v1", "http://.../v1", "ftp://h", "http://", "http://a b", "h", 5, "http://[::1"],
)
def test_an_address_that_is_none_is_refused(address: Any) -> None:
    with pytest.raises(ValueError, match="an address"):
        Server(base_url=address)


def test_a_server_is_part_of_any_grader_that_asks() -> None:
    config = {"type": "judge", "model": "m", "criteria": "right", "server": {"base_url": "http://127.0.0.1:1/v1/"}}
    assert parse_grader(config).model_dump()["server"]["base_url"] == "http://127.0.0.1:1/v1"
    with pytest.raises(UserError, match="did you mean 'base_url'"):
        parse_grader({**config, "server": {"base_ulr": "http://127.0.0.1:1"}})
    with pytest.raises(UserError, match="a local model has no base_url"):
        parse_grader({**config, "server": {"local": True, "base_url": "http://127.0.0.1:1"}})
