"""The examples of docs/api.md, sent in their order; each answer has what the guide says of it."""

import json
import re
from pathlib import Path
from typing import Any

from tests.integration.web.dashboard import Dashboard

GUIDE = Path(__file__).parents[3] / "docs" / "api.md"
EXAMPLES = re.findall(r"```http\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)


def _parts(text: str) -> tuple[str, dict[str, str], str]:
    """The first line, the headers and the body."""
    head, _, body = text.strip().partition("\n\n")
    first, *headers = head.splitlines()
    return first, dict(line.split(": ", 1) for line in headers), body


def _filled(text: str, known: dict[str, str]) -> str:
    """The text with the ids that earlier answers have told."""
    for name, value in known.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _has(found: Any, told: Any) -> bool:
    """True if everything that is told is found."""
    if isinstance(told, dict):
        return all(name in found and _has(found[name], value) for name, value in told.items())
    if isinstance(told, list) and told:
        return all(_has(one, other) for one, other in zip(found, told, strict=True))
    return bool(found == told)


async def test_the_examples_of_the_guide_are_answered_as_it_says(dashboard: Dashboard) -> None:
    known: dict[str, str] = {}
    for asked, told in zip(EXAMPLES[::2], EXAMPLES[1::2], strict=True):
        line, headers, body = _parts(_filled(asked, known))
        method, path = line.split()
        answer = await dashboard.call(method, path, raw=body.encode() or None, headers=headers)

        status, marks, document = _parts(_filled(told, known))
        assert f"HTTP/1.1 {answer.status}" == status, (line, answer.text)
        assert {name: answer.headers.get(name) for name in marks} == marks, line
        assert not document or _has(answer.json, json.loads(document)), (line, answer.text)
        if "json" in answer.headers["Content-Type"]:
            known |= {name: answer.json[name] for name in ("id", "execution_id") if name in answer.json}
