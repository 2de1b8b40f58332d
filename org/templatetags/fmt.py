"""How figures, dates and texts look on pages, in both languages. Exports and the API never use these."""

import base64
from collections.abc import Iterable
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

from django import template
from django.forms import BoundField
from django.forms import widgets as kinds
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext, pgettext
from django.utils.translation import gettext_lazy as _

from org.masking import mask_email, mask_id, mask_mobile, mask_name

register = template.Library()

#: Shown where there is no figure; a zero is a figure.
NOTHING = "–"
NARROW = "\u202f"
MINUS = "\u2212"
#: Steps of large amounts: from this many 分 on, in this many 元, with this unit.
_STEPS_ZH = ((10**10, 10**8, "亿"), (10**6, 10**4, "万"))
_STEPS_EN = ((10**11, 10**9, "bn"), (10**8, 10**6, "M"), (10**6, 10**3, "K"))
_WEEKDAYS_ZH = "一二三四五六日"
_MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def _chinese() -> bool:
    return (get_language() or "zh").startswith("zh")


def _grouped(value: Decimal, places: int) -> str:
    """Thousands separators, fixed decimals, half up, a true minus sign; never a negative zero."""
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    text = f"{abs(rounded):,.{places}f}"
    return f"{MINUS}{text}" if rounded < 0 else text


# --- Icons -------------------------------------------------------------------------------------------------------


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """As <c-icon>, for the frame and for lists, where a component for each icon would cost more than the query."""
    names = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    return mark_safe(f'<svg class="icon" {names}><use href="{icon_sheet()}#{escape(name)}"></use></svg>')  # noqa: S308


@cache
def icon_sheet() -> str:
    """Address of the icons; the same as long as the process lives."""
    return static("vendor/icons.svg")


# --- Money -------------------------------------------------------------------------------------------------------


def _fen(units: int) -> int:
    """Whole 分 of an amount in 1/10,000 元, half up. Integers: lists show hundreds of amounts."""
    fen = (abs(int(units)) + 50) // 100
    return -fen if units < 0 else fen


def _hundredths(number: int) -> str:
    """123456 → 1,234.56."""
    text = f"{abs(number) // 100:,}.{abs(number) % 100:02d}"
    return f"{MINUS}{text}" if number < 0 else text


@cache
def _yuan_in(language: str | None) -> str:
    """The unit of money in a language, as HTML; the words stay what they are as long as the process lives."""
    return escape(pgettext("unit of money", "yuan"))


