"""The course of RL on a stand-in, as the report shows it."""

from pathlib import Path

from pipelines.evals.course import course_section, draw_course

COURSE = {
    "reward": "rm",
    "metric": "polite",
    "rows": 200,
    "answers": 2,
    "kept": 8,
    "plot": "stages/ppo-1/course.png",
    "points": [
        {"step": step, "kl": step / 4, "reward": step / 10, "drawn": 0.7 - abs(step - 8) / 40, "greedy": 0.9}
        for step in range(0, 25, 4)
    ],
}


def test_the_plot_is_a_png(tmp_path: Path) -> None:
    draw_course(COURSE, tmp_path / "course.png")
    assert (tmp_path / "course.png").read_bytes().startswith(b"\x89PNG")


def test_the_table_has_a_line_for_each_measurement_and_marks_the_one_that_was_kept() -> None:
    title, told, image, table = course_section("ppo", COURSE)
    assert title == "## Reward and metric against KL: ppo"
    assert "200 validation prompts, a greedy answer and 2 drawn ones to each" in told
    assert "(stages/ppo-1/course.png)" in image
    lines = table.splitlines()
    assert len(lines) == 2 + 7
    assert lines[4] == "| 8 | 2.00 | 0.800 | 0.700 | 0.900 | kept |"
    assert sum("kept" in line for line in lines) == 1
