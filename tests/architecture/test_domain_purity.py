"""The domain imports nothing that could do I/O, read a clock or throw dice: a list of what it may import, no more."""

import ast

import pytest

from tests.support.repository import imported_modules, modules

ALLOWED = frozenset({
    "__future__", "abc", "bisect", "calendar", "collections", "collections.abc", "dataclasses", "datetime", "decimal",
    "difflib", "enum", "functools", "hashlib", "heapq", "itertools", "json", "math", "operator", "re", "string",
    "struct", "types", "typing", "unicodedata", "zlib", "zoneinfo",
})  # fmt: skip
# The one read the domain may do: a zone from the resource of the tzdata wheel.
ALLOWED_IN_ZONE = ALLOWED | {"importlib.resources", "tzdata"}
ZONE = "domain/scheduling/cron/zone.py"
# Reaching a banned thing without an import of it.
BANNED_NAMES = frozenset({"__import__", "compile", "eval", "exec", "input", "open", "print"})


def names_read(tree: ast.Module) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def is_domain(module: str) -> bool:
    return module.partition(".")[0] == "domain"


DOMAIN = [pytest.param(path.as_posix(), tree, id=path.as_posix()) for path, tree in modules("domain")]


@pytest.mark.parametrize(("path", "tree"), DOMAIN)
def test_a_domain_module_imports_only_what_is_listed(path: str, tree: ast.Module) -> None:
    allowed = ALLOWED_IN_ZONE if path == ZONE else ALLOWED

    assert {module for module in imported_modules(tree) if not is_domain(module)} <= allowed


@pytest.mark.parametrize(("path", "tree"), DOMAIN)
def test_a_domain_module_opens_and_evaluates_nothing(path: str, tree: ast.Module) -> None:
    assert names_read(tree) & BANNED_NAMES == set()


@pytest.mark.parametrize(("path", "tree"), DOMAIN)
def test_a_domain_module_is_synchronous(path: str, tree: ast.Module) -> None:
    waiting = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)

    assert [node for node in ast.walk(tree) if isinstance(node, waiting)] == []
