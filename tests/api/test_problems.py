"""The catalogue of problems, the version of the API, what of it will go, and the examples of the description (N3)."""

from datetime import date

import pytest
import yaml
from django.test import Client as Browser
from jsonschema import Draft202012Validator

from org import api_versions
from org.api_examples import ANSWERS, REQUESTS
from org.api_versions import Going
from org.problem_types import CATALOGUE, by_status

URL = "/api/v1/problems/"


@pytest.fixture
def web(manager):
    browser = Browser()
    browser.force_login(manager.user)
    return browser


@pytest.mark.parametrize(("language", "words"), [("en", "Not found"), ("zh-hans", "未找到")])
def test_the_type_of_a_problem_explains_it(web, language, words):
    accept = {"Accept-Language": language}
    problem = web.get("/api/v1/clients/none/", headers=accept).json()
    found = web.get(problem["type"], headers=accept).json()
    assert (found["type"], found["status"], found["title"]) == (problem["type"], 404, problem["title"])
    assert {word["language"] for word in found["words"]} == {"en", "zh-hans"}
    assert all(word["title"] and word["remedy"] for word in found["words"])
    english, chinese = sorted(found["words"], key=lambda word: word["language"])
    assert english["remedy"] != chinese["remedy"]


def test_the_catalogue_is_whole(web):
    rows = web.get(URL).json()
    assert [row["type"].split("/")[-2] for row in rows] == list(CATALOGUE)
    assert web.get(f"{URL}nothing/").status_code == 404
    for status in (400, 401, 403, 404, 405, 406, 409, 410, 413, 415, 422, 429):
        assert by_status(status).status == status
    assert by_status(503).slug == "error"


def test_problems_outside_the_views_have_their_type_too(client, manager):
    assert client.get("/api/v1/clients/").json()["type"] == f"{URL}not-signed-in/"
    assert client.get("/api/v1/nothing/").json()["type"] == f"{URL}not-found/"
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(manager.user)
    answer = browser.post("/api/v1/offers/", {}, "application/json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "application/problem+json")


def test_every_answer_says_the_version(web, settings):
    for path in ("/api/v1/clients/", "/api/v1/nothing/"):
        headers = web.get(path).headers
        assert headers["API-Version"] == settings.SPECTACULAR_SETTINGS["VERSION"]
        assert "Deprecation" not in headers
    assert "API-Version" not in web.get("/clients/").headers


def test_what_will_go_says_so_in_time(web, monkeypatch):
    going = Going(date(2027, 1, 1), date(2027, 7, 1), "/api/v1/clients/")
    monkeypatch.setitem(api_versions.GOING, "api:profile-list", going)
    headers = web.get("/api/v1/profiles/").headers
    assert headers["Deprecation"] == "@1798761600"
    assert headers["Sunset"] == "Thu, 01 Jul 2027 00:00:00 GMT"
    assert headers["Link"] == '</api/v1/clients/>; rel="successor-version"'
    assert "Sunset" not in web.get("/api/v1/clients/").headers
    schema = web.get("/api/v1/schema/?format=json").json()["paths"]["/api/v1/profiles/"]["get"]
    assert schema["deprecated"] is True
    with pytest.raises(ValueError, match="180 days"):
        Going(date(2027, 1, 1), date(2027, 2, 1), "/")


def test_what_is_declared_going_exists():
    from tests.org.matrix import urls

    assert set(api_versions.GOING) <= {url.name for url in urls()}


def test_examples_are_of_the_shape_they_show():
    with open("docs/openapi.yaml", encoding="utf-8") as file:
        schema = yaml.safe_load(file)
    seen = set()
    for path in schema["paths"].values():
        for operation in path.values():
            contents = [operation.get("requestBody", {}).get("content", {})]
            contents += [answer.get("content", {}) for answer in operation["responses"].values()]
            for content in contents:
                kind = content.get("application/json", {})
                for example in kind.get("examples", {}).values():
                    Draft202012Validator(kind["schema"] | {"components": schema["components"]}).validate(
                        example["value"]
                    )
                    seen.add(operation["operationId"])
    assert seen >= REQUESTS.keys() | ANSWERS.keys()
