"""Password rules."""

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from org.passwords import KindsValidator
from tests.factories import PASSWORD, BranchFactory, StaffFactory

pytestmark = pytest.mark.django_db


def problems(password: str, user=None) -> set[str]:
    try:
        validate_password(password, user)
    except ValidationError as error:
        return {one.code for one in error.error_list}
    return set()


@pytest.mark.parametrize(
    "password",
    [
        "Neun-Pferde-am-See-9",
        "xK4!9#2@7$8%mQ",
        "今年春天西湖边的柳树很绿A1",
        "x" * 40 + "Y7" + "长" * 30,
    ],
)
def test_good_ones_pass(password):
    assert problems(password) == set()


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("Kurz-1", "password_too_short"),
        ("Woaini1314520!!", "own_words"),
        ("Zhongguo-2026-Caifu", "own_words"),
        ("Core-Clients-Demo-1", "own_words"),
        ("Qwertyuiop-12345", "own_words"),
        ("核心客户证券密码管理员123A", "own_words"),
        ("123456789012345", "password_entirely_numeric"),
        ("pferde-am-see-im-mai", "kinds"),
    ],
)
def test_bad_ones_are_refused_for_the_reason(password, code):
    assert code in problems(password)


def test_the_firms_words_and_branches_count(settings):
    settings.PASSWORD_OWN_WORDS = ["Guanghua"]
    BranchFactory(name="朝阳路营业部")
    assert "own_words" in problems("Guanghua-2026-!!")
    assert "own_words" in problems("朝阳路营业部2026Abc!")
    assert problems("Guanghua-Pferde-am-See-9") == set()


def test_own_number_and_name_count():
    staff = StaffFactory(staff_no="E0012345X", name="张三丰", mobile="13812345678")
    assert "own_words" in problems("E0012345X-13812345678", staff.user)


def test_the_old_one_is_not_new():
    staff = StaffFactory()
    assert "same" in problems(PASSWORD, staff.user)
    assert "same" not in problems("Neun-Pferde-am-See-9", staff.user)


def test_nothing_is_cut(client):
    """The last character of a long password matters."""
    staff = StaffFactory()
    staff.user.set_password("长" * 64 + "A1-x")
    assert staff.user.check_password("长" * 64 + "A1-x")
    assert not staff.user.check_password("长" * 64 + "A1-y")
    assert staff.user.password.startswith("argon2")


@pytest.mark.parametrize(
    ("password", "good"),
    [("Abc123", True), ("abc123!", True), ("密码abc1", True), ("abcdef", False), ("abc123", False)],
)
def test_three_of_four_kinds(password, good):
    if good:
        KindsValidator().validate(password)
    else:
        with pytest.raises(ValidationError):
            KindsValidator().validate(password)
