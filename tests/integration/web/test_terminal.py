"""What lists and the builder offer for a terminal: calls that do what the page shows, commands that the CLI takes."""

import re
import shlex
from html import unescape
from urllib.parse import urlencode

import pytest

from entrypoints.cli.main import main
from tests.integration.web.browser_form import NEW, blank
from tests.integration.web.dashboard import PAGE, PREFIX, TASKS, Answer, Dashboard
from tests.integration.web.door import a_door, cookie_of, sign_in
from tests.integration.web.pages import died, stored

_OFFERED = re.compile(r"<pre data-copy[^>]*><code>(.*?)</code></pre>", re.DOTALL)


def offered(html: str) -> list[list[str]]:
    """The commands of a page as a shell reads them."""
    return [shlex.split(unescape(text).replace("\\\n", "")) for text in _OFFERED.findall(html)]


def checked(args: list[str]) -> str:
    """A command of ours, whose arguments and options are those it has."""
    program, name, *rest = args
    command = main.get_command(main.make_context(program, ["list"]), name)
    assert command is not None
    command.make_context(name, list(rest))
    return " ".join(args[1:])


async def called(dashboard: Dashboard, args: list[str]) -> Answer:
    """What this call with curl answers."""
    method, body, headers, address = "GET", None, {}, ""
    rest = iter(args[1:])
    for each in rest:
        match each:
            case "-X":
                method = next(rest)
            case "-d":
                method, body = "POST", next(rest).encode()
            case "-H":
                name, _, value = next(rest).partition(": ")
                headers[name] = value
            case _:
                address = each
    return await dashboard.call(method, address.removeprefix(dashboard.url), raw=body, headers=headers)


@pytest.mark.parametrize(
    ("query", "listed", "command"),
    [
        ("?q=bread+%26+milk", ["bread & milk"], "list --search bread & milk"),
        ("?status=active&limit=5&sort=name", ["bread & milk", "tea"], "list --status active --limit 5"),
        ("?deleted=true", [], "list --deleted"),
        ("?tag=food&late=false&deleted=false", ["bread & milk"], None),
        ("?sort=-name", ["tea", "bread & milk"], None),
    ],
)
async def test_a_list_can_be_asked_for_as_it_is_filtered(
    dashboard: Dashboard, query: str, listed: list[str], command: str | None
) -> None:
    await dashboard.create("bread & milk", tags=["food"])
    await dashboard.create("tea")

    list_, *others = offered((await dashboard.page(f"{PAGE}{query}")).text)

    assert [task["name"] for task in (await called(dashboard, list_)).json["tasks"]] == listed
    assert [checked(each) for each in others if each[0] != "curl"] == [command] * (command is not None)
    for each in others:
        assert each[0] != "curl" or (await called(dashboard, each)).status == 200
    assert (await dashboard.page(f"{PAGE}{query}")).text.count("/api/export?format=yaml") == (
        "deleted=true" not in query
    )


async def test_pausing_all_that_match_is_first_told(dashboard: Dashboard) -> None:
    await dashboard.create("bread", tags=["food"])
    await dashboard.create("tea")

    (pause,) = [each for each in offered((await dashboard.page(f"{PAGE}?tag=food")).text) if ":batch" in " ".join(each)]

    told = (await called(dashboard, pause)).json
    assert (told["dry_run"], told["total"], told["counts"]["done"]) == (True, 1, 1)


