"""Password rules."""

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from org import logins
from org.models import FormerPassword
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


WORDS = ["Neun", "Zehn", "Elf", "Zwoelf", "Dreizehn", "Vierzehn"]


def test_the_last_five_are_not_taken_again():
    user = StaffFactory().user
    for word in WORDS:
        logins.set_password(user, f"{word}-Pferde-am-See-9")
    codes = [problems(f"{word}-Pferde-am-See-9", user) for word in WORDS]
    assert codes == [set(), {"used"}, {"used"}, {"used"}, {"used"}, {"same"}]
    kept = FormerPassword.objects.filter(user=user)
    assert kept.count() == 5
    assert all(row.password.startswith("argon2") for row in kept)


def test_a_link_is_no_way_round(admin):
    staff = StaffFactory()
    logins.one_time_link(staff, by=admin.user)
    assert "used" in problems(PASSWORD, staff.user)


def test_others_passwords_are_free():
    logins.set_password(StaffFactory().user, "Neun-Pferde-am-See-9")
    logins.set_password(other := StaffFactory().user, "Zehn-Pferde-am-See-9")
    assert problems("Neun-Pferde-am-See-9", other) == set()


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Not one of your last 5 passwords."), ("zh-hans", "不能是最近 5 个密码之一。")]
)
def test_the_form_says_so_in_the_users_language(client, language, words):
    staff = StaffFactory()
    logins.set_password(staff.user, "Neun-Pferde-am-See-9")
    staff.user.language = language
    staff.user.save(update_fields=["language"])
    client.force_login(staff.user)
    form = {"oldpassword": "Neun-Pferde-am-See-9", "password1": PASSWORD, "password2": PASSWORD}
    page = client.post("/account/password/change/", form)
    assert page.status_code == 200
    assert words in page.context["form"].errors["password1"] + page.context["form"].errors.get("__all__", [])


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
