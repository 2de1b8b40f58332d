"""Pages of own segments (S11): the list, the builder with its live count, sharing, freezing."""

import json
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from clients import fields
from clients.errors import Conflict
from crm.clock import today
from org.rights import may
from org.templatetags.fmt import thousands
from org.views import page
from segments import rules, services
from segments.models import Segment


@page("segments.view")
@require_GET
def segment_list(request: HttpRequest) -> HttpResponse:
    """Own segments and those shared with the viewer; each opens its clients."""
    with fields.held():
        rows = _rows(request)
    return render(request, "segments/list.html", {"rows": rows, "may_edit": may(request.user, "segments.edit")})


def _rows(request: HttpRequest) -> list[dict[str, Any]]:
    rows = []
    for segment in Segment.objects.visible_to(request.user).select_related("owner__staff").order_by("name", "pk")[:200]:
        rows.append(
            {"segment": segment, "words": rules.words(segment.rule), "own": segment.owner_id == request.user.pk}
        )
    return rows


def _read(request: HttpRequest) -> Any:
    try:
        return json.loads(request.POST.get("rule", ""))
    except ValueError as error:
        raise rules.Broken(_("The rule is not understood.")) from error


@page("segments.edit")
@require_POST
def count(request: HttpRequest) -> JsonResponse:
    """How many of the viewer's clients a rule finds, and what it means."""
    try:
        rule = _read(request)
        found = services.count_of(rule, request.user)
    except rules.Broken as error:
        return JsonResponse({"text": " ".join(error.messages), "path": error.path, "count": None})
    if found is None:
        text = _("Counting takes long here; the list still works.")
    else:
        text = _("%(n)s clients: %(rule)s") % {"n": thousands(found), "rule": rules.words(rule)}
    return JsonResponse({"text": text, "path": None, "count": found})


@page("segments.edit")
def new(request: HttpRequest) -> HttpResponse:
    """Build a segment; `from` names one to copy."""
    start = None
    if request.GET.get("from", "").isdigit():
        start = get_object_or_404(Segment.objects.visible_to(request.user), pk=int(request.GET["from"]))
    return _builder(request, None, start)


@page("segments.view", post="segments.edit")
def segment(request: HttpRequest, segment_id: int) -> HttpResponse:
    """A segment: change one's own, look at a shared one."""
    found = get_object_or_404(Segment.objects.visible_to(request.user), pk=segment_id)
    return _builder(request, found, found)


def _builder(request: HttpRequest, found: Segment | None, start: Segment | None) -> HttpResponse:
    own = found is None or found.owner_id == request.user.pk
    context: dict[str, Any] = {
        "segment": found,
        "own": own and may(request.user, "segments.edit"),
        "shares": Segment.Shared.choices if may(request.user, "segments.share") else [],
        "name": found.name if found else "",
        "note": start.note if start else "",
        "shared": found.shared if found else Segment.Shared.OWN,
        "version": found.version if found else 0,
        "rule": json.dumps(start.rule, ensure_ascii=False) if start else "",
        "fields": _fields(request),
        "problem": "",
        "list_url": f"{reverse('clients:list')}?segment={found.pk}" if found else "",
        "words": rules.words(found.rule) if found else "",
    }
    if found is not None and found.kind == Segment.Kind.LIVE:
        try:
            rules.compile_rule(found.rule, user=request.user, today=today())
        except rules.Broken as error:
            context["problem"] = " ".join(error.messages)
    status = 200
    if request.method == "POST":
        status = 422
        values = {name: request.POST.get(name, "")[:200] for name in ("name", "note", "shared")}
        context |= values | {"rule": request.POST.get("rule", "")}
        try:
            if values["shared"] not in ("", *Segment.Shared.values):
                raise ValidationError(_("Choose with whom to share."))
            version = int(request.POST.get("version") or 0)
            saved = services.save(
                values | {"name": values["name"][:60]},
                _read(request),
                user=request.user,
                segment_id=found.pk if found else None,
                version=version,
            )
        except Conflict:
            status = 409
            context["problem"] = _(
                "Somebody else saved this segment in the meantime. Yours is kept; save again to replace it."
            )
            context["version"] = Segment.objects.get(pk=found.pk).version if found else 0
        except Segment.DoesNotExist as error:
            raise PermissionDenied from error
        except (ValidationError, ValueError) as error:
            context["problem"] = " ".join(getattr(error, "messages", [_("The rule is not understood.")]))
        else:
            messages.success(request, _("The segment is saved."))
            return redirect("segments:segment", saved.pk)
    return render(request, "segments/builder.html", context, status=status)


def _fields(request: HttpRequest) -> dict[str, Any]:
    """What the builder offers, in the reader's language."""
    return {
        "fields": [
            {
                "key": field.key,
                "label": str(field.label),
                "group": str(field.group),
                "kind": field.kind,
                "choices": [[str(key), str(label)] for key, label in field.choices],
            }
            for field in rules.offered(request.user)
        ],
        # A condition on a field that is gone keeps its name, so that one sees what to take out.
        "gone": {field.key: str(field.label) for field in fields.all_fields() if field.gone},
        "ops": {kind: {op: str(label) for op, label in ops.items()} for kind, ops in rules.OPS.items()},
        "words": {
            "how": {"all": _("All of these hold"), "any": _("One of these holds"), "none": _("None of these holds")},
            "field": _("Field"),
            "question": _("Question"),
            "group": _("Group of conditions"),
            "day": _("Day"),
            "yuan": _("yuan"),
            "add": _("Add a condition"),
            "add_group": _("Add a group"),
            "remove": _("Remove"),
            "remove_group": _("Remove the group"),
            "failed": _("The clients could not be counted. Check the connection."),
        },
    }


def _own(request: HttpRequest, segment_id: int) -> Segment:
    return get_object_or_404(Segment, pk=segment_id, owner=request.user)


def _seen(request: HttpRequest) -> int:
    """The version that the form was made from; 0, which none has, for anything else."""
    sent = request.POST.get("version", "")
    return int(sent) if sent.isdecimal() and len(sent) < 10 else 0


_CHANGED = gettext_lazy("The segment was saved in the meantime. Look at it and try again.")


@page("segments.edit")
@require_POST
def freeze(request: HttpRequest, segment_id: int) -> HttpResponse:
    """Keep today's clients."""
    _own(request, segment_id)
    try:
        services.freeze(segment_id, user=request.user, version=_seen(request))
        messages.success(request, _("The segment keeps the clients of today."))
    except Conflict:
        messages.error(request, _CHANGED)
    except services.TooSlow:
        messages.error(request, _("Finding the clients takes too long here. Narrow the rule and try again."))
    except rules.Broken as error:
        messages.error(request, " ".join(error.messages))
    return redirect("segments:segment", segment_id)


@page("segments.edit")
@require_POST
def delete(request: HttpRequest, segment_id: int) -> HttpResponse:
    _own(request, segment_id)
    try:
        services.delete(segment_id, user=request.user, version=_seen(request))
    except Conflict:
        messages.error(request, _CHANGED)
        return redirect("segments:segment", segment_id)
    messages.success(request, _("The segment is deleted."))
    return redirect("segments:list")
