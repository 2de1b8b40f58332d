"""What the core system reports (N1): intake batches with their rejects, facts by month, monthly facts per client.

Money: BIGINT in 1/10,000 元 (crm.money). Fact tables are partitioned by month in the migrations; `client` carries no
foreign key there, intake has joined it and clients are never deleted.
"""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from clients.models import Client
from org.models import User


class BatchState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    PARTLY = "partly", _("Done, some files refused")
    FAILED = "failed", _("Failed")
    UNDOING = "undoing", _("Being undone")
    UNDONE = "undone", _("Undone")


class IntakeBatch(models.Model):
    """One delivery: the files of a folder, an upload or an API call, taken in together."""

    source = models.CharField(
        max_length=8,
        choices=[("folder", _("Folder")), ("upload", _("Upload")), ("api", _("API")), ("night", _("Night"))],
    )
    mapping = models.CharField(_("Mapping"), max_length=40)
    business_date = models.DateField(_("Business date"))
    dry_run = models.BooleanField(_("Dry run"), default=False)
    state = models.CharField(max_length=8, choices=BatchState, default=BatchState.WAITING)
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    runner = models.UUIDField(null=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    progress = models.JSONField(default=dict, help_text="What the runner is doing: file, step, bytes done, of how many")
    problem = models.CharField(max_length=40, blank=True, help_text="code of ledger.messages")
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("Intake batch")
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="intake_newest"),
            models.Index(  # serves resume: a handful of rows among thousands
                fields=["id"], name="intake_unfinished", condition=models.Q(state__in=["waiting", "running", "undoing"])
            ),
        ]


class FileState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    SAME = "same", _("Taken in before")
    REFUSED = "refused", _("Refused")
    UNDONE = "undone", _("Undone")


