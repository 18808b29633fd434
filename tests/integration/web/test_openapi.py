import re

from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from entrypoints.web.contract.openapi import openapi_document
from entrypoints.web.contract.operations import Operation
from entrypoints.web.routes import ROUTES
from tests.integration.web.dashboard import PREFIX, Dashboard

DOCUMENT = openapi_document(ROUTES, PREFIX)
OPERATIONS = [
    (path, method, operation) for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()
]


def test_the_description_is_openapi_3_1() -> None:
    assert [error.message for error in OPENAPI_31_VALIDATOR.iter_errors(DOCUMENT)] == []


def test_every_route_of_the_api_is_described_and_nothing_else() -> None:
    described = {(method.upper(), path) for path, method, _ in OPERATIONS}

    assert described == {(route.method, route.path) for route in ROUTES if route.path.startswith("/api/")}
    assert all(isinstance(route.handler, Operation) is route.path.startswith("/api/") for route in ROUTES)


def test_each_operation_has_an_id_of_its_own_and_says_what_it_does() -> None:
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]

    assert len(set(ids)) == len(ids)
    assert all(operation["summary"] and operation["description"].endswith((".", "?")) for _, _, operation in OPERATIONS)


async def test_the_description_is_served_as_it_is(dashboard: Dashboard) -> None:
    answer = await dashboard.get(f"{PREFIX}/api/openapi.json")

    assert answer.json == DOCUMENT


async def test_the_page_of_the_api_shows_every_endpoint_and_every_document(dashboard: Dashboard) -> None:
    page = (await dashboard.page(f"{PREFIX}/api")).text

    assert all(f'<details id="{operation["operationId"]}">' in page for _, _, operation in OPERATIONS)
    shown = set(re.findall(r'<details id="(\w+)">', page))
    assert set(re.findall(r'href="#(\w+)"', page)) - {"main"} <= shown
    assert shown >= DOCUMENT["components"]["schemas"].keys()
    assert f"{dashboard.url}{PREFIX}/api/scheduled-tasks" in page


def test_every_reference_leads_somewhere() -> None:
    schemas = DOCUMENT["components"]["schemas"]

    assert set(re.findall(r"'#/components/schemas/(\w+)'", str(DOCUMENT))) <= schemas.keys()
