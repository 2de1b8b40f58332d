"""What allauth asks us."""

from allauth.account.adapter import DefaultAccountAdapter


class AccountAdapter(DefaultAccountAdapter):
    """Sign-up is closed: log-ins are made by the administrator."""

    def is_open_for_signup(self, request) -> bool:
        return False