class IntakeFile(models.Model):
    """What one file of a batch yields for one kind. read = new + changed + same + rejected, always.

    A file that carries several kinds (mappings of foreign formats) has one row for each.
    `layout`: how the source is written (delimiter, newline, byte order mark, header line, mapping digest).
    `months`: first days of the months whose facts were touched. `sample`: differences shown by a dry run.
    """

    batch = models.ForeignKey(IntakeBatch, models.CASCADE, related_name="files")
    position = models.PositiveIntegerField(default=0)
    name = models.CharField(_("File"), max_length=255)
    path = models.CharField(max_length=500, blank=True, editable=False)
    member = models.CharField(max_length=255, blank=True, editable=False)
    kind = models.CharField(_("Kind"), max_length=12, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.BigIntegerField(default=0)
    encoding = models.CharField(_("Encoding"), max_length=12, blank=True)
    state = models.CharField(max_length=8, choices=FileState, default=FileState.WAITING)
    error = models.CharField(max_length=40, blank=True, help_text="code of ledger.messages")
    error_detail = models.JSONField(default=dict)
    unknown_columns = models.JSONField(default=list)
    layout = models.JSONField(default=dict, editable=False)
    months = models.JSONField(default=list, editable=False)
    sample = models.JSONField(default=list, editable=False)
    rows_read = models.BigIntegerField(_("Read"), default=0)
    rows_new = models.BigIntegerField(_("New"), default=0)
    rows_changed = models.BigIntegerField(_("Changed"), default=0)
    rows_same = models.BigIntegerField(_("Same"), default=0)
    rows_rejected = models.BigIntegerField(_("Rejected"), default=0)
    seconds = models.FloatField(default=0)

    class Meta:
        verbose_name = _("Intake file")
        ordering = ["position", "id"]
        indexes = [
            models.Index(fields=["sha256"], name="intake_file_sha"),
            models.Index(fields=["kind", "state"], name="intake_file_kind"),
        ]
        constraints = [
            models.CheckConstraint(
                name="intake_counts_reconcile",
                condition=models.Q(
                    rows_read=models.F("rows_new")
                    + models.F("rows_changed")
                    + models.F("rows_same")
                    + models.F("rows_rejected")
                ),
            )
        ]


class IntakeReject(models.Model):
    """A row that was not taken in: its line number in the source, the reason, and the line as it was."""

    # No constraint on the file here and below: a million checks of one and the same row at the end of a transaction.
    file = models.ForeignKey(IntakeFile, models.CASCADE, related_name="rejects", db_index=False, db_constraint=False)
    line = models.BigIntegerField(_("Line"))
    reason = models.CharField(_("Reason"), max_length=40)
    column = models.CharField(_("Column"), max_length=60, blank=True)
    value = models.CharField(max_length=200, blank=True)
    source = models.TextField(help_text="The source line, decoded, as it was")

    class Meta:
        indexes = [models.Index(fields=["file", "line"], name="reject_file_line")]


class IntakeChange(models.Model):
    """What an intake file overwrote, so that the batch can be undone, its updates included.

    `before` is the whole row as it was; NULL: there was none (only for kinds whose rows do not name their file).
    """

    file = models.ForeignKey(IntakeFile, models.CASCADE, related_name="changes", db_index=False, db_constraint=False)
    kind = models.CharField(max_length=12)
    key = models.CharField(max_length=80)
    before = models.JSONField(null=True)

    class Meta:
        indexes = [models.Index(fields=["file", "id"], name="intake_change_file")]


class Fact(models.Model):
    """Base of the fact tables; partitioned by month of `date`."""

    date = models.DateField()
    client = models.ForeignKey(Client, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    file_id = models.BigIntegerField(null=True)

    class Meta:
        abstract = True


class SecurityKind(models.TextChoices):
    STOCK = "stock", _("Stock")
    ETF = "etf", _("ETF")
    FUND = "fund", _("Fund")
    BOND = "bond", _("Bond")
    OPTION = "option", _("Option")
    HK_STOCK = "hk_stock", _("Hong Kong stock")
    REPO = "repo", _("Repo")
    OTHER = "other", _("Other")


class Trade(Fact):
    """A trade; key: trade number (and the date it is filed under).

    The number stands first, so that a number is found whatever its date: a correction may carry another one.
    """

    pk = models.CompositePrimaryKey("trade_no", "date")
    trade_no = models.CharField(max_length=40, db_collation="C")
    account_no = models.CharField(max_length=32, blank=True, default="")
    security_code = models.CharField(max_length=20)
    security_kind = models.CharField(max_length=8, choices=SecurityKind)
    side = models.CharField(max_length=4, choices=[("buy", _("Buy")), ("sell", _("Sell"))])
    quantity = models.DecimalField(max_digits=20, decimal_places=4, null=True)
    amount = models.BigIntegerField()
    commission = models.BigIntegerField()
    exchange_fees = models.BigIntegerField(default=0)


class AssetSnapshot(Fact):
    """Cash, securities value and liabilities of a client at the end of a day; key: date and client."""

    pk = models.CompositePrimaryKey("date", "client_id")
    cash = models.BigIntegerField()
    securities_value = models.BigIntegerField()
    liabilities = models.BigIntegerField(default=0)


class CashFlow(Fact):
    """Money in or out; key: flow number (and the date it is filed under)."""

    pk = models.CompositePrimaryKey("flow_no", "date")
    flow_no = models.CharField(max_length=40, db_collation="C")
    direction = models.CharField(max_length=3, choices=[("in", _("In")), ("out", _("Out"))])
    amount = models.BigIntegerField()


class FeeKind(models.TextChoices):
    MARGIN_INTEREST = "margin_interest", _("Margin interest")
    PRODUCT_FEE = "product_fee", _("Product fee")
    ADVISORY_FEE = "advisory_fee", _("Advisory fee")
    OTHER = "other", _("Other")


class Fee(Fact):
    """A fee earned from a client; key: fee number (and the date it is filed under)."""

    pk = models.CompositePrimaryKey("fee_no", "date")
    fee_no = models.CharField(max_length=40, db_collation="C")
    kind = models.CharField(max_length=16, choices=FeeKind)
    amount = models.BigIntegerField()


class MonthlyFact(models.Model):
    """What one client did in one month (`month` = its first day); partitioned by month.

    contribution of the month = net_commission + margin_interest + product_fee + advisory_fee + other_fee.
    """

    pk = models.CompositePrimaryKey("month", "client_id")
    month = models.DateField()
    client = models.ForeignKey(Client, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    net_commission = models.BigIntegerField(default=0)
    margin_interest = models.BigIntegerField(default=0)
    product_fee = models.BigIntegerField(default=0)
    advisory_fee = models.BigIntegerField(default=0)
    other_fee = models.BigIntegerField(default=0)
    trades = models.IntegerField(default=0)
    turnover = models.BigIntegerField(default=0)
    last_trade_on = models.DateField(null=True)
    assets_end = models.BigIntegerField(null=True)
    net_inflow = models.BigIntegerField(default=0)


class DirtyMonth(models.Model):
    """A (client, month) whose facts an intake touched since the monthly facts were last made.

    A log without a key in the database, where a pair may stand as often as it was touched: a large file notes a million.
    """

    pk = models.CompositePrimaryKey("client_id", "month")
    client = models.ForeignKey(Client, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    month = models.DateField()


class ClientTotals(models.Model):
    """The trailing sums kept ready for ranking: narrow, one row per client, adjusted by what changed.

    `contribution` covers window_from…window_to (whole months); `assets` is the newest snapshot: cash + securities −
    liabilities on `assets_on`. `ranked` is false for closed clients. Branch, manager and key are copies that the
    facts step keeps.
    """

    client = models.OneToOneField(Client, models.CASCADE, primary_key=True, related_name="totals")
    branch_id = models.BigIntegerField()
    manager_id = models.BigIntegerField(null=True)
    no_key = models.CharField(max_length=40, db_collation="C")
    ranked = models.BooleanField(default=True)
    contribution = models.BigIntegerField(default=0)
    assets = models.BigIntegerField(default=0)
    assets_on = models.DateField(null=True)
    last_trade_on = models.DateField(null=True)
    window_from = models.DateField(null=True)
    window_to = models.DateField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["branch_id"], name="totals_branch"),
            models.Index(fields=["manager_id"], name="totals_manager"),
        ]
