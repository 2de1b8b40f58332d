"""A firm of any size, set-based: clients, totals, accounts, twelve months of facts, names that can be searched.

Branch sizes differ, 30 % of the clients bring nothing, the rest is heavy-tailed (Pareto 1.16); names are independent draws.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from django.db import connection, transaction
from django.db.models import Count, F
from django.db.models.functions import Abs

from clients.search import refresh
from crm.clock import now
from crm.partitions import ensure_months
from org.api_auth import make_token
from org.models import Branch, Role, Staff, User

DAY = date(2026, 11, 20)
#: Clients of the manager whose list is measured.
BOOK = 250
WINDOW = (date(2025, 11, 1), date(2026, 10, 31))
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常单仇解查区朴盖乐华"  # noqa: E501
GIVEN = "伟强磊军勇杰涛明超刚平辉鹏华飞波斌浩宇凯健俊帆亮建国文志海峰林晨阳东旭龙博睿泽铭轩昊然子涵一诺嘉芳娜敏静丽艳娟霞秀燕玲桂兰英梅红洁琳雪婷慧莹倩颖佳妍欣怡雨萱梓诗语思琪若曦晓月蕾薇璐瑶永春新立正安清云天宁远乐心成和瑞君家学"  # noqa: E501


@dataclass(frozen=True)
class Firm:
    """What the benchmarks need to know: who asks, and for what."""

    manager: Staff
    head: Staff
    analyst: Staff
    api_token: str
    client_no: str
    search_terms: tuple[str, ...]


def seed(clients: int, *, branches: int = 0, managers: int = 0) -> Firm:
    """Fill an empty, migrated database; a manager has about 250 clients, a branch 2,500 on average (400 at most)."""
    branches = branches or max(4, min(400, clients // 2500))
    managers = managers or max(branches, clients // 250)
    with transaction.atomic(), connection.cursor() as cursor:
        _organisation(cursor, branches, managers)
        cursor.execute(_CLIENTS, {"n": clients, "surnames": SURNAMES, "given": GIVEN, "branches": branches})
        cursor.execute(_MANAGERS)
        cursor.execute(_FACTS_AND_TOTALS)
        months = [_month(number) for number in range(12)]
        ensure_months("ledger_monthlyfact", months)
        cursor.execute(_MONTHLY, {"months": months})
        ensure_months("ledger_trade", months[-1:])
        cursor.execute(_TRADES, {"month": months[-1]})
        cursor.execute(_TOTALS, {"start": WINDOW[0], "end": WINDOW[1], "day": DAY})
        cursor.execute("DROP TABLE bench_sum")
    refresh(everything=True)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return _firm()


def _month(number: int) -> date:
    index = WINDOW[0].year * 12 + WINDOW[0].month - 1 + number
    return date(index // 12, index % 12 + 1, 1)


def _organisation(cursor, branches: int, managers: int) -> None:
    head_office = Branch.objects.create(branch_no="0000", name="总部")
    Branch.objects.filter(pk=head_office.pk).update(path=f"/{head_office.pk}/")
    cursor.execute(
        "INSERT INTO org_branch (branch_no, name, parent_id, path, province, city, address)"
        " SELECT 'B' || lpad(n::text, 4, '0'), '第' || n || '营业部', %s, '', '', '', '' FROM generate_series(1, %s) n",
        [head_office.pk, branches],
    )
    cursor.execute("UPDATE org_branch SET path = '/' || parent_id || '/' || id || '/' WHERE parent_id IS NOT NULL")
    cursor.execute(
        "INSERT INTO org_staff (staff_no, name, branch_id, role, mobile, email)"
        " SELECT 'M' || lpad(n::text, 6, '0'), '经理' || n, b.id, 'account_manager', '', ''"
        "   FROM generate_series(1, %s) n JOIN org_branch b ON b.branch_no = 'B' || lpad((1 + n %% %s)::text, 4, '0')",
        [managers, branches],
    )


_CLIENTS = """
INSERT INTO clients_client (client_no, no_key, name, name_key, branch_id, status, opened_on, core_as_of, id_type, id_no, gender,
       mobile, email, address, risk_level, investor_type, occupation, education)
