"""Readings of names (C10)."""

import pytest

from clients.names import plain, read, readings


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("单田芳", "shan tian fang"),
        ("仇英", "qiu ying"),
        ("曾国藩", "zeng guo fan"),
        ("解缙", "xie jin"),
        ("查良镛", "zha liang yong"),
        ("区志航", "ou zhi hang"),
        ("朴正欢", "piao zheng huan"),
        ("尉迟恭", "yu chi gong"),
        ("覃国伟", "qin guo wei"),
        ("盖叫天", "ge jiao tian"),
        ("乐嘉", "yue jia"),
        ("任飞", "ren fei"),
        ("华罗庚", "hua luo geng"),
        ("吕布", "lv bu"),
        ("单于明", "chan yu ming"),
        ("尉迟", "wei chi"),
    ],
)
def test_surnames_are_read_as_surnames(name, spelled):
    assert " ".join(readings(name)[0]) == spelled


def test_every_reading_finds():
    tokens = read("覃国伟").tokens
    assert {"i:qgw", "i:tgw", "p:qinguowei", "p:tanguowei", "p:guowei", "p:qingw"} <= set(tokens)


def test_pieces_are_of_one_to_three_characters():
    assert {t for t in read("张伟明").tokens if ":" not in t} == {"张", "伟", "明", "张伟", "伟明", "张伟明"}


def test_rare_characters_count_as_one():
    assert {"𬱖", "𬱖强"} <= set(read("𬱖强").tokens)


def test_plain_folds_width_case_dots_and_spaces():
    assert plain("Ｊｏｈｎ　Smith") == "johnsmith"
    assert plain("阿不都·热合曼") == "阿不都热合曼"


def test_a_firm_with_a_long_name_is_found_by_its_end():
    assert "限公司" in read("北京恒泰投资管理有限公司").tokens


def test_many_readings_stay_within_bounds():
    tokens = read("长长长长长长长长").tokens
    assert len([t for t in tokens if t.startswith("p:")]) <= 36


def test_names_sort_by_pinyin_then_characters():
    names = ["张伟", "李静", "单田芳", "阿不都", "张伟明", "章伟"]
    assert sorted(names, key=lambda n: read(n).sort_key) == ["阿不都", "李静", "单田芳", "张伟", "章伟", "张伟明"]
