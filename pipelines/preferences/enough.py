"""Whether people gave enough answers for a plan to go on. In: the file of answers, the rows. Out: pairs decided."""

from pathlib import Path

from pipelines.data.rows import Row, Split
from pipelines.data.split import prompt_hash
from pipelines.preferences.answers import preferences, read_answers


def pairs_decided(path: Path, split: Split) -> int:
    """Distinct pairs of completions that some answer decides, of prompts that training may see; 0 without a file."""
    if not path.exists():
        return 0
    held = {prompt_hash(row) for row in (*split.train.rows, *split.validation.rows)}
    pairs = set()
    for answer in read_answers(path):
        prompt = prompt_hash(Row(0, tuple(turn.model_dump() for turn in answer.messages)))
        if prompt in held:
            pairs |= {
                (prompt, frozenset((p.chosen, p.rejected))) for p in preferences(answer) if p.chosen != p.rejected
            }
    return len(pairs)
