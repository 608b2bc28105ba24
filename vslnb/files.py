"""JSON on disk: written whole or not at all, read with an error that names the file."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from vslnb.errors import InputError


def read_json(path: str | Path, remedy: str, keys: Sequence[str] = ()) -> dict:
    """A JSON object that has some keys.

    Raises:
        InputError: for a file that is missing, is no JSON object or lacks a key, with `remedy`.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as fault:
        raise InputError(path, f"cannot be read ({fault.strerror})", remedy) from None
    except (ValueError, RecursionError) as fault:
        raise InputError(path, f"not valid JSON ({fault})", remedy) from None
    if not isinstance(content, dict):
        raise InputError(path, "not a JSON object", remedy)
    missing = [key for key in keys if key not in content]
    if missing:
        raise InputError(path, f"no {', '.join(missing)} in it", remedy)
    return content


def write_json(path: Path, content: dict) -> None:
    """A JSON file, whole or not at all."""
    aside = path.with_name(path.name + ".tmp")
    aside.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(aside, path)
