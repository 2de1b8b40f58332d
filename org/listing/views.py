"""Views of a list: the page with its fragment, the export, the saved views."""

from dataclasses import replace
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext, ngettext

from org import audit
from org.listing.export import FORMATS, MAKERS
from org.listing.listing import Listing
from org.listing.saved import SHARES, SavedViewBase
from org.listing.state import DENSITIES, MAX_QUERY, read_columns, read_size
from org.rights import may
from org.views import ScopedPage

#: So many choices are ticked at a glance; more are a list to choose from.
FEW = 8
#: The element that sorting, paging and filtering replace.
FRAGMENT = "crm-list"


def wants_fragment(request: HttpRequest) -> bool:
    """Whether only the list's part is asked for; a restored history entry is a whole page."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Target", "").endswith(f"#{FRAGMENT}")


class ListPage(ScopedPage):
    """Page of a list. Subclasses set `listing`, `right`, and may set `template_name` (it extends components/list.html)."""

    listing: ClassVar[type[Listing]]
    template_name = "components/list.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        made = self.listing(request)
        if request.GET.get("part") == "filters":
            return render(request, "components/list_filters.html", {"listing": made, "form": filter_form(made)})
        if request.GET.get("part") in ("columns", "save"):
            return render(
                request, f"components/list_{request.GET['part']}.html", {"listing": made, "state": made.state}
            )
        template = "components/list_body.html" if wants_fragment(request) else self.template_name
        response = render(request, template, {"listing": made, "fragment": FRAGMENT, **self.more(made)})
        asked = {name for name, _ in made.state.filters}
        if made.client_path:
            place = made.paths.index(made.client_path)
            audit.note_clients(row[place] for row in made.page.rows if row[place])
        audit.record_read(made.name, user=request.user, rows=len(made.page.rows), filters=asked)
        patch_vary_headers(response, ["HX-Request", "HX-Target"])
        return response

    def more(self, listing: Listing) -> dict[str, Any]:
        """Further context of the page."""
        return {}


def filter_form(listing: Listing):
    """The form with all filters and the values in force; its choices are within the viewer's scope."""
    if listing.filterset is None:
        raise Http404
    data = QueryDict(mutable=True)
    for name, value in listing.state.filters:
        data.appendlist(name, value)
    form = listing.filterset(data, queryset=listing.base().none(), request=listing.request).form
    for field in form.fields.values():
        if isinstance(field, forms.MultipleChoiceField):
            choices = [(key, words) for key, words in field.choices if key != ""]
            few = len(choices) <= FEW
            field.widget = (
                forms.CheckboxSelectMultiple(choices=choices) if few else forms.SelectMultiple(choices=choices)
            )
    return form


class ListExport(ScopedPage):
    """Export of a list (GET: all that match; POST: the chosen rows)."""

    listing: ClassVar[type[Listing]]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        made = self.listing(request)
        return self._export(made, made.queryset, request.GET.get("format", ""))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        made = self.listing(request, QueryDict(request.POST.get("query", "")[:MAX_QUERY]))
        return self._export(made, made.chosen(request.POST), request.POST.get("format", ""))

    def _export(self, listing: Listing, queryset, format_: str) -> HttpResponseBase:
        if not listing.may_export:
            raise PermissionDenied(listing.export_right)
        if format_ not in FORMATS:
            raise Http404
        most = listing.export_max
        count = queryset.order_by()[: most + 1].count()
        if count > most:
            messages.error(
                self.request,
                ngettext(
                    "These are more than %(most)d row, the most one person may export. Narrow the list.",
                    "These are more than %(most)d rows, the most one person may export. Narrow the list.",
                    most,
                )
                % {"most": most},
            )
            return redirect(listing.url + listing.state.url())
        reached = queryset.order_by().values_list(listing.client_path, flat=True) if listing.client_path else ()
        audit.record(
            "list.export",
            user=self.request.user,
            object_kind="list",
            object_no=listing.name,
            detail={
                "rows": count,
                "format": format_,
                "columns": [column.key for column in listing.shown],
                "filters": sorted({name for name, _ in listing.state.filters}),
            },
            reached=filter(None, reached),
        )
        return MAKERS[format_](listing.shown, listing.exported(queryset), listing.name)


class SavedViews(ScopedPage):
    """POST: save a view, delete one, or choose columns, size and density (and keep them as the user's own defaults)."""

    listing: ClassVar[type[Listing]]
    http_method_names: ClassVar[list[str]] = ["post"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        made = self.listing(request, QueryDict(request.POST.get("query", "").lstrip("?")[:MAX_QUERY]))
        acts = {"save": self._save, "delete": self._delete, "choose": self._choose}
        act = acts.get(request.POST.get("act", ""))
        if made.view_model is None or act is None:
            raise Http404
        return redirect(made.url + act(made, made.view_model))

    def _save(self, listing: Listing, model: type[SavedViewBase]) -> str:
        name = " ".join(self.request.POST.get("name", "").replace("\x00", "").split())[:60]
        shared = self.request.POST.get("shared", "own")
        if not name:
            messages.error(self.request, gettext("A view needs a name."))
            return listing.state.url()
        if shared not in SHARES or (shared != "own" and not may(self.request.user, f"views.{shared}")):
            raise PermissionDenied(f"views.{shared}")
        kept = listing.state
        if shared != "own":
            # What somebody typed may be a person's name; a shared view would tell it to others.
            kept = replace(kept, filters=tuple(pair for pair in kept.filters if pair[0] != listing.search_param))
        query = kept.url(whole=True, view="")[1:]
        if len(query) > MAX_QUERY:
            messages.error(self.request, gettext("This view holds too many filters to be saved."))
            return listing.state.url()
        view, _made = model.objects.update_or_create(
            user=self.request.user,
            list_name=listing.name,
            name=name,
            defaults={"query": query, "shared": shared},
        )
        return f"?{view.query}&view={view.pk}"

    def _delete(self, listing: Listing, model: type[SavedViewBase]) -> str:
        if listing.state.view:
            own = model.objects.filter(user=self.request.user, list_name=listing.name).exclude(name="")
            own.filter(pk=int(listing.state.view)).delete()
        return listing.state.url(view="")

    def _choose(self, listing: Listing, model: type[SavedViewBase]) -> str:
        """Columns in the order sent; size and density where sent."""
        post = self.request.POST
        now = listing.state
        chosen = replace(
            now,
            columns=read_columns(",".join(post.getlist("col")), listing.columns) or now.columns,
            size=read_size(post.get("size", ""), now.size),
            density=post["density"] if post.get("density") in DENSITIES else now.density,
        )
        if post.get("keep") == "1":
            kept = replace(chosen, filters=(), sort=listing.builtin.sort)
            model.objects.update_or_create(
                user=self.request.user,
                list_name=listing.name,
                name="",
                defaults={"query": kept.url(whole=True, view="")[1:][:MAX_QUERY], "shared": "own"},
            )
        return chosen.url()
