"""Prints rendered rows with the tokens that carry loss in colour: python /…/pipelines/show_child.py REQUEST

A process of its own, because a tokenizer needs transformers. REQUEST is JSON: data (a DataSpec), model (a ModelSpec),
base (the folder of relative paths), colour (bool).
"""

import json
import sys
from pathlib import Path


def main(request: str) -> int:
    """Returns 1 after printing what the user must change."""
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from rich.console import Console

    from graders.errors import UserError
    from pipelines.data.load import load_rows
    from pipelines.data.show import show
    from pipelines.data.spec import DataSpec
    from pipelines.models import load_tokenizer
    from pipelines.plan import ModelSpec
    from pipelines.sources import locate

    asked = json.loads(request)
    spec, model, base = DataSpec(**asked["data"]), ModelSpec(**asked["model"]), Path(asked["base"])
    try:
        tokenizer = load_tokenizer(locate(model, base), model)
        rows = load_rows(spec.train, spec, base)
        for text in show(tokenizer, rows, template_args=model.template_args):
            Console(force_terminal=asked["colour"], emoji=False).print(text)
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201 - the parent passes it on
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
