"""Words of the call-backs."""

from django.utils.translation import gettext_lazy as _

QUESTIONS = {
    "identity": _("Is it the client, checked by birth date or document?"),
    "own_changes": _("Did the client order the account's opening and changes?"),
    "operated_by_staff": _("Does anybody of the firm trade on the account for the client?"),
    "risks_told": _("Were the risks explained before the first trade?"),
    "discretion": _("Has the client given anybody a free hand over the account?"),
    "gains_promised": _("Did anybody promise gains, or to make good losses?"),
}
REASONS = {"closed": _("Account closed")}
