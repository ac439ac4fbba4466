"""A model behind a server: asked as the local one is, compared as a control, and gone on with after the server died."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graders.errors import UserError
from graders.llm import remote
from pipelines.job import Job, Progress, Stopped
from pipelines.launcher import DONE
from pipelines.models import load_policy
from pipelines.plan import ModelSpec
from pipelines.plan_file import load_plan
from pipelines.sampling import Completion, Sampling, sample
from pipelines.served import sample_served
from pipelines.served_spec import Served
from pipelines.sources import STARTER
from pipelines.stages import STAGES
from pipelines.state import Step, steps
from tests.graders.scripted_server import Say, ScriptedServer, chat, serve
from tests.pipelines.test_runner import AFTER, BASE, SFT, run
from tests.transformers_serve import Serving

Writer = Callable[..., Path]
PROMPTS = [[{"role": "user", "content": text}] for text in ("2 + 3 = ?", "What is 4 plus 9?", "7 - 5 = ?")]


@pytest.fixture(autouse=True)
def nothing_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port may be used again by another test's server, which takes other settings."""
    monkeypatch.setattr(remote, "_habits", {})


def answers(
    served: Served, settings: Sampling, folder: Path, args: dict[str, object] | None = None
) -> list[list[Completion]]:
    return sample_served(
        served, PROMPTS, settings, args or {}, Progress(folder / "events.jsonl"), folder / "kept.jsonl"
    )


def at(server: ScriptedServer, **keys: Any) -> Served:
    return Served(model="big", base_url=server.url, **keys)


def echo(body: dict[str, Any]) -> Say:
    """The prompt and the seed, so that each answer tells which request it belongs to."""
    return chat(f"{body['messages'][-1]['content']} {body['seed']}")


def said(folder: Path) -> list[str]:
    events = map(json.loads, (folder / "events.jsonl").read_text().splitlines())
    return [event["say"] for event in events if "say" in event]


def test_every_sample_is_asked_for_with_its_own_seed_and_comes_back_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIG_KEY", "key-of-many-letters")
    with serve(echo) as server:
        served = at(server, api_key="${BIG_KEY}")
        found = answers(served, Sampling(30, 0.7, 2, seed=5), tmp_path, {"enable_thinking": False})
    texts = [[one.text for one in some] for some in found]
    assert [[text.rsplit(" ", 1)[0] for text in some] for some in texts] == [[p[0]["content"]] * 2 for p in PROMPTS]
    assert len({body["seed"] for body in server.bodies}) == 6
    assert {header["Authorization"] for header in server.headers} == {"Bearer key-of-many-letters"}
    body = server.bodies[0]
    del body["messages"], body["seed"]
    assert body == {
        "model": "big",
        "temperature": 0.7,
        "max_completion_tokens": 30,
        "top_p": 1.0,
        "top_k": -1,
        "repetition_penalty": 1.0,
        "chat_template_kwargs": {"enable_thinking": False},
    }
    assert "key-of-many-letters" not in "".join(path.read_text() for path in tmp_path.iterdir())


def test_what_the_server_tells_of_an_answer_is_kept(tmp_path: Path) -> None:
    def script(body: dict[str, Any]) -> Say:
        if body["messages"][-1]["content"] == "2 + 3 = ?":
            return chat("5", reasoning_content="two and three")
        if "4 plus 9" in body["messages"][-1]["content"]:
            return chat("<think>\nnine and four\n</think>\n\n13", finish="length")
        message = {"role": "assistant", "content": "2"}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        return Say(json.dumps({"choices": [choice], "usage": {"completion_tokens": 7}}))

    with serve(script) as server:
        found = [one for [one] in answers(at(server), Sampling(30), tmp_path)]
    assert found == [
        Completion("5", "two and three", 0, truncated=False),
        Completion("13", "nine and four", 0, truncated=True),
        Completion("2", "", 7, truncated=False),
    ]


