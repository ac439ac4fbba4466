"""The table of keys that `trainer:` takes is the installed TRL's."""

import json

from pipelines.trl_keys import TABLE, table


def test_the_table_in_the_package_is_that_of_the_installed_trl() -> None:
    assert json.loads(TABLE.read_text(encoding="utf-8")) == table()


def test_keys_that_we_own_are_not_in_the_table() -> None:
    known = json.loads(TABLE.read_text(encoding="utf-8"))["sft"]
    assert "learning_rate" not in known
    assert "weight_decay" in known
