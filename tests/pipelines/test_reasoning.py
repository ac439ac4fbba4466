"""The answer is what stands after the reasoning block, without white space that means nothing."""

import pytest

from pipelines.sampling import split_reasoning


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("7", ("", "7")),
        (" 7 \n", ("", "7")),
        ("<think>hm</think>\n\n7", ("hm", "7")),
        ("hm</think> 7", ("hm", "7")),
        ("<think>no end", ("no end", "")),
        ("\n  \n    return 7\n", ("", "    return 7")),
        ("<think>hm</think>\n\treturn 7", ("hm", "\treturn 7")),
        ("\r\n\r\n  a:\r\n    b\r\n", ("", "  a:\r\n    b")),
        (" \n\t\n", ("", "")),
        ("\n" * 200_000 + "7", ("", "7")),
        (" \n" * 200_000 + "7", ("", "7")),
    ],
)
def test_reasoning_is_taken_off_and_indentation_stays(text: str, parts: tuple[str, str]) -> None:
    assert split_reasoning(text) == parts
