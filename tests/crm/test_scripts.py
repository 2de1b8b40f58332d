"""The set-up helpers: finding a Python, taking texts out of templates, judging and compiling translations."""

import gettext
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages.catalog import Catalog

ROOT = Path(__file__).resolve().parents[2]


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


check = load("check_translations")


def texts(template: str, tmp_path: Path) -> list:
    file = tmp_path / "page.html"
    file.write_text(template)
    return [(line, text, context) for line, text, _comments, context in check.texts_of(file)]


def test_texts_of_a_template_keep_their_lines(tmp_path):
    template = """{% load i18n %}<p>don't
            stumble over "quotes
    <c-button label="{% translate "Save" %}">
  {% if x == _("Active") %}{{ _("In a variable")|upper }}{% endif %}
{% translate "May" context "month" %}
"""
    assert texts(template, tmp_path) == [
        (3, "Save", None),
        (4, "Active", None),
        (4, "In a variable", None),
        (5, "May", "month"),
    ]


def test_plural_blocks_and_per_cent_signs_become_what_django_looks_up(tmp_path):
    template = """{% blocktranslate count n=n trimmed %}
        one {{ n }} of 100%
    {% plural %}
        many {{ n }} of 100%
    {% endblocktranslate %}"""
    [(_line, text, _context)] = texts(template, tmp_path)
    assert text == ("one %(n)s of 100%%", "many %(n)s of 100%%")


def catalog(*rows: tuple) -> Catalog:
    made = Catalog(locale="zh_Hans")
    for text, translation, *flags in rows:
        made.add(text, translation, flags=flags, locations=[("org/models.py", 0)])
    return made


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (("Save %(name)s", ""), "empty"),
        (("Save %(name)s", "保存 %(name)s", "fuzzy"), "fuzzy"),
        (("Save %(name)s", "保存"), "placeholders differ"),
        (("Save %(name)s", "保存 %(title)s"), "placeholders differ"),
        ((("Save %(name)s", "Save them"), ("保存 %(name)s",)), "plural differs"),
    ],
)
def test_unsound_translations_are_named(row, fault):
    assert [told.split(":")[0] for told in check.find_faults(catalog(("Save %(name)s", "")), catalog(row))] == [fault]


def test_missing_and_unused_texts_are_named():
    used, translated = catalog(("Save", "")), catalog(("Delete", "删除"))
    assert list(check.find_faults(used, translated)) == ["missing: 'Save' (org/models.py)", "not in use: 'Delete'"]


def test_sound_translations_pass():
    used = catalog(("A up to, % of contribution", ""), (("%(n)s client", "%(n)s clients"), ""))
    done = catalog(
        ("A up to, % of contribution", "A 类上限,占贡献的 %"), (("%(n)s client", "%(n)s clients"), ("%(n)s 位",))
    )
    assert list(check.find_faults(used, done)) == []


def test_merging_keeps_translations_drops_unused_ones_and_is_stable(tmp_path, monkeypatch):
    monkeypatch.setattr(check, "ROOT", tmp_path)
    monkeypatch.setattr(check, "TARGET", tmp_path / "django.po")
    used = catalog(("Save", ""), ("A up to, % of contribution", ""))
    check.merge(catalog(("Save", "保存"), ("Delete", "删除")), used)
    first = check.TARGET.read_text()
    merged = check.read_translations()
    assert merged.get("Save").string == "保存"
    assert merged.get("Delete") is None
    assert "python-format" not in first

    check.merge(merged, used)
    assert check.TARGET.read_text() == first


@pytest.fixture
def locale(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "locale" / "zh_Hans" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    return folder


def compile_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    module = load("compile_messages")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module.main()


def test_compiled_messages_are_read_and_only_made_when_needed(tmp_path, locale, monkeypatch, capsys):
    (locale / "django.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "Save"\nmsgstr "保存"\n'
    )
    assert compile_in(tmp_path, monkeypatch) == 0
    with (locale / "django.mo").open("rb") as file:
        assert gettext.GNUTranslations(file).gettext("Save") == "保存"
    assert "compiled" in capsys.readouterr().out
    assert compile_in(tmp_path, monkeypatch) == 0
    assert capsys.readouterr().out == ""


def test_fuzzy_translations_are_not_compiled(tmp_path, locale, monkeypatch, capsys):
    (locale / "django.po").write_text('msgid ""\nmsgstr ""\n\n#, fuzzy\nmsgid "Save"\nmsgstr "保存"\n')
    assert compile_in(tmp_path, monkeypatch) == 1
    assert "'Save' is fuzzy" in capsys.readouterr().err
    assert not (locale / "django.mo").exists()


def find_python(path: Path, **variables: str) -> subprocess.CompletedProcess:
    command = ["/bin/sh", str(ROOT / "scripts" / "find_python.sh")]
    return subprocess.run(command, env={"PATH": str(path), **variables}, capture_output=True, text=True, check=False)


def fake(folder: Path, name: str, body: str) -> Path:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return program


def test_an_old_python_is_passed_over(tmp_path):
    fake(tmp_path, "python3", "exit 1")
    good = tmp_path / "python3.12"
    good.symlink_to(sys.executable)
    assert find_python(tmp_path).stdout == f"{good}\n"


def test_a_named_python_is_the_only_candidate(tmp_path):
    (tmp_path / "python3").symlink_to(sys.executable)
    old = fake(tmp_path, "old", "exit 1")
    refused = find_python(tmp_path, PYTHON=str(old))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("crm: no Python 3.11 or newer found")


def test_no_python_ends_in_one_line(tmp_path):
    refused = find_python(tmp_path)
    assert refused.returncode == 1
    assert (
        refused.stderr
        == "crm: no Python 3.11 or newer found; install one, or name it: make PYTHON=/path/to/python3.11\n"
    )


@pytest.mark.parametrize("with_uv", [False, True])
def test_a_python_without_pip_needs_uv(tmp_path, with_uv):
    bare = fake(tmp_path, "python3", f'case "$*" in *ensurepip*|*pip*) exit 1;; *) exec {sys.executable} "$@";; esac')
    if with_uv:
        fake(tmp_path, "uv", "exit 0")
    found = find_python(tmp_path)
    if with_uv:
        assert found.stdout == f"{bare}\n"
    else:
        assert "lacks the modules venv and pip" in found.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_help_lists_the_commands_of_the_contract():
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in ("run", "test", "bench", "check", "stop"):
        assert f"  make {name} " in shown


def test_every_environment_variable_is_explained():
    sources = ("crm/settings.py", "crm/supervisor/config.py", "deploy/gunicorn.conf.py")
    pattern = re.compile(r'(?:read\("\w+", |environ(?:ment)?\.get\()"([A-Z_]+)"')
    named = {name for source in sources for name in pattern.findall((ROOT / source).read_text())}
    assert {"SECRET_KEY", "PORT", "WEB_THREADS"} <= named
    explained = (ROOT / "docs" / "operation.md").read_text()
    assert [name for name in sorted(named) if f"`{name}`" not in explained] == []
