"""Test rows that the training file holds too → findings. Pure."""

from collections.abc import Mapping

from advisor.profiling.counts import Found
from advisor.profiling.findings_made import Head, make_finding
from advisor.profiling.record import ProfileFinding

_MOSTLY = 0.5
"""Ours: where half of the test prompts are training prompts, one file was drawn from the other or copied."""


def leak_findings(
    prompts: Found, rows: Found, num_test: int, same_size: bool, numbers: Mapping[int, int]
) -> list[ProfileFinding]:
    """Blocking where the test file is a copy or mostly known. numbers: of rows in the test file."""
    if not prompts.count:
        return []
    share = prompts.count / num_test
    if share < _MOSTLY:
        what = "{n} of {of} test prompts ({share}) stand word for word in the training file"
        fix = "remove them from the training file; `run` leaves those training rows out"
        return [make_finding(Head("leak", "warning", "test file"), prompts, num_test, what, fix, numbers)]
    fix = "leave --test out, so that a share of the rows is held out, or take these rows out of the training file"
    if rows.count == num_test:
        copied = "a copy of the training file" if same_size else "a part of the training file"
        what = (
            f"the test file is {copied}: all {{n}} test rows are training rows too, and answering them proves nothing"
        )
        return [make_finding(Head("copied_test_file", "blocking", "test file"), rows, num_test, what, fix, numbers)]
    what = "{n} of {of} test prompts ({share}) stand word for word in the training file: answering them proves nothing"
    return [make_finding(Head("leak", "blocking", "test file"), prompts, num_test, what, fix, numbers)]
