"""Log-in of staff in service: leavers are refused, and who-am-I costs one query."""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend

from crm.clock import today
from org.logins import is_stale
from org.models import User
from org.scope import in_service


class StaffBackend(AuthenticationBackend):
    """allauth's backend for people in service; service accounts have no password and never log in here."""

    def user_can_authenticate(self, user: Any) -> bool:
        """Also asked for each request of a running session, so that a lost right is lost at once."""
        if not super().user_can_authenticate(user):
            return False
        staff = getattr(user, "staff", None)
        return (staff is None or in_service(staff, today())) and not is_stale(user)

    def get_user(self, user_id: Any) -> User | None:
        user = User.objects.select_related("staff__branch").filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None

    @classmethod
    def _stash_user(cls, user: Any) -> None:
        # allauth would show leavers with the right password a page of their own; to the outside they are unknown.
        return None
