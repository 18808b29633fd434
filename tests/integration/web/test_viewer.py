import re
from http.cookies import SimpleCookie
from urllib.parse import quote

import pytest

from entrypoints.web.app import WebSettings
from entrypoints.web.assets import FOLDER as STATIC
from entrypoints.web.rendering import FOLDER as TEMPLATES
from entrypoints.web.viewer import THEME_COOKIE, ZONE_COOKIE
from tests.integration.web.dashboard import HTML, PAGE, PREFIX, Answer, Dashboard, serving
from tests.integration.web.door import a_door
from tests.integration.web.pages import Elements, words

ZONE = f"{PREFIX}/time-zone"
THEME = f"{PREFIX}/theme"


def cookies_of(answer: Answer) -> SimpleCookie:
    return SimpleCookie(answer.headers["Set-Cookie"])


async def seen_with(dashboard: Dashboard, path: str, **cookies: str) -> str:
    """The page as a browser with these cookies is shown it; the test's own client keeps none for an IP address."""
    kept = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return (await dashboard.call("GET", path, headers={**HTML, "Cookie": kept})).text


async def test_a_zone_that_was_chosen_shows_every_instant_in_it(dashboard: Dashboard) -> None:
    task = await dashboard.create(schedule="0 2 * * *", timezone="Europe/Berlin")
    answer = await dashboard.form(ZONE, f"zone=Asia/Tokyo&back={PAGE}")

    kept = cookies_of(answer)[ZONE_COOKIE]
    assert (answer.status, answer.headers["Location"]) == (303, PAGE)
    assert (kept.value, kept["path"], kept["samesite"], kept["httponly"]) == ("Asia/Tokyo", PREFIX, "Strict", True)
    for path in (PAGE, f"{PAGE}/{task['id']}"):
        assert "Tue 2024-01-16 10:00 JST" in words(await seen_with(dashboard, path, **{ZONE_COOKIE: kept.value}))


async def test_without_a_choice_each_instant_is_in_its_tasks_own_zone(dashboard: Dashboard) -> None:
    await dashboard.create(schedule="0 2 * * *", timezone="Europe/Berlin")
    answer = await dashboard.form(ZONE, "zone=task")

    assert cookies_of(answer)[ZONE_COOKIE]["max-age"] == "0"
    page = Elements((await dashboard.page(PAGE)).text)
    assert "Tue 2024-01-16 02:00 CET" in " ".join(page.text.split())
    assert [found["value"] for found in page.all("button", name="zone") if found["aria-pressed"] == "true"] == ["task"]


@pytest.mark.parametrize("forged", ["Mars/Olympus", "../../etc/passwd", "localtime", "%3Cscript%3E", ""])
async def test_a_forged_cookie_is_as_if_it_were_not_there(dashboard: Dashboard, forged: str) -> None:
    await dashboard.create(timezone="Europe/Berlin")

    page = await seen_with(dashboard, PAGE, **{ZONE_COOKIE: forged, THEME_COOKIE: forged})

    assert "CET" in words(page)
    assert '<html lang="en">' in page


@pytest.mark.parametrize("zone", ["Europe/Berlim", "<script>", "", "x" * 5_000])
async def test_a_zone_there_is_not_is_told_at_the_field_which_keeps_what_was_typed(
    dashboard: Dashboard, zone: str
) -> None:
    answer = await dashboard.form(ZONE, f"zone={quote(zone)}&back={PAGE}?q=x")

    page = Elements(answer.text)
    (field,) = page.all("input", name="zone")
    (fault,) = page.all("span", id="zone-error")
    assert answer.status == 422
    assert (field["value"], field["aria-invalid"], field["aria-describedby"]) == (zone, "true", fault["id"])
    assert page.all("input", name="back")[0]["value"] == f"{PAGE}?q=x"
    assert "Set-Cookie" not in answer.headers


async def test_the_nearest_zone_is_offered_for_a_mistyped_one(dashboard: Dashboard) -> None:
    answer = await dashboard.form(ZONE, "zone=Europe/Berlim")

    assert "Europe/Berlin" in Elements(answer.text.partition("<datalist")[0]).text


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "/elsewhere", "\\\\evil", f"{PREFIX}@evil", ""]
)
@pytest.mark.parametrize(("path", "choice"), [(ZONE, "zone=UTC"), (THEME, "theme=dark")])
async def test_a_choice_leads_to_no_other_site(dashboard: Dashboard, path: str, choice: str, back: str) -> None:
    answer = await dashboard.form(path, f"{choice}&back={quote(back)}")

    assert (answer.status, answer.headers["Location"]) == (303, PAGE)


