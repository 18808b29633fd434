"""The programs that stand in the documentation, taken from it as they are."""

import re
from pathlib import Path

from tests.support.repository import ROOT

_BLOCK = re.compile(r"^```python\n# (\w+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def written_out(document: str, folder: Path) -> dict[str, Path]:
    """Every block of Python in a document that begins with the name of a file, as that file in `folder`."""
    files = {}
    for name, code in _BLOCK.findall((ROOT / "docs" / document).read_text()):
        files[name] = folder / name
        files[name].write_text(code)
    return files
