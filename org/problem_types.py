"""The catalogue of problems that the API answers with (RFC 9457): each `type` is an address that says what it means."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Problem:
    """A kind of problem: the last part of its `type`, its status, what to call it, what to do about it."""

    slug: str
    status: int
    title: str | Promise
    remedy: str | Promise


_PROBLEMS = (
    Problem(
        "not-valid", 400, _("The request is not valid"),
        _("Correct what `errors` names: `pointer` leads to the field of the body, or names the parameter."),
    ),
    Problem(
        "not-signed-in", 401, _("Not signed in"),
        _("Send `Authorization: Bearer` with a token that is neither expired nor revoked, or sign in."),
    ),
    Problem(
        "not-allowed", 403, _("Not allowed"),
        _("The token lacks the scope, or the role the right. Asking again changes nothing; the refusal is in the audit trail."),
    ),
    Problem(
        "csrf", 403, _("No CSRF token"), _("Whoever writes with a session sends the CSRF token of a page. Tokens need none."),
    ),
    Problem(
        "sign-in-first", 403, _("Sign in on a page first"),
        _("A new password or a second factor is due. Sign in on a page, then ask again."),
    ),
    Problem(
        "not-found", 404, _("Not found"),
        _("There is no such row among those that the caller may see. A row of others answers the same."),
    ),
    Problem("method-not-allowed", 405, _("Method not allowed"), _("`Allow` names the methods of this address.")),
    Problem("not-acceptable", 406, _("Not acceptable"), _("Ask for `application/json`, or leave `Accept` out.")),
    Problem(
        "conflict", 409, _("Conflict"),
        _("Somebody was faster. Take over what `current` holds, then send the change with its version."),
    ),
    Problem("not-made", 409, _("Not made yet"), _("Ask the export's address until its `state` is `done`.")),
    Problem("gone", 410, _("Gone"), _("This was there once. Do not ask again.")),
    Problem(
        "changes-forgotten", 410, _("Changes are no longer kept"),
        _("Read the lists anew, then go on with the changes after `head`."),
    ),
    Problem("too-large", 413, _("Too large"), _("Send less at once.")),
    Problem(
        "unsupported-media-type", 415, _("Unsupported media type"),
        _("Send `application/json`; files as `multipart/form-data`."),
    ),
    Problem(
        "cannot-be-done", 422, _("The request cannot be done as it stands"),
        _("The request is well-formed, but the rules do not allow it: `detail` says why."),
    ),
    Problem(
        "rows-refused", 422, _("Rows were refused"),
        _("With `all_or_nothing` nothing was written. Correct the rows that `errors` names and send all of them again."),
    ),
    Problem(
        "key-reused", 422, _("Idempotency key used for another request"), _("Make a new key for each request that is to happen."),
    ),
    Problem("too-many-requests", 429, _("Too many requests"), _("Wait as many seconds as `Retry-After` says.")),
    Problem(
        "error", 500, _("Error"), _("The fault is ours. Tell the administrator the `X-Request-ID` of the answer."),
    ),
)  # fmt: skip
#: By slug.
CATALOGUE = {problem.slug: problem for problem in _PROBLEMS}
#: The usual one of a status is named first.
_USUAL = {problem.status: problem for problem in reversed(_PROBLEMS)}


def by_status(status: int) -> Problem:
    """The usual problem of a status."""
    return _USUAL.get(status, CATALOGUE["error"])


def address(problem: Problem) -> str:
    """The `type`: where the problem is explained."""
    return reverse("api:problem-detail", args=[problem.slug])
