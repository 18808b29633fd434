"""A form of a page as a browser without script would send it."""

from html.parser import HTMLParser

from tests.integration.web.dashboard import PAGE, Answer, Dashboard

NEW = f"{PAGE}/new"


class BrowserForm(HTMLParser):
    """The fields of the form with this id, and which of them are marked as faulty."""

    def __init__(self, html: str, form_id: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.faulty: set[str] = set()
        self._form_id = form_id
        self._inside = False
        self._select: str | None = None
        self._area: str | None = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = given.get("id") == self._form_id
        if not self._inside:
            return
        name = given.get("name", "")
        if given.get("aria-invalid") == "true":
            self.faulty.add(name)
        match tag:
            case "input" if given.get("type") not in ("checkbox", "radio") or "checked" in given:
                self.fields[name] = given.get("value", "")
            case "select":
                self._select = name
            case "option" if self._select and (self._select not in self.fields or "selected" in given):
                self.fields[self._select] = given.get("value", "")
            case "textarea":
                self._area, self.fields[name] = name, ""

    def handle_data(self, data: str) -> None:
        if self._area:
            # A line feed right behind the tag is none of the text's (HTML 13.1.2.5).
            self.fields[self._area] += data if self.fields[self._area] else data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        if tag == "select":
            self._select = None
        if tag == "textarea":
            self._area = None


def form_of(answer: Answer) -> BrowserForm:
    """The form in which a task is written."""
    return BrowserForm(answer.text, "builder")


async def blank(dashboard: Dashboard, **changes: str) -> dict[str, str]:
    """The fields of a new task's form with what it needs, but for what the test says."""
    fields = form_of(await dashboard.page(NEW)).fields
    if changes.get("tab", "times") != "times":
        # Only the tab that speaks has its fields on the page.
        fields = {name: text for name, text in fields.items() if name not in ("times", "days", "month_days")}
    return {**fields, "name": "report", "task_type": "maintenance", **changes}