def test_a_server_that_dies_midway_is_one_message_and_the_others_alone_are_asked_for_again(tmp_path: Path) -> None:
    settings = Sampling(30, 1.0, 4)
    dead = False

    def script(body: dict[str, Any]) -> Say:
        if dead and "7 - 5" in body["messages"][-1]["content"]:
            return Say('{"error": {"message": "out of memory"}}', status=503)
        return echo(body)

    with serve(script) as server:
        served = at(server, concurrency=4, timeout_seconds=1)
        (tmp_path / "whole").mkdir()
        whole = answers(served, settings, tmp_path / "whole")
        dead = True
        with pytest.raises(
            UserError, match=r"gave 8 of 12 answers; to prompt 3: HTTP 503: 'out of memory'[\s\S]*8 are"
        ):
            answers(served, settings, tmp_path)
        dead = False
        asked = len(server.bodies)
        assert answers(served, settings, tmp_path) == whole
        assert len(server.bodies) == asked + 4
        assert all("7 - 5" in body["messages"][-1]["content"] for body in server.bodies[asked:])


def test_a_server_that_is_not_there_is_one_message(tmp_path: Path) -> None:
    with serve(echo) as server:
        pass
    with pytest.raises(UserError, match=r"gave 0 of 3 answers; to prompt 1: .*[cC]onnect"):
        answers(at(server, timeout_seconds=0.2), Sampling(30), tmp_path)


def test_a_setting_that_the_server_does_not_take_is_told(tmp_path: Path) -> None:
    def script(body: dict[str, Any]) -> Say:
        extra = sorted({"top_k", "repetition_penalty"} & set(body))
        return Say(json.dumps({"detail": f"Unexpected fields: {extra}"}), status=422) if extra else echo(body)

    with serve(script) as server:
        answers(at(server), Sampling(30, 1.0, 2), tmp_path)
    assert said(tmp_path) == ["the server of big does not take repetition_penalty, top_k: it was asked without"]


def test_answers_that_are_all_the_same_are_told(tmp_path: Path) -> None:
    with serve(lambda body: chat("5")) as server:
        answers(at(server), Sampling(30, 1.0, 4), tmp_path)
    assert [text[:64] for text in said(tmp_path)] == [
        "all 4 answers to each of 3 prompts are the same: perhaps the ser"
    ]


def test_a_signal_ends_the_waiting_and_what_was_answered_is_kept(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "events.jsonl")

    def script(body: dict[str, Any]) -> Say:
        if "2 + 3" in body["messages"][-1]["content"]:
            return echo(body)
        progress.stop_requested = True
        return Say("{}", before=60)

    started = time.monotonic()
    with serve(script) as server, pytest.raises(Stopped):
        served = at(server, concurrency=1)
        sample_served(served, PROMPTS, Sampling(30), {}, progress, tmp_path / "kept.jsonl")
    assert time.monotonic() - started < 20
    assert len((tmp_path / "kept.jsonl").read_text().splitlines()) == 1 + 1


def test_it_is_a_control_beside_the_plans_own_model(write_plan: Writer) -> None:
    """A script answers all sums right; yet what the report compares with is the plan's own model."""
    with serve(lambda body: chat(f"#### {_sum(body)}")) as server:
        big = {"type": "evaluate", "name": "big", "served": {"model": "owner/big", "base_url": server.url}}
        plan = write_plan(big, BASE)
        assert run(plan)[0] == DONE
        asked = len(server.bodies)
        assert run(plan)[1] == ["skipped big", "skipped base"]
        assert len(server.bodies) == asked
    report = json.loads((plan.parent / "run" / "report.json").read_text())
    by_name = {stage["name"]: stage for stage in report["stages"]}
    assert (by_name["big"]["pass_rate"], by_name["big"]["control"]) == (1.0, True)
    assert by_name["big"]["method"] == "owner/big, served"
    assert report["baseline"]["pass_rate"] == by_name["base"]["pass_rate"] == 0.0
    assert "Final model against the control big: 100.0 % → 0.0 %" in " ".join(report["details"])
    assert asked == report["baseline"]["n"] + 2 * 4, "one greedy answer a row, and pass@2 on four rows"


def test_the_message_names_the_stage_whose_server_is_down(write_plan: Writer) -> None:
    """Evaluations next to each other share a process; the one that was done before is done."""
    with serve(lambda body: chat("5")) as server:
        pass
    served = {"model": "big", "base_url": server.url, "timeout_seconds": 0.2}
    plan = write_plan(BASE, {"type": "evaluate", "name": "big", "served": served})
    with pytest.raises(UserError, match=r"stage `big`: .*gave 0 of \d+ answers[\s\S]*or the address"):
        run(plan)
    assert [path.parent.name[:5] for path in (plan.parent / "run").glob("stages/*/done.json")] == ["base-"]


