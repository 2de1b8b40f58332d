"""Password rules beside Django's: our own words, not the last ones, and kinds of characters where the firm wants them."""

import re
from pathlib import Path

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from org.models import Branch, FormerPassword, User

#: What people here make passwords of, in pinyin, English and keyboard rows; the firm adds PASSWORD_OWN_WORDS.
OWN_WORDS = tuple((Path(__file__).parent / "own_words.txt").read_text(encoding="utf-8").split())
#: What must be left when our words, digits and signs are taken away.
LEFT_AT_LEAST = 6


class OwnWordsValidator:
    """Refuses what is little more than our own words: the product's, the firm's, its branches', the usual pinyin."""

    def validate(self, password: str, user: User | None = None) -> None:
        whole = left = password.casefold()
        for word in sorted(self._words(user), key=len, reverse=True):
            left = left.replace(word, "")
        if left != whole and len(re.sub(r"[\W\d_]", "", left)) < LEFT_AT_LEAST:
            raise ValidationError(_("This is little more than common words and digits."), code="own_words")

    def get_help_text(self) -> str:
        return _("Not made of common words, the firm's names, digits and keyboard rows.")

    @staticmethod
    def _words(user: User | None) -> set[str]:
        words = {*OWN_WORDS, *settings.PASSWORD_OWN_WORDS, *Branch.objects.values_list("name", flat=True)}
        staff = getattr(user, "staff", None)
        if staff is not None:
            words |= {staff.staff_no, staff.name, staff.mobile}
        return {word.casefold() for word in words if len(word) > 1}


class NewPasswordValidator:
    """Refuses the password in use and those before it, PASSWORD_HISTORY in all: a change must change something."""

    def validate(self, password: str, user: User | None = None) -> None:
        if user is None or not user.pk:
            return
        count = settings.PASSWORD_HISTORY
        if user.has_usable_password():
            if user.check_password(password):
                raise ValidationError(_("This is the password you have now."), code="same")
            count -= 1
        former = FormerPassword.objects.filter(user=user).order_by("-pk").values_list("password", flat=True)
        if any(check_password(password, encoded) for encoded in former[: max(0, count)]):
            raise ValidationError(self.get_help_text(), code="used")

    def get_help_text(self) -> str:
        count = settings.PASSWORD_HISTORY
        text = ngettext("Not your last password.", "Not one of your last %(count)s passwords.", count)
        return text % {"count": count}


class KindsValidator:
    """Three of four kinds: capitals, small letters, digits, anything else (PASSWORD_POLICY=mlps)."""

    def validate(self, password: str, user: User | None = None) -> None:
        kinds = [
            any(c.isupper() for c in password),
            any(c.islower() for c in password),
            any(c.isdigit() for c in password),
            any(not (c.isupper() or c.islower() or c.isdigit()) for c in password),
        ]
        if sum(kinds) < 3:
            raise ValidationError(self.get_help_text(), code="kinds")

    def get_help_text(self) -> str:
        return _("Three of these four kinds: capitals, small letters, digits, other characters.")