async def test_the_way_back_keeps_the_filter_and_drops_the_notice(dashboard: Dashboard) -> None:
    page = Elements((await dashboard.page(f"{PAGE}?q=a%20b&notice=paused")).text)

    assert {found["value"] for found in page.all("input", name="back") if found["value"] != ""} >= {f"{PAGE}?q=a+b"}


async def test_every_zone_with_a_present_name_is_offered_and_no_old_one(dashboard: Dashboard) -> None:
    html = (await dashboard.page(f"{ZONE}?back={PAGE}")).text

    offered = re.findall("<option>([^<]+)</option>", html)
    assert {"UTC", "Europe/Berlin", "Asia/Kathmandu"} <= set(offered)
    assert "US/Eastern" not in offered
    assert offered == sorted(offered)


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_a_theme_that_was_chosen_is_said_to_the_browser(dashboard: Dashboard, theme: str) -> None:
    kept = cookies_of(await dashboard.form(THEME, f"theme={theme}"))[THEME_COOKIE]

    page = Elements(await seen_with(dashboard, PAGE, **{THEME_COOKIE: kept.value}))

    assert page.all("html", **{"class": theme})
    assert page.all("meta", name="color-scheme", content=theme)
    assert [found["value"] for found in page.all("button", name="theme") if found["aria-pressed"] == "true"] == [theme]


async def test_the_systems_theme_is_taken_again(dashboard: Dashboard) -> None:
    answer = await dashboard.form(THEME, "theme=system")

    assert cookies_of(answer)[THEME_COOKIE]["max-age"] == "0"
    page = Elements((await dashboard.page(PAGE)).text)
    assert page.all("meta", name="color-scheme", content="light dark")


async def test_a_field_there_is_not_and_another_site_change_nothing(dashboard: Dashboard) -> None:
    unknown = await dashboard.form(ZONE, "zone=UTC&is_admin=true")
    foreign = await dashboard.call(
        "POST", ZONE, raw=b"zone=UTC", headers={"Content-Type": "application/x-www-form-urlencoded", "Origin": "null"}
    )

    assert (unknown.status, foreign.status) == (400, 403)


async def test_behind_https_the_cookies_are_for_https_alone() -> None:
    settings = WebSettings(loopback_hosts_only=False, public_origin="https://127.0.0.1")
    async with serving(settings) as dashboard:
        answer = await dashboard.form(THEME, "theme=dark")

    assert cookies_of(answer)[THEME_COOKIE]["secure"] is True


async def test_a_stranger_is_shown_no_choice_and_is_led_to_the_login() -> None:
    async with a_door() as door:
        login = Elements((await door.page(f"{PREFIX}/login")).text)
        answer = await door.form(THEME, "theme=dark")

    assert not login.all("button", name="theme")
    assert not login.all("nav")
    assert answer.headers["Location"].startswith(f"{PREFIX}/login")


async def test_the_navigation_marks_where_one_is(dashboard: Dashboard) -> None:
    page = Elements((await dashboard.page(PAGE)).text)

    here = [found["href"] for found in page.all("a") if found.get("aria-current") == "page"]
    assert here == [PAGE]
    assert page.all("nav", id="menu", **{"aria-label": "Main"})
    assert page.all("button", popovertarget="menu")


def test_the_stylesheet_and_the_script_stay_small() -> None:
    assert len((STATIC / "scheduler.css").read_bytes()) <= 20_000
    assert len((STATIC / "live.js").read_text().splitlines()) <= 300


@pytest.mark.parametrize("template", sorted(path.name for path in TEMPLATES.glob("*.html")))
def test_words_are_imported_with_the_page_they_are_for(template: str) -> None:
    """Else macros don't see the reader's time zone."""
    imports = re.findall(r"{% from \"(?:words|doors)\.html\" import [^%]*%}", (TEMPLATES / template).read_text())

    assert [found for found in imports if not found.endswith("with context %}")] == []
