"""What is no UTF-8 is answered with the encoding that it seems to have, never with one that would ruin it."""

import pytest

from graders.errors import UserError
from pipelines.data.text import decode, likely_encoding

TEXTS = {
    "GB18030": "小明有61个苹果，给了小红15个，还剩多少个？请一步一步地想。",
    "BIG5": "小明有61個蘋果，給了小紅15個，還剩多少個？請一步一步地想。",
    "SHIFT_JIS": "太郎さんはりんごを61個もっています。15個あげると、のこりはいくつですか。",
    "EUC-KR": "민수는 사과 61개를 가지고 있습니다. 15개를 주면 몇 개가 남습니까?",
    "WINDOWS-1252": "Der Fußgänger läuft über die Straße – « déjà vu » coûte 5 €.",
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_encoding_is_told(name: str) -> None:
    data = ("prompt,answer\n" + TEXTS[name] + ",46\n").encode(name)
    assert likely_encoding(data) == name
    with pytest.raises(UserError, match=f"iconv -f {name} -t UTF-8") as caught:
        decode(data, "rows.csv")
    assert caught.value.where == "rows.csv:2"


def test_a_letter_that_is_cut_at_the_end_of_what_is_looked_at_is_no_fault() -> None:
    assert likely_encoding(b"a" + TEXTS["GB18030"].encode("gb18030") * 3000) == "GB18030"