def _sum(body: dict[str, Any]) -> int:
    left, _, right, *_ = body["messages"][-1]["content"].split()
    return int(left) + int(right)


def test_nothing_is_trained_from_it_and_its_address_decides_whether_it_is_asked_anew(write_plan: Writer) -> None:
    def planned(url: str) -> list[Step]:
        served = {"type": "evaluate", "name": "big", "served": {"model": "big", "base_url": url}}
        loaded = load_plan(write_plan(SFT, served, {**SFT, "name": "more"}, AFTER))
        return steps(loaded, loaded.folder / "run")

    here, there = planned("http://127.0.0.1:1/v1"), planned("http://127.0.0.1:2/v1")
    assert [step.sources for step in here] == [{}, {}, {"policy": "sft"}, {"policy": "more"}]
    changed = [a.fingerprint != b.fingerprint for a, b in zip(here, there, strict=True)]
    assert changed == [False, True, False, False]


def test_a_probe_of_it_says_what_it_could_learn(write_plan: Writer, tmp_path: Path) -> None:
    with serve(lambda body: chat(f"#### {_sum(body) + body['seed'] % 2}")) as server:
        served = {"model": "big", "base_url": server.url}
        probe = {"type": "probe", "name": "probe", "samples_per_prompt": 8, "rows": 10, "max_new_tokens": 8}
        plan = write_plan({**probe, "served": served})
        job = Job(load_plan(plan).plan, "probe", tmp_path, tmp_path, "", None, Progress(tmp_path / "events.jsonl"))
        numbers = STAGES["probe"].function()(job)
    assert len(server.bodies) == 80
    assert numbers["verdict"] == "ready"
    assert 0.3 < numbers["mean_score"] < 0.7
    assert numbers["prompts_with_spread"] > 7


@pytest.mark.parametrize(
    ("stage", "keys", "message"),
    [
        ({"policy": "sft"}, {}, "not both"),
        ({}, {"evaluation": {"pass_k": 0}}, "name `evaluation.max_new_tokens`"),
        ({}, {"metric": "likelihood"}, "a server gives text alone"),
        ({"served": {"model": "big", "api_key": "sk-secret"}}, {}, "a key is never written down"),
        ({"served": {"model": "big", "base_url": "127.0.0.1:8000"}}, {}, "an address such as http"),
        ({"served": {"base_url": "http://127.0.0.1:8000/v1"}}, {}, "`model` is missing"),
    ],
)
def test_what_cannot_be_asked_of_it_is_said_before_anything_runs(
    write_plan: Writer, stage: dict[str, Any], keys: dict[str, Any], message: str
) -> None:
    asked = {"type": "evaluate", "name": "big", "served": {"model": "big"}, **stage}
    with pytest.raises(UserError, match=message) as raised:
        load_plan(write_plan(SFT, asked, **keys))
    assert "sk-secret" not in str(raised.value)


def test_a_gain_needs_a_base_of_ones_own(write_plan: Writer) -> None:
    served = {"type": "evaluate", "name": "big", "served": {"model": "big"}}
    with pytest.raises(UserError, match="needs an earlier `evaluate` of the plan's own model"):
        load_plan(write_plan(served, SFT, {**AFTER, "gate": {"min_gain": 0}}))


def test_a_real_server_answers_as_the_local_engine_does_and_the_same_again(serving: Serving, tmp_path: Path) -> None:
    served = Served(model=serving.model, base_url=serving.url, concurrency=1)
    local = load_policy(str(STARTER), ModelSpec(), "answer")
    here = sample(local, PROMPTS, Sampling(40), {}, Progress(tmp_path / "events.jsonl"))
    there = answers(served, Sampling(40), tmp_path)
    assert [one.text for [one] in there] == [one.text for [one] in here]
    assert all(one.num_tokens > 0 and not one.truncated for [one] in there)
    drawn = Sampling(40, 1.0, 3, seed=1)
    first = answers(served, drawn, tmp_path)
    (tmp_path / "kept.jsonl").unlink()
    assert answers(served, drawn, tmp_path) == first
    assert len({one.text for some in first for one in some}) > 3
    [cut] = answers(served, Sampling(2), tmp_path)[0]
    assert cut.truncated