async def test_executions_and_dead_letters_can_be_asked_for_and_one_redriven(dashboard: Dashboard) -> None:
    task = await stored(dashboard, name="bread", schedule="0 * * * *", max_retries=0)
    dead = str((await died(dashboard, task)).execution.id)
    await stored(dashboard, name="tea")

    every, of_one, in_time, letters = [
        offered((await dashboard.page(f"{PREFIX}{path}")).text)
        for path in (
            "/executions?state=dead",
            "/executions?task=bread",
            "/executions?since=2024-01-15T14:00",
            "/dead-letters?task=bread",
        )
    ]

    ids = [[each["id"] for each in (await called(dashboard, of[0])).json["executions"]] for of in (every, of_one)]
    assert ids == [[dead], [dead]]
    assert (await called(dashboard, in_time[0])).json["executions"] == []
    assert [len(every), len(in_time)] == [1, 1]
    assert checked(of_one[1]) == f"executions {task.id}"
    list_, command, again, redrive = letters
    assert [each["id"] for each in (await called(dashboard, list_)).json["dead_letters"]] == [dead]
    assert (checked(command), checked(redrive)) == (f"dead-letters {task.id}", f"redrive {dead}")
    assert (await called(dashboard, again)).status == 202
    assert f"redrive {dead}" not in (await dashboard.page(f"{PREFIX}/dead-letters")).text


async def test_what_the_builder_would_create_is_created_by_its_call(dashboard: Dashboard) -> None:
    payload = """{"text": "it's $HOME `id`", "nested": [{"api_key": "hunter2"}]}"""
    typed = {"name": "a'b", "task_type": "mail", "payload": payload, "payload_as": "json", "tags": "food"}
    fields = await blank(dashboard, **typed, tab="cron", cron="0 2 * * *")

    preview = (await dashboard.form(f"{NEW}/preview", urlencode(fields))).text
    (create, piped) = offered(preview)

    made = (await called(dashboard, create)).json
    assert (made["name"], made["schedule"], made["tags"]) == ("a'b", "0 2 * * *", ["food"])
    assert made["payload"] == {"text": "it's $HOME `id`", "nested": [{"api_key": "***"}]}
    assert "hunter2" not in " ".join(create + piped)
    assert (piped[2], checked(piped[4:])) == (create[-1], "create -")


@pytest.mark.parametrize(
    "changed", [{}, {"overlap": "allow", "backoff_cap": "2m", "max_retries": "7", "every_from": ""}]
)
async def test_the_call_of_the_builder_creates_what_its_button_does(
    dashboard: Dashboard, changed: dict[str, str]
) -> None:
    fields = await blank(dashboard, name="tea", task_type="mail", tab="cron", cron="0 2 * * *", **changed)
    (create, _) = offered((await dashboard.form(f"{NEW}/preview", urlencode(fields))).text)
    page = (await dashboard.form(NEW, urlencode(fields))).headers["Location"].partition("?")[0]
    by_button = (await dashboard.get(f"{TASKS}/{page.rpartition('/')[2]}")).json
    await dashboard.call("DELETE", f"{TASKS}/{by_button['id']}")

    by_call = (await called(dashboard, create)).json

    assert {name for name in by_button if by_button[name] != by_call[name]} == {"id"}
    assert "misfire" not in create[-1]


@pytest.mark.parametrize("wrong", [{"name": ""}, {"cron": "61 * * * *"}, {"payload": "[", "payload_as": "json"}])
async def test_what_cannot_be_created_and_what_is_edited_has_no_call(
    dashboard: Dashboard, wrong: dict[str, str]
) -> None:
    task = await dashboard.create()
    right = {"name": "tea", "task_type": "mail", "tab": "cron", "cron": "0 2 * * *"}

    refused = await dashboard.form(NEW, urlencode(await blank(dashboard, **{**right, **wrong})))
    edited = await dashboard.page(f"{PAGE}/{task['id']}/edit")

    assert (refused.status, offered(refused.text), offered(edited.text)) == (422, [], [])


async def test_with_a_login_calls_name_the_token_of_the_shell_and_nothing_of_the_session() -> None:
    async with a_door() as dashboard:
        cookie = cookie_of(await sign_in(dashboard))

        page = (await dashboard.get(f"{PAGE}?deleted=true", Accept="text/html", **cookie)).text

        (list_, _) = offered(page)
        assert "Authorization: Bearer $SCHEDULER_TOKEN" in list_
        assert cookie["Cookie"].partition("=")[2] not in page
