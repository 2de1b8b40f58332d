"""Export of exactly what the list shows (C1, N4)."""

import csv
import io
import zipfile
from datetime import date
from decimal import Decimal

import pytest
from python_calamine import CalamineWorkbook

from org.listing.export import inert
from org.models import AuditEvent
from tests.factories import ClientFactory

pytestmark = pytest.mark.django_db
EXPORT = "/clients/export/"


def body(response):
    assert response.status_code == 200
    return b"".join(response.streaming_content)


def table(response):
    return list(csv.reader(io.StringIO(body(response).decode("utf-8-sig"))))


def test_csv_has_the_shown_columns_filter_and_order(manager, stranger, as_, rank):
    low = ClientFactory(manager=manager, name="王五", status="active")
    high = ClientFactory(manager=manager, name="张三", status="active")
    ClientFactory(manager=manager, status="dormant")
    ClientFactory(manager=stranger)
    rank(low, 10)
    rank(high, 99)
    response = as_(manager).get(EXPORT + "?format=csv&status=active&cols=contribution,client_no")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert table(response) == [
        ["Name", "Contribution", "Client number"],
        ["张三", "99.0000", high.client_no],
        ["王五", "10.0000", low.client_no],
    ]


def test_csv_begins_with_a_byte_order_mark(manager, as_):
    assert body(as_(manager).get(EXPORT + "?format=csv")).startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("name", ["=1+1", "+SUM(A1)", "-2", "@x", "\t=1"])
def test_no_cell_is_a_formula(name, manager, as_):
    ClientFactory(manager=manager, name=name)
    assert table(as_(manager).get(EXPORT + "?format=csv"))[1][0] == "'" + name
    assert inert(name) == "'" + name
    workbook = body(as_(manager).get(EXPORT + "?format=xlsx"))
    assert b"<f>" not in zipfile.ZipFile(io.BytesIO(workbook)).read("xl/worksheets/sheet1.xml")


def test_xlsx_has_typed_cells(manager, as_, rank):
    client = ClientFactory(manager=manager, name="张三", opened_on=date(2020, 1, 2), client_no="00123")
    rank(client, 12)
    made = body(as_(manager).get(EXPORT + "?format=xlsx&cols=client_no,contribution,opened_on"))
    rows = CalamineWorkbook.from_filelike(io.BytesIO(made)).get_sheet_by_index(0).to_python()
    assert rows == [
        ["Name", "Client number", "Contribution", "Opened on"],
        ["张三", "00123", 12.0, date(2020, 1, 2)],
    ]


def test_masked_as_on_the_page(manager, analyst, as_):
    ClientFactory(manager=manager, name="欧阳修远", mobile="13800135678")
    assert table(as_(analyst).get(EXPORT + "?format=csv&cols=mobile"))[1] == ["欧阳**", "138****5678"]
    assert table(as_(manager).get(EXPORT + "?format=csv&cols=mobile"))[1] == ["欧阳修远", "138****5678"]


def test_more_rows_than_allowed_are_refused_with_a_message(manager, as_, settings):
    settings.EXPORT_ROWS_MAX = 2
    for _ in range(3):
        ClientFactory(manager=manager)
    browser = as_(manager)
    response = browser.get(EXPORT + "?format=csv&status=active", follow=True)
    assert response.redirect_chain == [("/clients/?status=active", 302)]
    assert "more than 2 rows" in response.content.decode()
    assert not AuditEvent.objects.filter(action="list.export").exists()


def test_audited_with_count_and_without_what_was_typed(manager, as_):
    ClientFactory(manager=manager, name="张三")
    body(as_(manager).get(EXPORT + "?format=csv&status=active"))
    event = AuditEvent.objects.get(action="list.export")
    assert (event.user, event.object_no, event.detail["rows"]) == (manager.user, "clients", 1)
    assert event.detail["filters"] == ["status"]
    assert event.detail["format"] == "csv"


def test_selection_is_cut_to_the_scope(manager, stranger, as_):
    own, foreign = ClientFactory(manager=manager), ClientFactory(manager=stranger)
    ClientFactory(manager=manager)
    data = {"format": "csv", "query": "?cols=client_no", "pick": [own.client_no, foreign.client_no, "\x00", "nobody"]}
    assert [row[1] for row in table(as_(manager).post(EXPORT, data))[1:]] == [own.client_no]


def test_all_that_match_means_the_filter(manager, as_):
    ClientFactory(manager=manager, status="dormant")
    kept = ClientFactory(manager=manager)
    data = {"format": "csv", "query": "?cols=client_no&status=active", "all": "1"}
    assert [row[1] for row in table(as_(manager).post(EXPORT, data))[1:]] == [kept.client_no]


def test_who_may_not_export(admin, auditor, as_):
    assert as_(admin).get(EXPORT + "?format=csv").status_code == 403
    assert as_(auditor).get(EXPORT + "?format=csv").status_code == 403


def test_unknown_format_is_not_found(manager, as_):
    assert as_(manager).get(EXPORT + "?format=exe").status_code == 404


def test_money_leaves_exact(manager, as_, rank):
    standing = rank(ClientFactory(manager=manager), 0)
    standing.contribution = 123_456_789
    standing.save()
    assert Decimal(table(as_(manager).get(EXPORT + "?format=csv&cols=contribution"))[1][1]) == Decimal("12345.6789")
