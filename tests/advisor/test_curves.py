"""The curves under a training's bar."""

import io

from rich.console import Console

from advisor.cli.curves import Curves, sparkline


def test_a_sparkline_runs_from_its_least_to_its_greatest() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([5.0, 5.0]) == "▁▁"
    assert sparkline([1.0, float("nan"), 2.0]) == "▁ █"
    assert sparkline([float("nan")]) == " "


def test_a_long_course_is_drawn_by_the_means_of_its_parts() -> None:
    drawn = sparkline([float(n) for n in range(1000)], width=8)
    assert drawn == "▁▂▃▄▅▆▇█"
    assert len(sparkline([1.0, 2.0] * 50, width=30)) == 30


def shown(curves: Curves) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(curves)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_curves_say_from_where_to_where_and_are_forgotten_with_their_stage() -> None:
    curves = Curves()
    curves.tell(1, {"reward": 0.25})
    assert shown(curves).strip() == "", "one point is no curve"
    for done, value in ((2, 0.5), (2, 0.5), (3, 0.75)):
        curves.tell(done, {"reward": value})
    (line,) = [line for line in shown(curves).splitlines() if line.strip()]
    assert line.split() == ["reward", "▁▅█", "0.25", "→", "0.75"]
    curves.forget()
    assert shown(curves).strip() == ""
