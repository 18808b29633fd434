"""The wheel as a host application gets it: built here, installed beside a host that has rooms of its own."""

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.repository import ROOMS, ROOT

PACKAGE = "peachpie_scheduler"
BARE_IMPORT = re.compile(rf"^\s*(?:from|import) (?:{'|'.join(ROOMS)})\b", re.MULTILINE)

# A host application with a `domain` and an `application` of its own, which uses ours beside them.
HOST = {
    "domain/__init__.py": "",
    "domain/orders.py": "CUTOFF = 'noon'\n",
    "application/__init__.py": "from domain.orders import CUTOFF\n",
    "main.py": """
from datetime import UTC, datetime

import application
import domain.orders
from peachpie_scheduler.domain.scheduling.schedule import CronSchedule

assert application.CUTOFF == domain.orders.CUTOFF == "noon"
print(CronSchedule("30 2 * * 1-5", "Europe/Berlin").next_after(datetime(2024, 1, 1, tzinfo=UTC)))
""",
}
# Imports every module but migrations, which Alembic loads by path inside a context of its own.
IMPORT_ALL = """
import importlib, pkgutil, peachpie_scheduler

modules = [found.name for found in pkgutil.walk_packages(peachpie_scheduler.__path__, "peachpie_scheduler.")]
for module in modules:
    if ".migrations" not in module:
        importlib.import_module(module)
print("\\n".join(modules))
"""


def build(kind: str, source: Path, out: Path) -> Path:
    """Build a wheel or a source distribution (`--wheel`, `--sdist`) without the network and return its path."""
    command = [sys.executable, "-m", "build", kind, "--no-isolation", "--outdir", str(out), str(source)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def environment() -> Iterator[pytest.MonkeyPatch]:
    """Give every subprocess here one build date."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", "1704067200")
        yield patch


@pytest.fixture(scope="module")
def wheel(environment: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("--wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, environment: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a folder of its own, on the path of every Python started here."""
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True, text=True)
    environment.setenv("PYTHONPATH", str(target))
    return target


@pytest.fixture
def host(installed: Path, tmp_path: Path) -> Path:
    """Lay out the host application; `installed` put the wheel beside it."""
    for name, text in HOST.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def run(host: Path, *command: str | Path) -> str:
    """Run a command in the host's folder and return what it printed; it must succeed."""
    outcome = subprocess.run(command, cwd=host, check=False, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout


def test_the_wheel_holds_the_rooms_with_all_their_files(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    rooms = {path for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file() and path.name[0] != "."}
    expected = {f"{PACKAGE}/{path.relative_to(ROOT).as_posix()}" for path in rooms if path.suffix != ".pyc"}

    assert names == expected | {f"{PACKAGE}/__init__.py", f"{PACKAGE}/py.typed"}


def test_no_import_of_a_bare_room_remains(installed: Path) -> None:
    modules = list((installed / PACKAGE).rglob("*.py"))

    assert len(modules) > len(ROOMS)
    assert [module for module in modules if BARE_IMPORT.search(module.read_text(encoding="utf-8"))] == []


def test_a_host_uses_our_schedules_beside_its_own_domain(host: Path) -> None:
    assert run(host, sys.executable, "main.py") == "2024-01-01 01:30:00+00:00\n"


def test_every_module_of_the_wheel_imports(host: Path) -> None:
    modules = run(host, sys.executable, "-c", IMPORT_ALL).split()

    assert f"{PACKAGE}.domain.errors" in modules


def test_the_installed_service_explains_itself(host: Path) -> None:
    assert "--roles" in run(host, sys.executable, "-m", f"{PACKAGE}.entrypoints.scheduler", "--help")


def test_the_installed_command_explains_itself(host: Path, installed: Path) -> None:
    assert "--help" in run(host, installed / "bin" / "peachpie-scheduler", "--help")


def test_two_builds_of_one_source_are_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    assert build("--wheel", ROOT, tmp_path).read_bytes() == wheel.read_bytes()


def test_the_source_distribution_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    archive = build("--sdist", ROOT, tmp_path / "sdist")
    shutil.unpack_archive(archive, tmp_path / "unpacked", filter="data")
    (source,) = (tmp_path / "unpacked").iterdir()

    assert build("--wheel", source, tmp_path / "wheel").read_bytes() == wheel.read_bytes()