def _short(units: int) -> str:
    fen = _fen(units)
    for start, divisor, unit in _STEPS_ZH if _chinese() else _STEPS_EN:
        if abs(fen) >= start:
            rounded = (abs(fen) + divisor // 2) // divisor
            return f"{_hundredths(-rounded if fen < 0 else rounded)}{NARROW}{unit}"
    return _hundredths(fen)


@register.filter
def money_text(units: int | None) -> str:
    """Amount in 1/10,000 元 as short text for sentences: 9,876.54 元, 123.46 万元, 1.23 亿元; in English K, M, bn."""
    if units is None or units == "":
        return NOTHING
    joint = "" if _chinese() and abs(units) >= 10**8 else NARROW
    return f"{_short(units)}{joint}{pgettext('unit of money', 'yuan')}"


@register.filter
def yuan(units: int | None) -> str:
    """Amount in 1/10,000 元, exact to 0.01 元, without a unit: 1,234,567.89."""
    return NOTHING if units is None or units == "" else _hundredths(_fen(units))


@register.filter
def money(units: int | None) -> str:
    """Amount in 1/10,000 元 for tables and figures: short, without 元, the exact amount on hover."""
    if units is None or units == "":
        return NOTHING
    # Lists show hundreds of these: put together by hand, of digits and one word of ours.
    exact, unit = _hundredths(_fen(units)), _yuan_in(get_language())
    return mark_safe(f'<span class="crm-money" title="{exact} {unit}">{_short(units)}</span>')  # noqa: S308


@register.filter
def change(units: int | None) -> str:
    """A rise or fall in 1/10,000 元: sign, arrow and colour; the colours follow the viewer's setting."""
    if units is None or units == "":
        return NOTHING
    if units == 0:
        return mark_safe('<span class="crm-flat">0.00</span>')
    up = units > 0
    return format_html(
        '<span class="{}" title="{} {}"><span aria-hidden="true">{}</span> {}{}</span>',
        "crm-rise" if up else "crm-fall",
        yuan(units),
        pgettext("unit of money", "yuan"),
        "▲" if up else "▼",
        "+" if up else "",
        _short(units),
    )


# --- Numbers -----------------------------------------------------------------------------------------------------


@register.filter
def percent(share: Decimal | float | None, places: int = 2) -> str:
    """A share as per cent: 0.1234 → 12.34%."""
    if share is None or share == "":
        return NOTHING
    return f"{_grouped(Decimal(str(share)) * 100, int(places))}%"


@register.filter
def thousands(number: int | float | Decimal | None, places: int = 0) -> str:
    """A count with thousands separators."""
    return NOTHING if number is None or number == "" else _grouped(Decimal(str(number)), int(places))


@register.filter
def seconds(duration: float | None) -> str:
    """A duration in seconds as 0.4 s, 12 s, 3 min 05 s, 2 h 10 min."""
    if duration is None or duration == "":
        return NOTHING
    if duration < 10:
        return gettext("%(n)s s") % {"n": f"{duration:.1f}"}
    whole = int(duration + 0.5)
    if whole < 60:
        return gettext("%(n)s s") % {"n": whole}
    if whole < 3600:
        return gettext("%(m)s min %(s)s s") % {"m": whole // 60, "s": f"{whole % 60:02d}"}
    return gettext("%(h)s h %(m)s min") % {"h": whole // 3600, "m": f"{whole % 3600 // 60:02d}"}


@register.filter
def size(count: int | None) -> str:
    """A number of bytes as B, KB, MB, GB (powers of 1024)."""
    if count is None or count == "":
        return NOTHING
    value, units = float(count), ["B", "KB", "MB", "GB"]
    while value >= 1024 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{value:,.0f}{NARROW}B" if units[0] == "B" else f"{value:,.1f}{NARROW}{units[0]}"


@register.filter
def listed(items: Iterable[object]) -> str:
    """Items one after the other: 手机、地址; Mobile, Address."""
    return ("、" if _chinese() else ", ").join(str(item) for item in items)


# --- Dates -------------------------------------------------------------------------------------------------------


def _as_date(value: date | datetime) -> date:
    if isinstance(value, datetime):
        return timezone.localtime(value).date() if timezone.is_aware(value) else value.date()
    return value


@register.filter
def day(value: date | datetime | None) -> str:
    """A date in tables: 2026-11-23, the same in both languages."""
    return NOTHING if not value else _as_date(value).isoformat()


@register.filter
def day_words(value: date | datetime | None) -> str:
    """A date in running text: 11月23日 周一, Mon 23 Nov."""
    if not value:
        return NOTHING
    on = _as_date(value)
    if _chinese():
        return f"{on.month}月{on.day}日 周{_WEEKDAYS_ZH[on.weekday()]}"
    return f"{_WEEKDAYS_EN[on.weekday()]} {on.day} {_MONTHS_EN[on.month - 1]}"


@register.filter
def weekday(value: date) -> str:
    """Mon, or 周一."""
    on = _as_date(value)
    return f"周{_WEEKDAYS_ZH[on.weekday()]}" if _chinese() else _WEEKDAYS_EN[on.weekday()]


@register.filter
def km(metres: int | None) -> str:
    """Metres as kilometres: 1.2 km, 0.4 公里."""
    if metres is None:
        return NOTHING
    unit = "公里" if _chinese() else "km"
    return f"{metres / 1000:,.1f}{NARROW}{unit}"


@register.filter
def hours(minutes: int | None) -> str:
    """Minutes as hours and minutes: 3 h 20 min, 3 小时 20 分钟."""
    if not isinstance(minutes, int):
        return NOTHING
    whole, rest = divmod(int(minutes), 60)
    big, small = ("小时", "分钟") if _chinese() else ("h", "min")
    parts = [f"{whole:,}{NARROW}{big}"] if whole else []
    parts += [f"{rest}{NARROW}{small}"] if rest or not whole else []
    return " ".join(parts)


@register.filter
def month(value: date | None) -> str:
    """A month: 2026年11月, Nov 2026."""
    if not value:
        return NOTHING
    return f"{value.year}年{value.month}月" if _chinese() else f"{_MONTHS_EN[value.month - 1]} {value.year}"


@register.filter
def moment(value: datetime | None) -> str:
    """Date and minute in the firm's time: 2026-11-23 17:05; machine-readable in the element."""
    if not value:
        return NOTHING
    local = timezone.localtime(value) if timezone.is_aware(value) else value
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), f"{local:%Y-%m-%d %H:%M}")


@register.filter
def clock(value: datetime | None) -> str:
    """Time of day to the second in the firm's time: 17:05:09."""
    if not value:
        return NOTHING
    return f"{timezone.localtime(value) if timezone.is_aware(value) else value:%H:%M:%S}"


# --- Personal data -----------------------------------------------------------------------------------------------


@register.filter
def masked(text: str | None) -> str:
    """A text with its middle hidden: 138****5678, 1101**********002X, 张*. What may be shown is decided elsewhere."""
    if not text:
        return NOTHING
    text = str(text)
    if "@" in text:
        return mask_email(text)
    if len(text) >= 15:
        return mask_id(text)
    return mask_mobile(text) if text[-1:].isdigit() else mask_name(text)


@register.filter
def watermark(text: str) -> SafeString:
    """A tile with the text, faint and slanted, as the value of CSS `background-image`."""
    tile = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="340" height="190"><text x="170" y="100" text-anchor="middle" '
        'transform="rotate(-24 170 95)" font-family="system-ui,sans-serif" font-size="14" fill="#808a99" '
        f'fill-opacity=".14">{escape(text)}</text></svg>'
    )
    return mark_safe(f"url(data:image/svg+xml;base64,{base64.b64encode(tile.encode()).decode()})")  # noqa: S308


