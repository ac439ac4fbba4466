"""Which files a Python file is made of: itself, and what it imports from its own folder."""

import ast
from collections.abc import Iterator
from pathlib import Path


def with_imports(path: Path) -> list[str]:
    """The file's name, then the modules beside it that it imports, directly or through each other, by name.

    Of a package all its Python files. What is imported under another name than in an import statement is not seen.
    """
    folder, found, new = path.parent, {path.name}, [path]
    while new:
        for file in _imported(new.pop(), folder):
            name = file.relative_to(folder).as_posix()
            if name not in found:
                found.add(name)
                new.append(file)
    return [path.name, *sorted(found - {path.name})]


def _imported(path: Path, folder: Path) -> Iterator[Path]:
    """Files of the folder; none for a file that cannot be read or is no Python, which fails where it is run."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        for top in {name.partition(".")[0] for name in names}:
            if (folder / f"{top}.py").is_file():
                yield folder / f"{top}.py"
            elif (folder / top).is_dir():
                yield from sorted((folder / top).rglob("*.py"))
