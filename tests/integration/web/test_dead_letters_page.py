"""Dead letters: the list, the question what redriving several would do, and what became of each."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.integration.web.dashboard import PAGE, PREFIX, Dashboard
from tests.integration.web.pages import Elements, died, stored, words

DEAD = f"{PREFIX}/dead-letters"


async def dead_ones(dashboard: Dashboard, *names: str) -> list[str]:
    """A dead execution of a task of each of these names; their ids."""
    ids = []
    for name in names:
        task = await stored(dashboard, name=name, schedule="0 * * * *", max_retries=0)
        ids.append(str((await died(dashboard, task, error=f"no {name}")).execution.id))
        await dashboard.form(f"{PAGE}/{task.id}/pause")
    return ids


async def test_none_is_good_news(dashboard: Dashboard) -> None:
    page = words((await dashboard.page(DEAD)).text)

    assert "No dead letters Nothing has failed for good." in page


async def test_each_says_whose_it_is_when_and_what_went_wrong(dashboard: Dashboard) -> None:
    first, second = await dead_ones(dashboard, "bread", "milk")
    await dashboard.form(f"{PREFIX}/executions/{first}/redrive")

    html = (await dashboard.page(DEAD)).text
    page = words(html)

    assert "milk Mon 2024-01-15 14:00:05 UTC now ValueError: no milk 1 no" in page
    assert "bread Mon 2024-01-15 13:00:05 UTC 1 h ago ValueError: no bread 1 yes" in page
    assert [each["value"] for each in Elements(html).all("input", name="ids")] == [second]


@pytest.mark.parametrize(("task", "count"), [("bread", 1), ("nobody", 0), ("", 2)])
async def test_they_are_listed_by_task(dashboard: Dashboard, task: str, count: int) -> None:
    await dead_ones(dashboard, "bread", "milk")

    html = (await dashboard.page(f"{DEAD}?task={task}")).text

    assert len(Elements(html).all("input", name="ids")) == count
    assert ("No dead letters here" in words(html)) is (count == 0)


async def test_what_redriving_would_do_is_shown_before_it_is_done(dashboard: Dashboard) -> None:
    ids = await dead_ones(dashboard, "bread", "milk")
    before = dashboard.kept()

    html = (await dashboard.page(f"{DEAD}/redrive?ids={ids[0]}&ids={ids[1]}")).text

    assert dashboard.kept() == before
    assert "Redrive 2 dead letters? 2 executions would start." in words(html)
    assert words(html).count("One execution starts It runs the task as it is now, version 2.") == 2
    assert Elements(html).all("input", name="ids", value=",".join(ids))


async def test_each_is_redriven_or_refused_by_itself(dashboard: Dashboard) -> None:
    free, busy, done = await dead_ones(dashboard, "free", "busy", "done")
    task_id = dashboard.stores.state.executions[busy].execution.task_id  # type: ignore[index]
    await dashboard.form(f"{PAGE}/{task_id}/run", "token=t")
    await dashboard.form(f"{PREFIX}/executions/{done}/redrive")
    question = words((await dashboard.page(f"{DEAD}/redrive?ids={free}&ids={busy}&ids={done}")).text)

    answer = await dashboard.form(f"{DEAD}/redrive", f"ids={free},{busy},{done}&reason=mended&confirm=3")

    assert "1 execution would start. The others are left as they are" in question
    assert "Refused An execution of this task is still open." in question
    assert "Nothing: it was redriven before, as this execution." in question
    assert answer.status == 303
    told = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert told == {"started": [free], "before": [done], "refused": [f"{busy}:already_running"]}
    page = words((await dashboard.page(answer.headers["Location"])).text)
    assert "Redriven: 1, Nothing to do: 1, Refused: 1." in page
    assert "Refused An execution of this task is still open." in page
    assert all(name in page for name in ("free", "busy", "done"))
    beside = f"{DEAD}/redrive?ids={busy}&overlap=allow"
    assert f'href="{beside.replace("&", "&amp;")}"' in (await dashboard.page(answer.headers["Location"])).text
    assert "1 execution would start." in words((await dashboard.page(beside)).text)


async def test_several_of_one_task_may_overlap_if_that_is_asked_for(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="0 * * * *", max_retries=0)
    ids = [(await died(dashboard, task)).execution.id for _ in range(2)]
    question = f"{DEAD}/redrive?ids={ids[0]}&ids={ids[1]}"
    alone, beside = [await dashboard.page(f"{question}{each}") for each in ("", "&overlap=allow")]

    answer = await dashboard.form(f"{DEAD}/redrive", f"ids={','.join(ids)}&overlap=allow&confirm=2")

    assert "Another one of this task comes before it." in words(alone.text)
    assert f"{question}&overlap=allow" in Elements(alone.text).links
    assert "2 executions would start." in words(beside.text)
    assert Elements(beside.text).all("input", name="overlap", value="allow")
    assert parse_qs(urlsplit(answer.headers["Location"]).query) == {"started": [",".join(ids)]}


async def test_only_what_was_foreseen_to_start_is_sent_on(dashboard: Dashboard) -> None:
    task = await stored(dashboard, schedule="0 * * * *", max_retries=0)
    first, second = [(await died(dashboard, task)).execution.id for _ in range(2)]
    (free,) = await dead_ones(dashboard, "free")

    question = Elements((await dashboard.page(f"{DEAD}/redrive?ids={first}&ids={second}&ids={free}")).text)
    (sent,) = question.all("input", name="ids")

    assert "2 executions would start." in " ".join(question.text.split())
    assert sent["value"] == f"{first},{free}"


async def test_nothing_ticked_is_told_on_a_page_that_leads_back(dashboard: Dashboard) -> None:
    answer = await dashboard.page(f"{DEAD}/redrive")

    assert answer.status == 200
    assert "No dead letter was chosen" in words(answer.text)
    assert not Elements(answer.text).all("form", method="post", action=f"{DEAD}/redrive")
    assert (await dashboard.form(f"{DEAD}/redrive")).status == 400


async def test_sending_it_twice_starts_nothing_twice(dashboard: Dashboard) -> None:
    (dead,) = await dead_ones(dashboard, "bread")

    await dashboard.form(f"{DEAD}/redrive", f"ids={dead}")
    again = await dashboard.form(f"{DEAD}/redrive", f"ids={dead}")

    assert parse_qs(urlsplit(again.headers["Location"]).query) == {"before": [dead]}
    assert len(dashboard.stores.state.executions) == 2


@pytest.mark.parametrize("typed", ["", "1", "two", "20"])
async def test_who_redrives_several_types_how_many(dashboard: Dashboard, typed: str) -> None:
    ids = await dead_ones(dashboard, "bread", "milk")
    before = dashboard.kept()

    answer = await dashboard.form(f"{DEAD}/redrive", f"ids={','.join(ids)}&confirm={typed}&reason=mended")

    page = Elements(answer.text)
    (field,) = page.all("input", name="confirm")
    assert (answer.status, field["aria-invalid"], field["value"]) == (422, "true", typed)
    assert page.all("input", name="reason", value="mended")
    assert "Type how many: 2" in page.text
    assert dashboard.kept() == before


async def test_what_is_gone_is_told_as_gone(dashboard: Dashboard) -> None:
    html = (await dashboard.page(f"{DEAD}/redrive?ids={'0' * 32}")).text

    assert "0 executions would start." in words(html)
    assert "There is no such execution any more." in words(html)
    assert "Redrive 0" not in words(html)


@pytest.mark.parametrize(
    "query",
    ["nope=1", "ids=a&nope=1", "ids=a%20b", "ids=%3Cscript%3E", "&".join(f"ids={n}" for n in range(51))],
)
async def test_a_question_that_is_none_is_refused(dashboard: Dashboard, query: str) -> None:
    assert (await dashboard.page(f"{DEAD}/redrive?{query}")).status == 400
    assert (await dashboard.form(f"{DEAD}/redrive", query)).status == 400


@pytest.mark.parametrize("query", ["started=%3Cb%3E", "refused=you+won:x", "nope=1"])
async def test_an_address_cannot_put_words_on_the_results(dashboard: Dashboard, query: str) -> None:
    answer = await dashboard.page(f"{DEAD}/redriven?{query}")

    assert answer.status == 400


async def test_an_address_is_not_believed_in_what_it_says_was_started(dashboard: Dashboard) -> None:
    mended, dead = await dead_ones(dashboard, "mended", "dead")
    await dashboard.form(f"{PREFIX}/executions/{mended}/redrive")
    query = f"started={dead},{'0' * 32}&refused={mended}:already_running"

    page = words((await dashboard.page(f"{DEAD}/redriven?{query}")).text)

    assert "Not redriven: 1, Not on record: 1, Redriven: 1." in page
    assert "dead Mon 2024-01-15 14:00:05 UTC Not redriven Nothing was started in its place." in page
    assert "mended Mon 2024-01-15 13:00:05 UTC Redriven the new execution" in page


async def test_more_results_than_can_be_selected_are_refused(dashboard: Dashboard) -> None:
    answer = await dashboard.page(f"{DEAD}/redriven?started={','.join(str(number) for number in range(51))}")

    assert answer.status == 400


async def test_no_results_are_results(dashboard: Dashboard) -> None:
    assert "Nothing was selected." in words((await dashboard.page(f"{DEAD}/redriven")).text)