# --- Audit trail -------------------------------------------------------------------------------------------------

_OBJECT_KINDS = {
    "client": _("Client"),
    "intake": _("Intake batch"),
    "list": _("List"),
    "night": _("Night"),
    "policy": _("Ranking policy"),
    "ranking": _("Ranking run"),
    "draw": _("Draw of call-backs"),
    "staff": _("Staff"),
    "token": _("API token"),
    "webhook": _("Webhook"),
}


@register.filter
def object_kind(kind: str) -> str:
    """The kind of object an audit row is about; a kind without words stands as it is written."""
    return str(_OBJECT_KINDS.get(kind, kind))


# --- Forms -------------------------------------------------------------------------------------------------------


@register.filter
def control(field: BoundField) -> SafeString:
    """The field's input with the look of the kit; Django adds the links to help and errors."""
    widget = field.field.widget
    if isinstance(widget, kinds.RadioSelect | kinds.CheckboxSelectMultiple):
        for option in field.subwidgets:
            option.data["attrs"]["class"] = "form-check-input"
        return format_html_join(
            "",
            '<label class="form-check">{}<span class="form-check-label">{}</span></label>',
            ((option.tag(), option.choice_label) for option in field.subwidgets),
        )
    if isinstance(widget, kinds.CheckboxInput):
        look = "form-check-input"
    elif isinstance(widget, kinds.Select):
        look = "form-select"
    else:
        look = "form-control"
    given = widget.attrs.get("class", "")
    attrs: dict[str, str | bool] = {"class": f"{given} {look}{' is-invalid' if field.errors else ''}".strip()}
    if "placeholder" in widget.attrs and str(widget.attrs["placeholder"]) == str(field.label):
        attrs["placeholder"] = False  # says the label again
    return field.as_widget(attrs=attrs)


@register.filter
def is_tick(field: BoundField) -> bool:
    """Whether the field is a single check box, which carries its label behind it."""
    return isinstance(field.field.widget, kinds.CheckboxInput)


@register.filter
def undo_url(message) -> str:
    """Address that takes back what the message tells, given by `extra_tags="undo=/…"`."""
    for tag in (message.extra_tags or "").split():
        if tag.startswith("undo="):
            return tag.removeprefix("undo=")
    return ""
