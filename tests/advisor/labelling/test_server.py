"""What the page calls: refused to strangers, exact in what it keeps, quick."""

import http.client
import json
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from pipelines.preferences.answers import read_answers

ROOT = Path(__file__).parents[3]
Serve = Callable[..., tuple[str, "subprocess.Popen[str]"]]


def ask(
    address: str, path: str, body: Any = None, host: str | None = None, method: str | None = None
) -> tuple[int, Any]:
    """Status and answer, the latter from JSON where it is JSON."""
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=20)
    told = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    headers = {"Host": host} if host else {}
    connection.request(method or ("POST" if told is not None else "GET"), place.path + path, told, headers)
    reply = connection.getresponse()
    text = reply.read()
    connection.close()
    return reply.status, json.loads(text) if reply.headers["Content-Type"] == "application/json" else text.decode()


def test_strangers_are_refused(plan: Path, serve: Serve) -> None:
    address, _ = serve(plan)
    place = urlsplit(address)
    assert ask(address, "")[0] == 200
    assert ask(address, "api/next?annotator=ann", host="localhost:9000")[0] == 200, "as through ssh -L"
    assert ask(address, "", host="evil.example")[0] == 403, "a name that leads here: DNS rebinding"
    assert ask(address, "", host=f"evil.example:{place.port}")[0] == 403
    without = f"http://127.0.0.1:{place.port}/"
    for path in ("", "api/next?annotator=ann", "x" * 22 + "/", "%00/", "../" + place.path):
        assert ask(without, path)[0] == 403
    assert ask(without + "x/", "api/answer", {})[0] == 403
    with pytest.raises(OSError, match="refused"):
        http.client.HTTPConnection("127.0.0.2", place.port, timeout=2).connect()


def test_what_makes_no_sense_is_refused_in_words(plan: Path, serve: Serve) -> None:
    address, _ = serve(plan)
    status, found = ask(address, "api/next?annotator=ann")
    assert status == 200
    good = {"annotator": "ann", "key": "click-number-1", "question": found["question"]["id"], "ranking": [[0], [1]]}
    for change, status, said in (
        ({"ranking": [[0]]}, 409, "does not name each of 2 completions once"),
        ({"ranking": [[0], [0]]}, 409, "does not name each"),
        ({"question": "unknown"}, 409, "there is no question"),
        ({"annotator": "  "}, 400, "annotator"),
        ({"key": ""}, 400, "key"),
        ({"note": "x" * 20_000}, 400, "note"),
        ({"extra": 1}, 400, "extra"),
        ({"ranking": "first"}, 400, "ranking"),
    ):
        reply = ask(address, "api/answer", {**good, **change})
        assert reply[0] == status, reply
        assert said in reply[1]["error"]
    assert ask(address, "api/answer", b"{")[0] == 400
    assert ask(address, "api/answer", json.dumps({**good, "note": "half \ud800"}).encode())[0] == 400
    assert ask(address, "api/answer", b"x" * 1_000_001)[0] == 413
    assert ask(address, "api/nothing", {})[0] == 404
    assert ask(address, "api/nothing")[0] == 404
    assert ask(address, "api/next")[0] == 400
    assert not (plan.parent / "preferences.jsonl").exists()
    assert ask(address, "api/answer", good)[1]["answered"] == 1


def answer_all(address: str, annotator: str) -> list[float]:
    """Seconds that each answer took, by a client that sends each of them twice."""
    _, told = ask(address, f"api/next?annotator={annotator}")
    took = []
    while told["question"] is not None:
        asked = told["question"]["id"]
        body = {"annotator": annotator, "key": f"{annotator} {asked}", "question": asked, "ranking": [[1], [0]]}
        began = time.perf_counter()
        status, told = ask(address, "api/answer", body)
        took.append(time.perf_counter() - began)
        assert status == 200
        ask(address, "api/answer", body)
    return took


def test_four_people_at_once_lose_and_double_nothing(plan: Path, serve: Serve) -> None:
    address, _ = serve(plan)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: answer_all(address, name), ["ann", "ben", "cem", "dora"]))
    answers = read_answers(plan.parent / "preferences.jsonl")
    assert len(answers) == len({(answer.annotator, answer.prompt_id) for answer in answers}) == 240


def test_an_answer_is_on_disk_and_the_next_question_there_in_less_than_100_ms(plan: Path, serve: Serve) -> None:
    address, _ = serve(plan)
    took = answer_all(address, "ann")
    assert len(took) == 60
    assert statistics.median(took) < 0.1


