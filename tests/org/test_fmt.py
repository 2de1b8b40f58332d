"""How figures, dates and texts look on pages."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.utils import translation

from org.templatetags import fmt

THIN = fmt.NARROW
YUAN = 10_000


@pytest.mark.parametrize(
    ("units", "chinese", "english"),
    [
        (0, "0.00", "0.00"),
        (1, "0.00", "0.00"),
        (-1, "0.00", "0.00"),
        (50, "0.01", "0.01"),
        (9_999_99 * 100, "9,999.99", "9,999.99"),
        (9_999_999 * 10 + 9, f"1.00{THIN}万", f"10.00{THIN}K"),
        (12_345 * YUAN, f"1.23{THIN}万", f"12.35{THIN}K"),
        (1_234_567 * YUAN, f"123.46{THIN}万", f"1.23{THIN}M"),
        (-1_234_567 * YUAN, f"−123.46{THIN}万", f"−1.23{THIN}M"),
        (123_456_789 * YUAN, f"1.23{THIN}亿", f"123.46{THIN}M"),
        (9_876_543_210 * YUAN, f"98.77{THIN}亿", f"9.88{THIN}bn"),
    ],
)
def test_money_steps_by_language(units, chinese, english):
    with translation.override("zh-hans"):
        assert f">{chinese}<" in fmt.money(units)
    with translation.override("en"):
        assert f">{english}<" in fmt.money(units)


def test_money_in_sentences_carries_its_unit():
    with translation.override("zh-hans"):
        assert fmt.money_text(4_913 * YUAN).endswith("4,913.00\u202f元")
        assert fmt.money_text(-1_234_567 * YUAN) == f"−123.46{THIN}万元"
    with translation.override("en"):
        assert fmt.money_text(1_234_567 * YUAN) == f"1.23{THIN}M{THIN}yuan"


def test_lists_take_the_comma_of_the_language():
    with translation.override("zh-hans"):
        assert fmt.listed(["手机", "地址"]) == "手机、地址"
    with translation.override("en"):
        assert fmt.listed(["Mobile", "Address"]) == "Mobile, Address"


def test_money_shows_the_exact_amount_on_hover():
    with translation.override("en"):
        assert 'title="1,234,567.89 yuan"' in fmt.money(12_345_678_900)


@pytest.mark.parametrize(
    "show", [fmt.money_text, fmt.money, fmt.yuan, fmt.change, fmt.percent, fmt.thousands, fmt.seconds]
)
def test_nothing_is_a_dash_and_zero_is_a_figure(show):
    assert show(None) == "–"
    assert show("") == "–"
    assert show(0) != "–"


@pytest.mark.parametrize(
    ("units", "look", "sign"), [(YUAN, "crm-rise", "+1.00"), (-YUAN, "crm-fall", "−1.00"), (0, "crm-flat", "0.00")]
)
def test_change_tells_by_sign_arrow_and_class(units, look, sign):
    shown = fmt.change(units)
    assert look in shown
    assert sign in shown


@pytest.mark.parametrize(
    ("share", "places", "shown"),
    [
        (0.1234, 2, "12.34%"),
        (Decimal("0.55"), 0, "55%"),
        (1, 2, "100.00%"),
        (-0.005, 1, "−0.5%"),
        (Decimal("0.123456"), 2, "12.35%"),
    ],
)
def test_percent(share, places, shown):
    assert fmt.percent(share, places) == shown


@pytest.mark.parametrize(
    ("duration", "shown"), [(0, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3725, "1 h 02 min")]
)
def test_duration(duration, shown):
    with translation.override("en"):
        assert fmt.seconds(duration) == shown


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 B"), (1023, "1,023 B"), (1536, "1.5 KB"), (5 * 1024**4, "5,120.0 GB")]
)
def test_size(count, shown):
    assert fmt.size(count).replace(THIN, " ") == shown


def test_dates_follow_the_language_where_they_are_words():
    on = date(2026, 11, 23)
    assert fmt.day(on) == "2026-11-23"
    with translation.override("zh-hans"):
        assert (fmt.day_words(on), fmt.month(on)) == ("11月23日 周一", "2026年11月")
    with translation.override("en"):
        assert (fmt.day_words(on), fmt.month(on)) == ("Mon 23 Nov", "Nov 2026")


def test_moments_are_in_the_time_of_the_firm():
    late = datetime(2026, 11, 23, 17, 5, tzinfo=UTC)
    assert fmt.day(late) == "2026-11-24"
    assert ">2026-11-24 01:05<" in fmt.moment(late)
    assert fmt.clock(late) == "01:05:00"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("13812345678", "138****5678"),
        ("11010119900307002X", "1101**********002X"),
        ("zhang@example.com", "z***@example.com"),
        ("张三", "张*"),
        ("", "–"),
    ],
)
def test_masked(text, shown):
    assert fmt.masked(text) == shown


def test_watermark_cannot_break_out_of_its_tile():
    tile = fmt.watermark('"><script>)')
    assert tile.startswith("url(data:image/svg+xml;base64,")
    assert set(tile) & set("\"'<> ") == set()


def test_undo_address_is_read_from_the_message():
    class Message:
        extra_tags = "quiet undo=/intake/7/undo/"

    assert fmt.undo_url(Message()) == "/intake/7/undo/"
    Message.extra_tags = None
    assert fmt.undo_url(Message()) == ""
