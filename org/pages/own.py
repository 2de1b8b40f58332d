"""Pages about oneself: settings, language, theme."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from org.forms import SettingsForm
from org.middleware import use_language
from org.models import User
from org.views import ANYBODY, page


@page(ANYBODY)
def own_settings(request: HttpRequest) -> HttpResponse:
    """Language, theme, colour of rises; the way to password, second factor and sessions."""
    user: Any = request.user
    form = SettingsForm(request.POST or None, instance=user)
    if request.method == "POST" and form.is_valid():
        form.save()
        use_language(request, user.language or settings.LANGUAGE_CODE)
        messages.success(request, _("Saved."))
        return _with_cookie(redirect("org:settings"), user.language)
    return render(request, "org/settings.html", {"form": form})


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Change the language: for the signed-in user in the log-in, for anybody in a cookie. Open to everybody."""
    wanted = request.POST.get("language", "")
    response = redirect(_back(request))
    if wanted not in dict(settings.LANGUAGES):
        return response
    if request.user.is_authenticated:
        User.objects.filter(pk=request.user.pk).update(language=wanted)
    return _with_cookie(response, wanted)


@page(ANYBODY)
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keep the theme chosen in the frame."""
    wanted = request.POST.get("theme", "")
    if wanted not in ("auto", "light", "dark"):
        return HttpResponse(status=400)
    User.objects.filter(pk=request.user.pk).update(theme=wanted)
    return HttpResponse(status=204)


@page(ANYBODY)
@require_safe
def session(request: HttpRequest) -> HttpResponse:
    """A sign of life, given when the page has warned of the session's end: `PersonMiddleware` notes it."""
    return HttpResponse(status=204)


@page(ANYBODY)
@require_safe
def no_password(request: HttpRequest) -> HttpResponse:
    """Whoever signs in by the firm's identity server has no password here and gets none."""
    messages.info(request, _("You sign in with the firm's log-in; its password is changed there."))
    return redirect("org:settings")


def _back(request: HttpRequest) -> str:
    """The page somebody came from, if it is one of ours."""
    wanted = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if ours else reverse("org:settings") if request.user.is_authenticated else reverse("account_login")


def _with_cookie(response: HttpResponse, language: str) -> HttpResponse:
    if language:
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=365 * 24 * 3600,
            secure=settings.PRODUCTION,
            httponly=True,
            samesite="Lax",
        )
    else:
        response.delete_cookie(settings.LANGUAGE_COOKIE_NAME, samesite="Lax")
    return response
