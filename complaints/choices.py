"""The words of a complaint: states, channels, kinds (X1–X3); facts behind them in docs/complaints.md."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class State(models.TextChoices):
    """Case states, for the law; the six steps stand beside them, for people."""

    RECEIVED = "received", pgettext_lazy("complaint", "Received")
    ACCEPTED = "accepted", pgettext_lazy("complaint", "Accepted")
    IN_WORK = "in_work", pgettext_lazy("complaint", "In work")
    ANSWERED = "answered", pgettext_lazy("complaint", "Answered")
    CLOSED = "closed", pgettext_lazy("complaint", "Closed")
    REOPENED = "reopened", pgettext_lazy("complaint", "Reopened")
    ARCHIVED = "archived", pgettext_lazy("complaint", "Archived")


class Step(models.IntegerChoices):
    """The six steps (X1): in order, none skipped."""

    SPEAK = 1, _("Let the client speak it all out")
    APOLOGISE = 2, _("Apologise fully, contain the matter")
    UNDERSTAND = 3, _("Gather information, understand")
    PROPOSE = 4, _("Take responsibility, propose a solution")
    INVOLVE = 5, _("Let the client take part in solving it")
    KEEP = 6, _("Keep the promise, follow up")


class Channel(models.TextChoices):
    COUNTER = "counter", _("At the counter")
    PHONE = "phone", pgettext_lazy("complaint", "Telephone")
    MAIL = "mail", pgettext_lazy("complaint", "E-mail")
    LETTER = "letter", pgettext_lazy("complaint", "Letter")
    WEB = "web", _("Public form")
    PLATFORM_TRANSFER = "12386_transfer", _("12386, passed on")
    PLATFORM_DIRECT = "12386_direct", _("12386, handed straight through")
    REGULATOR = "regulator", _("Regulator or association")
    OTHER = "other", pgettext_lazy("complaint channel", "Other channel")


class Category(models.TextChoices):
    """Business lines; AML objections have a statutory clock of their own."""

    BROKERAGE = "brokerage", _("Brokerage")
    MARGIN = "margin", _("Margin trading")
    OPTIONS = "options", pgettext_lazy("business line", "Options")
    PRODUCTS = "products", _("Products sold for others")
    ADVICE = "advice", _("Investment advice")
    SYSTEM = "system", _("Trading system")
    ACCOUNT = "account", _("Opening, transfer, closing of accounts")
    FEES = "fees", pgettext_lazy("business line", "Fees")
    SUITABILITY = "suitability", _("Suitability")
    STAFF = "staff", _("Conduct of staff")
    PRIVACY = "privacy", _("Personal data")
    AML = "aml", _("Objection to an anti-money-laundering measure")
    OTHER = "other", pgettext_lazy("business line", "Other")


class Kind(models.TextChoices):
    """What came in. Everything begins as a complaint; only two persons together call it something else."""

    COMPLAINT = "complaint", pgettext_lazy("kind", "Complaint")
    REPORT = "report", _("Report of a violation")
    QUESTION = "question", pgettext_lazy("kind", "Question")
    SUGGESTION = "suggestion", _("Suggestion")


#: What figures of complaints count.
COUNTED = (Kind.COMPLAINT, Kind.REPORT)


class Severity(models.TextChoices):
    NORMAL = "normal", pgettext_lazy("severity", "Normal")
    IMPORTANT = "important", pgettext_lazy("severity", "Important")
    MAJOR = "major", pgettext_lazy("severity", "Major")
    GROUP = "group", pgettext_lazy("severity", "Group")


class Wish(models.TextChoices):
    """What the client wants."""

    HEARD = "heard", _("To be heard")
    RESPECT = "respect", _("Respect, an apology")
    EXPLANATION = "explanation", _("An explanation")
    REMEDY = "remedy", _("The matter put right")
    COMPENSATION = "compensation", _("Compensation")
    PUNISHMENT = "punishment", _("Somebody called to account")


class Party(models.TextChoices):
    """Who complains."""

    CLIENT = "client", _("The client")
    AGENT = "agent", _("Representative")
    HEIR = "heir", _("Heir")
    GROUP = "group_rep", _("Representative of a group")
    OUTSIDER = "non_client", _("Not a client")
    ANONYMOUS = "anonymous", _("Anonymous")


class Responsibility(models.TextChoices):
    FIRM = "firm", pgettext_lazy("responsible", "The firm")
    STAFF = "staff", pgettext_lazy("responsible", "A member of staff")
    CLIENT = "client", pgettext_lazy("responsible", "The client")
    THIRD = "third", _("A third party")
    SHARED = "shared", _("Shared")
    NONE = "none", pgettext_lazy("responsible", "Nobody")


class Result(models.TextChoices):
    """How a case ended."""

    UPHELD = "upheld", _("Upheld")
    PARTLY = "partly", _("Partly upheld")
    NOT_UPHELD = "not_upheld", _("Not upheld")
    SETTLED = "settled", _("Settled")
    MEDIATION = "mediation", _("Settled by mediation")
    COURT = "court", _("Decided by court or arbitration")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    MERGED = "merged", _("Merged into another case")


class Cause(models.TextChoices):
    """Root causes; settled when a case is closed."""

    INFORMATION = "information", _("Wrong or missing information")
    PROMISE = "promise", _("Promise not kept")
    ATTITUDE = "attitude", _("Attitude or reachability")
    SKILL = "skill", _("Lack of skill")
    PROCESS = "process", _("Process or rule")
    SYSTEM = "system", _("System failure")
    PRICE = "price", _("Fee or price")
    CONDUCT = "conduct", _("Breach of conduct")
    MARKET = "market", _("Market loss, no fault found")
    CLIENT = "client", _("Misunderstanding by the client")
    OTHER = "other", pgettext_lazy("cause", "Other cause")


class Ground(models.TextChoices):
    """The only grounds for a pause; none of them stops a statutory clock."""

    PAPERS = "papers", _("Waiting for papers only the complainant has")
    UNREACHABLE = "unreachable", _("The complainant cannot be reached, tried on three days")
    MEDIATION = "mediation", _("Mediation under way")
    PROCEEDINGS = "proceedings", _("Court, arbitration or regulator is deciding")


class Unit(models.TextChoices):
    HOUR = "hour", pgettext_lazy("unit of a limit", "hours")
    CALENDAR_DAY = "calendar_day", pgettext_lazy("unit of a limit", "calendar days")
    WORKING_DAY = "working_day", pgettext_lazy("unit of a limit", "working days")
    TRADING_DAY = "trading_day", pgettext_lazy("unit of a limit", "trading days")


class Basis(models.TextChoices):
    """Where a limit comes from; only law is called statutory on a page."""

    LAW = "law", _("Statutory")
    PRACTICE = "practice", _("Practice")
    PROPOSAL = "proposal", _("Our proposal")


OPEN_STATES = (State.RECEIVED, State.ACCEPTED, State.IN_WORK, State.ANSWERED, State.REOPENED)
PLATFORM = (Channel.PLATFORM_TRANSFER, Channel.PLATFORM_DIRECT)
