"""`manage.py demo_complaints --date YYYY-MM-DD`: complaints of a demo firm, worked by its people through the services."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from clients.models import Client
from complaints import services
from complaints.choices import Category, Cause, Channel, Severity, Wish
from complaints.models import Complaint
from complaints.services import Told
from org.models import Role, Staff

#: Made up: line, cause, wish, words.
_STORIES = (
    (Category.PRODUCTS, Cause.INFORMATION, Wish.REMEDY, "推荐基金时没有讲清楚持有期，我以为随时可以赎回。", "一年持有基金"),
    (Category.FEES, Cause.PRICE, Wish.REMEDY, "开户时说好的佣金费率和现在扣的不一样，打了三次电话都没人给我解释。", ""),
    (Category.SYSTEM, Cause.SYSTEM, Wish.COMPENSATION, "开盘后手机软件登录不上，错过了卖出的价格。", "手机交易软件"),
    (Category.ACCOUNT, Cause.PROCESS, Wish.REMEDY, "申请转托管，柜台让我来了两趟，第二趟又说少一份材料。", ""),
    (Category.STAFF, Cause.ATTITUDE, Wish.RESPECT, "营业部电话经常打不通，接通后工作人员态度很不耐烦。", ""),
    (Category.MARGIN, Cause.SKILL, Wish.EXPLANATION, "融资利率调整没有提前通知，客户经理也说不清楚怎么算的。", "融资融券"),
    (Category.SUITABILITY, Cause.CONDUCT, Wish.PUNISHMENT, "风险测评的答案是工作人员帮我勾选的。", "一年持有基金"),
    (Category.ADVICE, Cause.MARKET, Wish.HEARD, "买了投顾组合后一直亏损，想知道当时推荐的理由。", "投顾组合"),
    (Category.PRIVACY, Cause.PROCESS, Wish.RESPECT, "我已经说过不要再打营销电话，上周又接到了两次。", ""),
)  # fmt: skip
_CHANNELS = (Channel.PHONE, Channel.COUNTER, Channel.PHONE, Channel.PLATFORM_TRANSFER, Channel.MAIL, Channel.PHONE)
_RECORDS: dict[int, dict[str, Any]] = {
    1: {"told": "", "feeling": "不满，已表示理解", "restated": True},
    2: {"apology": "就造成的不便向客户道歉", "contained": "已停止相关扣费或推送，指定专人联系"},
    3: {"findings": "调取录音与委托记录，客户所述基本属实", "sources": "录音、委托流水、经办人说明"},
    4: {
        "responsibility": "firm",
        "grounds": "告知义务履行不到位",
        "proposals": [{"text": "书面说明并更正", "amount": None}],
    },
    5: {"choice": "1", "client_words": "同意", "evidence": "客户签署的确认函"},
    6: {"carried_out": "已按承诺更正并书面告知"},
}
_COUNT = 54


class Command(BaseCommand):
    help = "Demo mode only: complaints of the last fourteen months, worked by the firm's people."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--date", type=date.fromisoformat, required=True, help="business date, YYYY-MM-DD")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.CRM_ENV == "production":
            raise CommandError("demo_complaints is for demo firms only")
        if Complaint.objects.exists():
            return
        clients = self._clients()
        for number, (client, receiver) in enumerate(clients):
            self._one(number, client, receiver, options["date"], len(clients))
        self.stdout.write(f"{Complaint.objects.count()} complaints")

    def _clients(self) -> list[tuple[Client, Staff]]:
        """Clients with the one who hears them: managers those of their book, officers those of their branch."""
        found: list[tuple[Client, Staff]] = []
        hearing = Staff.objects.filter(user__isnull=False, role__in=(Role.ACCOUNT_MANAGER, Role.COMPLAINT_OFFICER))
        people = list(hearing.select_related("user").order_by("staff_no"))
        for staff in people:
            book = Client.objects.exclude(status="closed").order_by("no_key")
            own = book.filter(manager=staff) if staff.role == Role.ACCOUNT_MANAGER else book.filter(branch=staff.branch)
            wanted = (_COUNT - 6) // len(people)
            rows = list(own[:: max(1, own.count() // wanted)][:wanted])
            found += [(client, staff) for client in rows]
        found.sort(key=lambda pair: pair[0].no_key[::-1])
        return found + found[len(found) // 2 :][:6]  # some complain twice

    def _one(self, number: int, client: Client, receiver: Staff, on: date, of: int) -> None:
        category, cause, wish, words, product = _STORIES[number * 7 % len(_STORIES)]
        # Most of them lie back some months; the last dozen are still open.
        days_back = (of - number) * 8 - 7 if number < of - 12 else (of - number) // 2 + 1
        at = timezone.make_aware(datetime.combine(on - timedelta(days=max(days_back, 1)), time(9 + number % 7, 20)))
        channel = _CHANNELS[number % len(_CHANNELS)]
        told = Told(
            channel=channel,
            category=category,
            narrative=words,
            received_at=at,
            wish=wish,
            product=product,
            severity=Severity.IMPORTANT if number % 9 == 4 else Severity.NORMAL,
            client=client,
            source="12386" if channel == Channel.PLATFORM_TRANSFER else "",
            external_ref=f"12386-{on.year}-{number:04d}" if channel == Channel.PLATFORM_TRANSFER else "",
        )
        complaint, _fresh = services.register(told, user=receiver.user, at=at)
        if complaint.handler is None or complaint.handler.user is None:
            return
        stop = 9 if number < of - 12 else number % 6
        self._walk(complaint, cause, at, stop, 2 + number * 5 % 17, number)
        for row in complaint.follow_ups.filter(due_on__lte=on):
            asked = timezone.make_aware(datetime.combine(row.due_on, time(15)))
            services.follow_up(
                complaint.number,
                row.days,
                satisfaction=2 + (number + row.days) % 4,
                note="",
                user=complaint.handler.user,
                at=asked,
            )

    def _walk(self, complaint: Complaint, cause: str, at: datetime, stop: int, hours: int, number: int) -> None:
        """Work a case up to a step (9: to its end), `hours` apart."""
        user = complaint.handler.user if complaint.handler else None
        assert user is not None
        moment = at

        def act(key: str, **data: Any) -> None:
            nonlocal moment
            moment += timedelta(hours=hours, minutes=number % 50)
            services.act(complaint.number, key, data, user=user, at=moment)

        if stop == 0:
            return
        act("accept", told_how="电话告知")
        for step in range(1, 6):
            if stop <= step:
                return
            act("record", record=_RECORDS[step] | ({"told": complaint.narrative} if step == 1 else {}))
            if step == 5:
                act("promise", text="书面说明并更正", due_on=(moment + timedelta(days=7)).date().isoformat())
            act("advance")
        act("answer", text="经核查，我们将书面说明并更正，感谢您的指正。", way="书面函件")
        act("follow", no=1, kept=True, note="客户确认已收到")
        act("record", record=_RECORDS[6])
        result = ("upheld", "partly", "not_upheld", "settled")[number % 4]
        act("close", result=result, cause=cause, proof="客户签收的回函", measure="已在晨会讲解，更新话术")
