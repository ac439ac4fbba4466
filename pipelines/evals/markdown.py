"""report.md: the verdict first, then the table, then answers to read. Pure: a Report and graded rows in, text out.

Model output stands in fenced blocks whose fence is longer than any run of backticks inside; long text is cut.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.evals.compare import Comparison
from pipelines.evals.course import course_section
from pipelines.evals.grades import GradedRow
from pipelines.evals.summary import Evaluated, Report, StageReport, line_to_final
from pipelines.evals.verdict import duration, method_name, percent, points, verdict_shown
from pipelines.language import shown, shown_sentences

_EXAMPLES = 3
_MAX_CHARS = 1500
_MAX_LINES = 40
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def rendered(report: Report, models: Sequence[Evaluated]) -> str:
    """The whole file."""
    sections = [
        f"# {_inline(report.title)}",
        f"**{verdict_shown(report.verdict)}**",
        *(["\n".join(f"- {_inline(verdict_shown(line))}" for line in report.details)] if report.details else []),
        *([shown(f"Written at {_inline(report.written_at)}.")] if report.written_at else []),
        _table(report.stages),
        *([shown("## Notes"), "\n".join(f"- {_inline(shown(note))}" for note in report.notes)] if report.notes else []),
        *(part for name, numbers in report.probes.items() for part in _probe(name, numbers)),
        *(part for name, course in report.courses.items() for part in course_section(name, course)),
        shown("## How it was measured"),
        _described("Sampling", report.sampling),
        _described("Grader", report.grader),
        *_transcripts(models),
    ]
    return "\n\n".join(sections) + "\n"


def _table(stages: Sequence[StageReport]) -> str:
    ks = sorted({k for stage in stages for k in stage.pass_at_k})
    head = ["model", "method", "pass rate", "95 % interval", "against base (points)", "against previous (points)"]
    head += [*(f"pass@{k}" for k in ks), "n", "unscored", "cut short", "tokens", "time"]
    lines = [list(map(shown, head)), ["---"] * 3 + ["---:"] * (len(head) - 3), *(_cells(stage, ks) for stage in stages)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _cells(stage: StageReport, ks: Sequence[int]) -> list[str]:
    low, high = stage.interval
    return [
        _inline(stage.name) + (shown(" (control)") if stage.control else shown(" (arm)") if stage.arm else ""),
        _inline(shown(method_name(stage.method))),
        percent(stage.pass_rate),
        _interval(percent(low), percent(high)) if stage.n else "-",
        _gain(stage.to_base),
        _gain(stage.to_previous),
        *(percent(stage.pass_at_k.get(k)) for k in ks),
        str(stage.n),
        str(stage.unscored),
        percent(stage.truncated_rate),
        "-" if stage.mean_tokens is None else f"{stage.mean_tokens:.0f}",
        "-" if stage.seconds is None else duration(stage.seconds),
    ]


def _gain(comparison: Comparison | None) -> str:
    if comparison is None or comparison.difference is None:
        return "-"
    difference = comparison.difference
    return f"{points(difference.points)} ({_interval(points(difference.low), points(difference.high))})"


def _interval(low: str, high: str) -> str:
    return f"{low}{shown(' to ')}{high}"


def _probe(name: str, numbers: Mapping[str, Any]) -> list[str]:
    """What a probe stage measured: its advice, the share of groups with spread by group size, the styles compared."""
    asked = f"{numbers['samples_per_prompt']} answers to each of {numbers['prompts']} {numbers['rows_from']} rows"
    shares = numbers["groups_with_spread"]
    lines = [
        ["G", *(str(row["size"]) for row in shares)],
        ["---:"] * (len(shares) + 1),
        [shown("groups with spread"), *(percent(row["share"]) for row in shares)],
        [
            shown("95 % interval"),
            *(_interval(percent(row["interval"][0]), percent(row["interval"][1])) for row in shares),
        ],
        ["", *(row["estimator"] for row in shares)],
    ]
    table = "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
    seconds = numbers["sampling_seconds_per_pass"]
    takes = "" if seconds is None else duration(seconds)
    cost = (
        f"A pass over the training prompts at G = {numbers['group_size']} takes {takes} of sampling at this speed, if "
        "answers keep their length. How many passes a gain takes is not foretold."
    )
    return [
        shown(f"## Signal before RL: {_inline(name)}"),
        f"{_inline(shown_sentences(numbers['advice']))}{shown('. ')}{shown(f'From {asked}.')}",
        *(_inline(shown(note)) for note in numbers["notes"]),
        table,
        *([shown(cost)] if seconds is not None else []),
        *([_styles(numbers["styles"])] if numbers["styles"] else []),
    ]


def _styles(styles: Sequence[Mapping[str, Any]]) -> str:
    """Greedy answers to the same rows asked in several ways."""
    head = ["prompt", "rows", "pass@1", "against direct (points)", "tokens"]
    lines = [list(map(shown, head)), ["---", *["---:"] * 4]]
    for style in styles:
        low, high = style["interval"]
        found = style["comparison"]
        gain = (
            "-" if found is None else f"{_gain(Comparison.model_validate(found))}{shown(': ')}{shown(found['claim'])}"
        )
        rate = f"{percent(style['pass_rate'])} ({_interval(percent(low), percent(high))})"
        lines.append([style["style"], str(style["rows"]), rate, gain, f"{style['mean_tokens']:.0f}"])
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _described(title: str, settings: Mapping[str, object]) -> str:
    values = ", ".join(f"{key} {_inline(str(value))}" for key, value in settings.items())
    return f"{shown(title)}{shown(': ')}{values or '-'}"


def _transcripts(models: Sequence[Evaluated]) -> list[str]:
    line = line_to_final(models)
    if len(line) < 2:
        return []
    answers = [{row.index: row for row in model.rows} for model in line]
    names = [model.name for model in line]
    sections = []
    for title, chosen in _sorted_rows(answers).items():
        sections.append(f"## {shown(title)} ({shown(_counted(len(chosen)))})")
        for index in chosen[:_EXAMPLES]:
            # Base and final tell most; the stages between are shown where one of them was right and the end is not.
            places = range(len(line)) if title.startswith("Regressed") else (0, len(line) - 1)
            sections += _transcript([(names[place], answers[place][index]) for place in places])
    return sections


def _counted(rows: int) -> str:
    if rows > _EXAMPLES:
        return f"{rows} rows, {_EXAMPLES} shown"
    return {0: "none", 1: "1 row"}.get(rows, f"{rows} rows")


def _sorted_rows(answers: Sequence[Mapping[int, GradedRow]]) -> dict[str, list[int]]:
    """Title → row numbers: by what base, stages between and final make of a row. Unscored rows are in none."""
    base, final = answers[0], answers[-1]
    scored = sorted(index for index, row in base.items() if row.score is not None and final[index].score is not None)
    won = [index for index in scored if not base[index].passed and final[index].passed]
    lost = [index for index in scored if base[index].passed and not final[index].passed]
    failed = [index for index in scored if not base[index].passed and not final[index].passed]
    regressed = [index for index in failed if any(between[index].passed for between in answers[1:-1])]
    return {
        "Won: wrong before, right now": won,
        "Lost: right before, wrong now": lost,
        "Regressed: right after an earlier stage, wrong at the end": regressed,
        "Still wrong": [index for index in failed if index not in set(regressed)],
    }


def _transcript(answers: Sequence[tuple[str, GradedRow]]) -> list[str]:
    row = answers[0][1]
    reference = shown(f"Reference: {_code(str(row.reference))}")
    blocks = [shown(f"### Row {row.index}"), shown("Prompt:"), _fenced(row.prompt), reference]
    for name, answer in answers:
        passed = shown("passes" if answer.passed else "fails")
        score = shown("unscored" if answer.score is None else f"score {answer.score:.2f}, {passed}")
        blocks += [f"{_inline(name)} ({score}: {_code(answer.reason)}):", _fenced(answer.completion)]
    return blocks


def _fenced(text: str) -> str:
    text = _visible(_cut(text))
    fence = "`" * max(3, 1 + _longest_run(text))
    return f"{fence}text\n{text}\n{fence}"


def _code(text: str) -> str:
    text = " ".join(_visible(text[:_MAX_CHARS]).split())
    text = text if len(text) <= 300 else text[:299] + "…"
    ticks = "`" * (1 + _longest_run(text))
    return f"{ticks} {text} {ticks}" if "`" in text else f"`{text or ' '}`"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall(r"`+", text)), default=0)


def _cut(text: str) -> str:
    """The beginning and the end of a long text: the answer mostly stands at the end."""
    lines = text.splitlines()
    if len(lines) > _MAX_LINES:
        left_out = f"[... {len(lines) - _MAX_LINES} lines left out ...]"
        text = "\n".join([*lines[: _MAX_LINES // 2], left_out, *lines[-_MAX_LINES // 2 :]])
    if len(text) > _MAX_CHARS:
        left_out = f"[... {len(text) - _MAX_CHARS} characters left out ...]"
        text = f"{text[: _MAX_CHARS // 2]}\n{left_out}\n{text[-_MAX_CHARS // 2 :]}"
    return text


def _visible(text: str) -> str:
    """Control characters, and those that turn the direction of text, as escapes."""
    text = text.replace("\r\n", "\n")
    return _CONTROL.sub(lambda match: match.group().encode("unicode_escape").decode(), text)


def _inline(text: str) -> str:
    """One line that neither breaks a table nor becomes markup."""
    return re.sub(r"([\\|`*_<>\[\]])", r"\\\1", " ".join(_visible(text).split()))
