"""Every template compiles, uses only parts that exist, and keeps to the content security policy."""

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.template import engines
from django.template.loader import get_template, render_to_string
from django.test import RequestFactory

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted(path.relative_to(ROOT / "templates").as_posix() for path in (ROOT / "templates").rglob("*.html"))
PAGES = [name for name in TEMPLATES if not name.startswith("cotton/")]
SCRIPTS = sorted((ROOT / "static" / "app").glob("*.js"))


def listed(name: str) -> set[str]:
    lines = (ROOT / "frontend" / name).read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


ICONS = listed("icons.txt")
KIT = listed("kit.txt")
OWN_CLASSES = {
    found
    for sheet in (ROOT / "static" / "app").glob("*.css")
    for found in re.findall(r"\.([a-z][\w-]*)", re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.S))
}
#: Hooks of scripts and tests, without a look.
SCRIPTED = {"crm-hit-name", "crm-me", "crm-theme", "crm-toast-close"}


def source(name: str) -> str:
    return (ROOT / "templates" / name).read_text(encoding="utf-8")


@pytest.fixture
def render(tmp_path, settings, rf: RequestFactory):
    """Render a text as a template file: components are made by the loader, not by the engine."""

    def _render(text: str, **context) -> str:
        (tmp_path / "trial.html").write_text(text, encoding="utf-8")
        settings.TEMPLATES = [
            {**settings.TEMPLATES[0], "DIRS": [*settings.TEMPLATES[0]["DIRS"], tmp_path]},
        ]
        return engines["django"].get_template("trial.html").render(context, rf.get("/"))

    return _render


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_compiles(name):
    assert get_template(name)


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_keeps_to_the_content_security_policy(name):
    text = source(name)
    inline = [
        tag for tag in re.findall(r"<script\b[^>]*>", text) if "src=" not in tag and "application/json" not in tag
    ]
    assert inline == []
    assert "<style" not in text
    assert not re.search(r"\bhx-on\b|\bhx-on:|\son[a-z]+\s*=\s*[\"']", text)
    assert "javascript:" not in text
    assert not re.search(r"(?:src|href)=[\"'](?:https?:)?//", text), "a request to another host"


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_names_only_files_and_icons_that_exist(name):
    text = source(name)
    for path in re.findall(r"{%\s*static\s+['\"]([^'\"{]+)['\"]", text):
        if path.startswith("vendor/"):
            assert path in {"vendor/tabler.css", "vendor/icons.svg", "vendor/echarts.js"}
        else:
            assert finders.find(path), path
    named = set(re.findall(r"<c-icon\s[^>]*?(?<!:)\bname=\"([^\"{]+)\"", text))
    named |= set(re.findall(r"<c-(?:empty|menu)\s[^>]*?\bicon=['\"]([^'\"{]+)['\"]", text))
    assert named <= ICONS


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_uses_only_classes_that_have_a_look(name):
    """The build leaves out what is not listed in frontend/kit.txt: such a class would silently do nothing."""
    text = re.sub(r"{[{%].*?[%}]}", " ", source(name))
    used = {word for value in re.findall(r"\bclass=\"([^\"]*)\"", text) for word in value.split()}
    assert {word for word in used if not word.endswith("-")} <= KIT | OWN_CLASSES | SCRIPTED


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_uses_only_components_that_exist(name):
    for component in set(re.findall(r"<c-([a-z][a-z0-9.-]*)", source(name))) - {"vars", "slot"}:
        assert (ROOT / "templates" / "cotton" / f"{component.replace('-', '_').replace('.', '/')}.html").exists(), (
            component
        )


def test_no_component_is_left_unmade(admin_client, settings):
    """Cotton and template-partials silently switch each other off when the loaders are set wrongly."""
    for path in ("/account/2fa/", "/account/sessions/", "/account/password/change/"):
        text = admin_client.get(path).content.decode()
        assert "crm-" in text
        assert "<c-" not in text


def test_icons_of_navigation_exist():
    from org.navigation import PLACES

    assert {place.icon for place in PLACES} <= ICONS


def scripts_of(name: str, seen: set[str]) -> set[str]:
    """Own scripts of a template and of all it extends, includes or is made of."""
    if name in seen:
        return set()
    seen.add(name)
    text = source(name)
    parts = set(re.findall(r"""{% (?:extends|include) ["']([\w/.-]+)["']""", text))
    parts |= {
        f"cotton/{part.replace('-', '_').replace('.', '/')}.html" for part in re.findall(r"<c-([a-z][\w.-]*)", text)
    }
    found = set(re.findall(r"static 'app/(\w+\.js)'", text))
    return found.union(*(scripts_of(part, seen) for part in parts & set(TEMPLATES)))


def test_own_scripts_of_a_page_fit_their_budget():
    """60 KB of own scripts on any page, as they are written."""
    sizes = {path.name: path.stat().st_size for path in SCRIPTS}
    pages = {name: scripts_of(name, set()) for name in PAGES}
    assert set().union(*pages.values()) | {"worker.js"} == set(sizes)
    assert {"shell.js", "forms.js", "charts.js"} <= pages["segmentation/pareto.html"]
    assert max(sum(sizes[script] for script in scripts) for scripts in pages.values()) < 60 * 1024


def test_component_does_not_take_its_title_from_the_page(render):
    shown = render("<c-card>inside</c-card>", title="OF THE PAGE", class_="x")
    assert "inside" in shown
    assert "OF THE PAGE" not in shown


def test_components_escape_what_they_are_given(render):
    shown = render(
        '<c-head :title="name" /><c-card :title="name">{{ name }}</c-card><c-empty :title="name" />'
        '<c-figure :label="name" :url="name">{{ name }}</c-figure><c-state state="done">{{ name }}</c-state>'
        '<c-chart id="x" :title="name" src="/x" />',
        name='<img src=x>"',
    )
    assert "<img" not in shown
    assert 'src=x>"' not in shown


@pytest.mark.parametrize(
    ("tier", "before", "parts"),
    [
        ("A", "", ["crm-tier-a", ">A<"]),
        ("A", "B", ["arrow-up", "B"]),
        ("C", "A", ["arrow-down", "A"]),
        ("", "", ["crm-tier-none"]),
    ],
)
def test_tier_mark_tells_by_letter_and_arrow(render, tier, before, parts):
    shown = render('<c-tier :tier="tier" :before="before" />', tier=tier, before=before)
    assert all(part in shown for part in parts)


def test_server_error_page_needs_neither_database_nor_request():
    shown = render_to_string("errors/500.html")
    assert shown.count("<h1>") == 1


@pytest.mark.parametrize("name", PAGES)
def test_page_has_at_most_one_title_of_first_order(name):
    text = source(name)
    assert len(re.findall(r"<h1\b|<c-head\b", text)) <= 1