SAMPLES = """
from pathlib import Path
from pipelines.job import Progress
from pipelines.models import load_policy
from pipelines.plan import ModelSpec
from pipelines.sampling import Sampling, sample
from pipelines.sources import STARTER
policy = load_policy(str(STARTER), ModelSpec(), "draw")
print("ready", flush=True)
prompts = [[{"role": "user", "content": f"Tom has {n} apples. How many?"}] for n in range(200)]
while True:
    sample(policy, prompts, Sampling(64, 1.0, 8, 0), {}, Progress(Path("/dev/null")))
"""


@pytest.mark.soak
def test_it_answers_in_less_than_100_ms_while_completions_are_sampled(plan: Path, serve: Serve) -> None:
    command = [sys.executable, "-c", SAMPLES]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as sampling:
        try:
            assert sampling.stdout is not None
            assert sampling.stdout.readline() == "ready\n"
            address, _ = serve(plan)
            took = answer_all(address, "ann")
            assert sampling.poll() is None
        finally:
            sampling.kill()
    assert len(took) == 60
    assert statistics.median(took) < 0.1, took


def test_a_server_killed_between_two_clicks_has_kept_the_first(plan: Path, serve: Serve) -> None:
    address, server = serve(plan)
    for number in range(3):
        _, told = ask(address, "api/next?annotator=ann")
        body = {
            "annotator": "ann",
            "question": told["question"]["id"],
            "ranking": [[0], [1]],
            "key": f"click-{number}-of-3",
        }
        assert ask(address, "api/answer", body)[1]["answered"] == number + 1
        server.send_signal(signal.SIGKILL)
        server.wait()
        assert len(read_answers(plan.parent / "preferences.jsonl")) == number + 1
        again, server = serve(plan)
        assert again == address
        assert ask(address, "api/answer", body)[1]["answered"] == number + 1, "sent again after the crash"
    assert len(read_answers(plan.parent / "preferences.jsonl")) == 3


def test_a_second_page_for_the_same_stage_is_told_where_the_first_is(plan: Path, serve: Serve) -> None:
    address, _ = serve(plan)
    second = label(plan, "--stage", "ask")
    assert second.returncode == 1
    assert "is up already" in second.stderr
    assert address in second.stderr
    serve(plan, "rank")


def label(plan: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    code = "import sys; from advisor.cli.main import run_command; sys.exit(run_command(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "label", str(plan), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


def test_a_plan_without_a_stage_to_label_or_with_several_is_told(plan: Path) -> None:
    several = label(plan)
    assert several.returncode == 1
    assert "2 stages of type `label`" in several.stderr
    assert "--stage ask" in several.stderr
    assert "did you mean `rank`" in label(plan, "--stage", "ranks").stderr


def test_nothing_sampled_yet_is_told_with_the_command(plan: Path) -> None:
    import shutil

    shutil.rmtree(plan.parent / "runs")
    told = label(plan, "--stage", "ask")
    assert told.returncode == 1
    assert "nothing to compare yet" in told.stderr
    assert f"finetune-advisor run {plan}" in told.stderr


def test_the_page_starts_without_torch_and_stops_at_a_signal_with_a_word(plan: Path, serve: Serve) -> None:
    _, server = serve(plan)
    with open(f"/proc/{server.pid}/maps", encoding="utf-8") as file:  # noqa: PTH123
        assert "libtorch" not in file.read()
    server.send_signal(signal.SIGINT)
    _, said = server.communicate(timeout=20)
    assert server.returncode == 0
    assert "0 answers are in" in said


def test_pairs_are_imported_and_exported_and_status_says_what_is_missing(plan: Path) -> None:
    rows = [{"prompt": f"May I return {n} lamps?", "chosen": "Gladly.", "rejected": "No."} for n in range(200)]
    (plan.parent / "vendor.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[:30]))
    done = label(plan, "--stage", "ask", "--import", str(plan.parent / "vendor.jsonl"))
    assert done.returncode == 0, done.stderr
    assert "30 answers of 1 annotators were added; 0 were there already" in done.stdout
    outside = int(done.stdout.split("already.\n")[1].split(" are about prompts")[0])
    assert 0 < outside < 30
    again = label(plan, "--stage", "ask", "--import", str(plan.parent / "vendor.jsonl"))
    assert "0 answers of 1 annotators were added; 30 were there already" in again.stdout
    label(plan, "--stage", "ask", "--export", str(plan.parent / "all.jsonl"))
    assert (plan.parent / "all.jsonl").read_text() == (plan.parent / "preferences.jsonl").read_text()
    both = label(plan, "--stage", "ask", "--import", "x", "--export", "y")
    assert "one thing at a time" in both.stderr
