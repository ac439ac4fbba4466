"""GGUF through llama.cpp's own converter, where that is installed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from graders.errors import UserError

CONVERTER = "convert_hf_to_gguf.py"


def converter() -> Path | None:
    """On the path, or in the folder that LLAMA_CPP names."""
    found = shutil.which(CONVERTER)
    named = Path(os.environ["LLAMA_CPP"]) / CONVERTER if os.environ.get("LLAMA_CPP") else None
    return Path(found) if found else named if named is not None and named.is_file() else None


def require_converter() -> Path:
    """Raises UserError where it is not installed."""
    script = converter()
    if script is not None:
        return script
    raise UserError(
        f"llama.cpp's {CONVERTER} is not here",
        "it on the path, or its folder in LLAMA_CPP",
        "git clone llama.cpp and pip install -r requirements.txt, or leave out --gguf",
    )


def write_gguf(folder: Path, dtype: str) -> Path:
    """model.gguf in the folder. Raises UserError where the converter is missing or fails, with what it said."""
    script = require_converter()
    out = folder / "model.gguf"
    kind = {"bf16": "bf16", "fp16": "f16", "fp32": "f32"}[dtype]
    command = [sys.executable, str(script), str(folder), "--outfile", str(out), "--outtype", kind]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not out.exists():
        last = (done.stderr.strip() or "it wrote nothing").splitlines()[-1]
        raise UserError(f"{CONVERTER} failed: {last}", "a model that llama.cpp knows", "leave out --gguf", str(folder))
    return out