SELECT no, lpad(no, 20, '0'), drawn.name, drawn.name, branch.id,
       CASE WHEN n %% 33 = 0 THEN 'closed' WHEN n %% 17 = 0 THEN 'dormant' ELSE 'active' END,
       date '2012-01-01' + (n %% 4000)::int, date '2026-11-20', 'id_card', '', CASE n %% 2 WHEN 0 THEN 'M' ELSE 'F' END,
       '100' || lpad((n * 7919 %% 100000000)::text, 8, '0'), '', '', 'C' || 1 + n %% 5, 'ordinary', '', ''
  FROM (SELECT n, (10000000 + n)::text AS no,
               substr(%(surnames)s, 1 + (power(h1, 2) * length(%(surnames)s))::int %% length(%(surnames)s), 1)
               || substr(%(given)s, 1 + (h2 * length(%(given)s))::int %% length(%(given)s), 1)
               || CASE WHEN n %% 5 = 0 THEN ''
                       ELSE substr(%(given)s, 1 + (h3 * length(%(given)s))::int %% length(%(given)s), 1) END AS name,
               1 + (power(h4, 1.4) * %(branches)s)::int %% %(branches)s AS branch_number
          FROM (SELECT n, (hashint8(n) & 1048575) / 1048576.0 AS h1, (hashint8(n * 3 + 1) & 1048575) / 1048576.0 AS h2,
                       (hashint8(n * 5 + 2) & 1048575) / 1048576.0 AS h3, (hashint8(n * 7 + 3) & 1048575) / 1048576.0 AS h4
                  FROM generate_series(1::bigint, %(n)s) n) dice) drawn
  JOIN org_branch branch ON branch.branch_no = 'B' || lpad(branch_number::text, 4, '0')
"""

_MANAGERS = """
UPDATE clients_client c SET manager_id = m.id
  FROM (SELECT id, branch_id, row_number() OVER (PARTITION BY branch_id ORDER BY id) - 1 AS seat,
               count(*) OVER (PARTITION BY branch_id) AS seats
          FROM org_staff WHERE role = 'account_manager') m
 WHERE m.branch_id = c.branch_id AND m.seat = c.id %% m.seats
""".replace("%%", "%")

_FACTS_AND_TOTALS = """
CREATE TEMP TABLE bench_sum AS
SELECT id AS client_id, CASE WHEN id % 10 < 3 THEN 0
       ELSE (3000000 * power(1 - (hashint8(id * 11 + 5) & 1048575) / 1048577.0, -1 / 1.16))::bigint END AS contribution,
       (900000000 * power(1 - (hashint8(id * 13 + 7) & 1048575) / 1048577.0, -1 / 1.3))::bigint AS assets
  FROM clients_client
"""

_MONTHLY = """
INSERT INTO ledger_monthlyfact (month, client_id, net_commission, margin_interest, product_fee, advisory_fee, other_fee, trades,
       turnover, last_trade_on, assets_end, net_inflow)
SELECT m.month, s.client_id,
       CASE WHEN m.number = 1 THEN s.contribution - s.contribution / 12 * 11 ELSE s.contribution / 12 END, 0, 0, 0, 0,
       CASE WHEN s.contribution > 0 THEN 1 ELSE 0 END, s.contribution * 100,
       CASE WHEN s.contribution > 0 THEN m.month + 9 END, s.assets, 0
  FROM bench_sum s CROSS JOIN unnest(%(months)s::date[]) WITH ORDINALITY AS m (month, number)
"""

#: The rows behind the facts of the last month, which late deliveries make anew.
_TRADES = """
INSERT INTO ledger_trade (trade_no, date, client_id, account_no, security_code, security_kind, side, quantity, amount, commission,
       exchange_fees)
SELECT 'S' || f.client_id, f.last_trade_on, f.client_id, '', '600000', 'stock', 'buy', 100, f.turnover, f.net_commission, 0
  FROM ledger_monthlyfact f WHERE f.month = %(month)s AND f.trades > 0 ORDER BY f.client_id
"""

_TOTALS = """
INSERT INTO ledger_clienttotals (client_id, branch_id, manager_id, no_key, ranked, contribution, assets, assets_on, last_trade_on,
       window_from, window_to)
SELECT c.id, c.branch_id, c.manager_id, c.no_key, c.status <> 'closed', s.contribution, s.assets, %(day)s,
       CASE WHEN s.contribution > 0 THEN %(end)s::date - 21 END, %(start)s, %(end)s
  FROM clients_client c JOIN bench_sum s ON s.client_id = c.id
 ORDER BY c.id  -- as the product does
"""


def _firm() -> Firm:
    """Log-ins: a manager, the head of the same branch, an analyst, an administrator who makes the token."""
    # A usual book in firms of every size; otherwise `growth_list` would compare books.
    managers = Staff.objects.filter(role=Role.ACCOUNT_MANAGER).annotate(book=Count("clients"))
    manager = managers.order_by(Abs(F("book") - BOOK), "pk")[0]
    head = Staff.objects.create(staff_no="H1", name="负责人", branch=manager.branch, role=Role.BRANCH_HEAD)
    office = Branch.objects.get(branch_no="0000")
    analyst = Staff.objects.create(staff_no="A1", name="分析", branch=office, role=Role.ANALYST)
    admin = Staff.objects.create(staff_no="A2", name="管理", branch=office, role=Role.ADMIN)
    for staff in (manager, head, analyst, admin):
        staff.user = User.objects.create(username=staff.staff_no)
        staff.save()
    _row, token = make_token(
        name="benchmark", scopes=["clients.view"], branch=None, expires_at=now() + timedelta(days=1), by=admin.user
    )
    client = manager.clients.order_by("pk").first()
    return Firm(manager, head, analyst, token, client.client_no, ("王", "李伟", "zw", "lxm", client.mobile[-4:]))
