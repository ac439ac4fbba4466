"""The page in a real browser: by keyboard, reloaded, undone, two people at once, its server killed.

FINETUNE_ADVISOR_SCREENSHOTS names a folder for its pictures, such as one that CI keeps.
"""

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

import pytest

from pipelines.preferences.answers import Answer, read_answers
from tests.chromium import Chromium, Page, chromium, find_chromium

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no Chromium is installed here")
Serve = Callable[..., tuple[str, "subprocess.Popen[str]"]]
KEYS = {"1": 0, "2": 1, "ArrowLeft": 0, "ArrowRight": 1, "=": None, "t": None, "b": None}
"""Key → the place on the screen that it prefers."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("FINETUNE_ADVISOR_SCREENSHOTS", tmp_path / "pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Person:
    """Somebody at the page who presses keys, and remembers which text was preferred."""

    def __init__(self, page: Page, name: str) -> None:
        self.page, self.said = page, dict[str, str | None]()
        page.wait_for("!document.querySelector('#view-name').hidden")
        page.run("document.querySelector('#name').select()")
        page.type(name)
        page.press("Enter")
        page.wait_for("document.querySelectorAll('.card').length > 1")

    @property
    def count(self) -> int:
        return int(self.page.run("document.querySelector('#count b').textContent").split(" of ")[0])

    def shown(self) -> list[str]:
        texts: list[str] = self.page.run(
            "[...document.querySelectorAll('.card .text')].map((card) => card.textContent)"
        )
        return texts

    def question(self) -> str:
        text: str = self.page.run("document.querySelector('.asked .text').textContent")
        return text

    def wait_until_read(self) -> None:
        self.page.wait_for("ready()")

    def press(self, key: str) -> None:
        """A key that answers, once the question was there long enough; returns when the next one is."""
        self.wait_until_read()
        before, place = self.count, KEYS[key]
        self.said[self.question()] = None if place is None else self.shown()[place]
        self.page.press(key)
        self.page.wait_for(f"document.querySelector('#count b').textContent.startsWith('{before + 1} of')")


def of(answers: list[Answer], name: str) -> dict[str, str | None]:
    """What the file says that somebody preferred, by prompt."""
    return {
        answer.messages[-1].content: answer.completions[answer.ranking[0][0]] if len(answer.ranking) > 1 else None
        for answer in answers
        if answer.annotator == name
    }


def test_fifty_comparisons_by_two_people_lose_and_double_nothing(
    plan: Path, serve: Serve, browser: Chromium, pictures: Path
) -> None:
    address, server = serve(plan)
    ann = Person(browser.page(address), "ann")
    ben = Person(browser.page(address, (390, 844), dark=True), "ben")
    ann.page.screenshot(pictures / "wide.png")
    ben.page.screenshot(pictures / "phone.png")
    assert not ann.page.run("document.documentElement.scrollWidth > innerWidth")
    assert not ben.page.run("document.documentElement.scrollWidth > innerWidth"), "no sideways scrolling on a phone"
    keys = cycle(KEYS)
    for _ in range(20):
        ann.press(next(keys))
        ben.press(next(keys))

    ann.page.reload()
    ann.page.wait_for("document.querySelectorAll('.card').length > 1")
    assert ann.count == 20

    ann.wait_until_read()
    ann.said[ann.question()] = ann.shown()[0]
    ann.page.press("1", "1", "1")  # a key that bounces is one answer
    ann.page.wait_for("told.answered === 21 && ready()")
    assert ann.count == 21

    ann.press("2")
    asked = list(ann.said)[-1]
    ann.page.press("u")
    ann.page.wait_for("told.answered === 21")
    assert ann.question() == asked
    ann.press("=")

    server.send_signal(signal.SIGKILL)
    server.wait()
    ann.wait_until_read()
    ann.said[ann.question()] = ann.shown()[1]
    ann.page.press("2")
    ann.page.wait_for("!document.querySelector('#trouble').hidden")
    assert "Not kept yet" in ann.page.run("document.querySelector('#trouble').textContent")
    again, _ = serve(plan)
    assert again == address, "pages that are open go on"
    ann.page.wait_for("told.answered === 23 && document.querySelector('#trouble').hidden")
    for _ in range(7):
        ann.press(next(keys))

    answers = read_answers(plan.parent / "preferences.jsonl")
    assert Counter(answer.annotator for answer in answers) == {"ann": 30, "ben": 20}
    assert of(answers, "ann") == ann.said
    assert of(answers, "ben") == ben.said
    orders = [person.page.run("told.question.completions") for person in (ann, ben)]
    assert all(orders)


def test_a_page_that_is_closed_while_its_server_is_down_keeps_the_answer(
    plan: Path, serve: Serve, browser: Chromium
) -> None:
    address, server = serve(plan)
    ann = Person(browser.page(address), "ann")
    ann.wait_until_read()
    server.send_signal(signal.SIGKILL)
    server.wait()
    ann.page.press("1")
    ann.page.wait_for("!document.querySelector('#trouble').hidden")
    serve(plan)
    ann.page.open(address)
    ann.page.wait_for("told && told.answered === 1")
    assert len(read_answers(plan.parent / "preferences.jsonl")) == 1


def test_four_answers_are_ranked_with_a_tie_a_note_and_all_bad(
    plan: Path, serve: Serve, browser: Chromium, pictures: Path
) -> None:
    address, _ = serve(plan, "rank")
    ann = Person(browser.page(address), "ann")
    ann.wait_until_read()
    shown = ann.page.run("told.question.completions")
    ann.page.press("n")
    ann.page.type("the third is 1st, b")
    ann.page.press("Escape", "b", "3", "=", "1")
    ann.page.screenshot(pictures / "ranking.png")
    ann.page.press("Enter")
    ann.page.wait_for("!document.querySelector('#view-rest').hidden")
    ann.page.screenshot(pictures / "done.png")
    (answer,) = read_answers(plan.parent / "ranked.jsonl")
    ranked = [{answer.completions[place] for place in group} for group in answer.ranking]
    assert ranked == [{shown[2], shown[0]}, {shown[1], shown[3]}]
    assert answer.both_bad
    assert answer.note == "the third is 1st, b"


def test_text_of_a_model_is_shown_as_it_stands(plan: Path, serve: Serve, browser: Chromium) -> None:
    from tests.advisor.labelling.conftest import add_question

    hostile = (
        "<img src=x onerror=\"document.title='owned'\">\n  two\tspaces </script><script>document.title='owned'</script>"
    )
    add_question(plan, hostile)
    address, _ = serve(plan, "rank")
    ann = Person(browser.page(address), "ann")
    ann.wait_until_read()
    ann.page.press("Enter", "=")
    ann.page.wait_for("told.answered === 1")
    assert hostile in ann.shown()
    assert ann.page.run("document.title") == "Compare · tone"
