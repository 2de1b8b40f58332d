"""Pages of the measures: nine cells (S3), score (S4), RFM (S5), four kinds (S6), migration (S12)."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from crm import replica
from crm.clock import today
from crm.partitions import month_start
from measures import past
from measures.models import ClientMeasures, Kind, Manner, RfmGroup, Size
from measures.reading import SCHEMES, Scheme, by, flows, histogram, kept_days, measured, names_of, newest_run, recut
from measures.rules import moved_inputs
from measures.words import INPUTS, QUINTILES, STANCES, group_advice
from org.models import Branch
from org.templatetags.fmt import day as day_text
from org.views import page
from segmentation.pareto import Selection, select
from segmentation.views import managers_of


def _selection(request: HttpRequest) -> Selection:
    return select(request.user, request.GET.get("branch", ""), request.GET.get("manager", ""))


def _context(request: HttpRequest, selection: Selection, **more: Any) -> dict[str, Any]:
    return {
        "selection": selection,
        "branches": Branch.objects.visible_to(request.user).order_by("branch_no"),
        "managers": managers_of(request.user, selection),
        "run": newest_run(),
        **more,
    }


def _lists(selection: Selection) -> Callable[..., str]:
    """Makes the addresses of lists within a selection; the branches below it are asked for once."""
    wanted, start = selection.list_query(), reverse("clients:list")
    return lambda **more: f"{start}?{urlencode({**wanted, **more}, doseq=True)}"


def _past_or_file(request: HttpRequest, selection: Selection, scheme: Scheme, heading: str) -> HttpResponse | None:
    """The page of a past day, or the table as a file; None where the page of the newest night is asked for."""
    day, run = past.day_asked(request), newest_run()
    if run is not None and request.GET.get("format"):
        return past.as_file(request, selection, scheme, day, run.business_date)
    if day is None:
        return None
    context = _context(request, selection, scheme=scheme, heading=heading, on=day, **_kept(selection, day))
    context["lines"] = past.lines_on(request.user, selection, scheme, day)
    return render(request, "measures/past.html", context)


def _kept(selection: Selection, day: date | None = None) -> dict[str, Any]:
    """What the field of the day and the links to the files need."""
    first, newest = kept_days() or (None, None)
    query = {**selection.query, **({"on": day} if day else {})}
    return {"first": first, "newest": newest, "file_query": urlencode(query)}


#: Which two of the quintiles the heat table may show.
AXES = ("rf", "rm", "fm")

_NOTHING = {"clients": 0, "assets": 0, "monetary": 0}


@page("pareto.view")
@require_GET
@replica.reads
def cells(request: HttpRequest) -> HttpResponse:
    """Size × manner, with what moved since the end of last month."""
    selection = _selection(request)
    if (other := _past_or_file(request, selection, SCHEMES["cell"], _("Size and manner: nine cells"))) is not None:
        return other
    list_url = _lists(selection)
    found = by(measured(request.user, selection), "cell")
    run = newest_run()
    moves = _moves_since(request, selection, SCHEMES["cell"], run.business_date) if run else {}
    rows = [
        (
            Size(size).label,
            [
                {
                    **(found.get(f"{size}{manner}") or _NOTHING),
                    "moved": moves.get(f"{size}{manner}", 0),
                    "url": list_url(nine_cell=f"{size}{manner}"),
                }
                for manner in Manner.values
            ],
        )
        for size in Size.values
    ]
    return render(
        request,
        "measures/cells.html",
        _context(request, selection, rows=rows, manners=[m.label for m in Manner], **_kept(selection)),
    )


def _moves_since(request: HttpRequest, selection: Selection, scheme: Scheme, day: date) -> dict[str, int]:
    """Net change of each key since the end of the month before."""
    net: dict[str, int] = {}
    for (before, after), count in flows(
        request.user, selection, scheme, month_start(day) - timedelta(days=1), day
    ).items():
        if before != after and before != "-":
            net[before] = net.get(before, 0) - count
            net[after] = net.get(after, 0) + count
    return net


@page("pareto.view")
@require_GET
@replica.reads
def rfm(request: HttpRequest) -> HttpResponse:
    """Two of recency, frequency and contribution as a heat table, the third at a level or all; and the named groups."""
    selection = _selection(request)
    if (
        other := _past_or_file(request, selection, SCHEMES["rfm_group"], _("Recency, frequency, contribution"))
    ) is not None:
        return other
    list_url = _lists(selection)
    rows = measured(request.user, selection)
    axes = _heat_axes(request)
    groups = by(rows, "rfm_group")
    named = [
        {
            **(groups.get(key) or _NOTHING),
            "name": label,
            "advice": group_advice(key),
            "url": list_url(rfm_group=key),
        }
        for key, label in RfmGroup.choices
    ]
    context = _context(
        request,
        selection,
        heat=_heat(rows, list_url, **axes),
        groups=named,
        level=axes["level"],
        axes=axes["down"] + axes["across"],
        **_kept(selection),
        choices=[(both, " × ".join(str(QUINTILES[letter]) for letter in both)) for both in AXES],
        **{name: QUINTILES[axes[name]] for name in ("down", "across", "third")},
    )
    return render(request, "measures/rfm.html", context)


def _heat_axes(request: HttpRequest) -> dict[str, Any]:
    """What stands down and across, and the level 1–5 of what is left out (0: all). Raises Http404 for anything else."""
    chosen, level = request.GET.get("axes") or AXES[0], request.GET.get("third") or "0"
    if chosen not in AXES or level not in {"0", "1", "2", "3", "4", "5"}:
        raise Http404
    third = next(letter for letter in QUINTILES if letter not in chosen)
    return {"down": chosen[0], "across": chosen[1], "third": third, "level": int(level)}


def _heat(
    rows: QuerySet[ClientMeasures], list_url: Callable[..., str], *, down: str, across: str, third: str, level: int
) -> list[tuple[int, list[dict[str, Any]]]]:
    """Five rows, the highest first, of five cells with their shade (0–5): one query."""
    fixed = {f"rfm_{third}": level} if level else {}
    rows = rows.filter(r__isnull=False, **({third: level} if level else {}))
    grid = by(rows, down, across)
    most = max((cell["clients"] for cell in grid.values()), default=0)

    def cell(one: int, other: int) -> dict[str, Any]:
        found = grid.get((one, other)) or _NOTHING
        return {
            **found,
            "heat": round(5 * found["clients"] / most) if most else 0,
            "url": list_url(**{f"rfm_{down}": one, f"rfm_{across}": other}, **fixed),
        }

    return [(one, [cell(one, other) for other in range(1, 6)]) for one in range(5, 0, -1)]


@page("pareto.view")
@require_GET
@replica.reads
def kinds(request: HttpRequest) -> HttpResponse:
    """The four kinds and the stance towards each."""
    selection = _selection(request)
    if (other := _past_or_file(request, selection, SCHEMES["kind"], _("Four kinds of clients"))) is not None:
        return other
    list_url = _lists(selection)
    found = by(measured(request.user, selection), "kind")
    rows = [
        {
            **(found.get(key) or _NOTHING),
            "name": label,
            "stance": STANCES[Kind(key)],
            "url": list_url(kind=key),
        }
        for key, label in Kind.choices
    ]
    return render(request, "measures/kinds.html", _context(request, selection, rows=rows, **_kept(selection)))


@page("pareto.view")
@require_GET
@replica.reads
def score(request: HttpRequest) -> HttpResponse:
    """How the high-value scores are spread, and the best clients."""
    selection = _selection(request)
    list_url = _lists(selection)
    rows = measured(request.user, selection)
    context = _context(
        request,
        selection,
        bands=[
            (f"{low}–{high}", count, list_url(score_from=low, score_to=high)) for low, high, count in histogram(rows)
        ],
        data_url=f"{reverse('measures:score-data')}?{urlencode(selection.query)}",
        best_url=list_url(score_from=0, sort="-score"),
    )
    return render(request, "measures/score.html", context)


@page("pareto.view")
@require_GET
@replica.reads
def score_data(request: HttpRequest) -> JsonResponse:
    selection = _selection(request)
    list_url = _lists(selection)
    found = histogram(measured(request.user, selection))
    return JsonResponse(
        {
            "labels": [f"{low}–{high}" for low, high, _count in found],
            "series": [{"name": _("Clients"), "values": [count for _low, _high, count in found]}],
            "urls": [list_url(score_from=low, score_to=high) for low, high, _count in found],
            "names": {"label": _("High-value score")},
        }
    )


# --- Migration ---------------------------------------------------------------------------------------------------------


def _day(request: HttpRequest, name: str, default: date) -> date:
    try:
        return date.fromisoformat(request.GET.get(name) or default.isoformat())
    except ValueError as error:
        raise Http404 from error


def _asked(request: HttpRequest) -> tuple[Selection, Scheme, date, date]:
    run = newest_run()
    newest = run.business_date if run else today()
    end = _day(request, "to", newest)
    start = _day(request, "from", month_start(end) - timedelta(days=1))
    if start > end:
        start, end = end, start
    if end > newest:
        messages.warning(
            request, _("Nothing is known yet after %(day)s; shown up to that day.") % {"day": day_text(newest)}
        )
        start, end = min(start, newest), newest
    scheme = SCHEMES.get(request.GET.get("scheme") or "tier")
    if scheme is None:
        raise Http404
    return _selection(request), scheme, start, end


def _streams(request: HttpRequest) -> tuple[Selection, Scheme, date, date, list[dict[str, Any]]]:
    selection, scheme, start, end = _asked(request)
    list_url = _lists(selection)
    names, found = names_of(scheme), flows(request.user, selection, scheme, start, end)
    order = {key: number for number, key in enumerate(names)}
    streams = [
        {
            "before": names.get(before, before),
            "after": names.get(after, after),
            "same": before == after,
            "reasons": ", ".join(str(INPUTS[name]) for name in moved_inputs(scheme.key, before, after)),
            "clients": count,
            "url": list_url(move=f"{scheme.key}:{start}:{end}:{before}:{after}"),
        }
        for (before, after), count in sorted(
            found.items(), key=lambda i: (order.get(i[0][0], 99), order.get(i[0][1], 99))
        )
    ]
    return selection, scheme, start, end, streams


@page("pareto.view")
@require_GET
@replica.reads
def migration(request: HttpRequest) -> HttpResponse:
    """Who went from where to where between two dates; each stream opens its clients."""
    selection, scheme, start, end, streams = _streams(request)
    query = {**selection.query, "scheme": scheme.key, "from": start, "to": end}
    context = _context(
        request,
        selection,
        scheme=scheme,
        schemes=SCHEMES.values(),
        start=start,
        end=end,
        streams=streams,
        moved=sum(stream["clients"] for stream in streams if not stream["same"]),
        all=sum(stream["clients"] for stream in streams),
        recut=recut(start, end),
        data_url=f"{reverse('measures:migration-data')}?{urlencode(query)}",
    )
    return render(request, "measures/migration.html", context)


@page("pareto.view")
@require_GET
@replica.reads
def migration_data(request: HttpRequest) -> JsonResponse:
    """The streams of the chart."""
    _selection, scheme, start, end, streams = _streams(request)
    return JsonResponse(
        {
            "streams": streams,
            "names": {"before": f"{start}", "after": f"{end}", "clients": _("Clients"), "label": str(scheme.label)},
        }
    )
