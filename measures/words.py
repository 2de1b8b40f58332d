"""What to do with each kind and group, in words (S5, S6)."""

from django.utils.translation import gettext_lazy as _

from measures.models import Kind, RfmGroup

STANCES = {
    Kind.VALUE: _("Keep: best people, first choice of everything, visits by the firm's heads."),
    Kind.GROWTH: _("Build: funds are coming in; advise on placing them, introduce new products early."),
    Kind.CASH_FLOW: _("Serve well at low cost: steady revenue, reliable routine, no experiments."),
    Kind.RELATIONSHIP: _("Stay in touch: little revenue now; influence and referrals may be worth more."),
}
_ADVICE = {
    RfmGroup.CHAMPIONS: _("Thank, ask for opinions, give first access."),
    RfmGroup.POTENTIAL: _("Offer more services; make the habit firm."),
    RfmGroup.LOYAL: _("Recommend what fits; ask for referrals."),
    RfmGroup.PROMISING: _("Win them for regular trading."),
    RfmGroup.NEW: _("Accompany the first steps."),
    RfmGroup.CANT_LOSE: _("Call in person at once."),
    RfmGroup.AT_RISK: _("Find out why; make a personal offer."),
    RfmGroup.ATTENTION: _("Bring yourself to mind with something of use."),
    RfmGroup.SLEEPING: _("Wake up with a reason to look."),
    RfmGroup.LOST: _("One more try, then low-cost contact."),
    RfmGroup.OTHERS: _("No pattern yet."),
    RfmGroup.NEVER: _("Help with the first trade, or find out what the account is for."),
}


def group_advice(group: str) -> str:
    """What to do with an RFM group."""
    return str(_ADVICE[RfmGroup(group)])


#: The three quintiles of RFM.
QUINTILES = {"r": _("Recency"), "f": _("Frequency"), "m": _("Contribution")}

#: What moved a client from one place to another (S12).
INPUTS = {
    "assets": _("Assets"),
    "last_trade": _("Last trade"),
    "turnover": _("Turnover"),
    "tier": _("Tier"),
    "inflow": _("Net inflow"),
    "months": _("Months with a contribution"),
    "contribution": _("Contribution"),
}
