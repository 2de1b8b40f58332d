"""Names, documents and numbers of invented people.

Every person, number and address of the demo firm is made up. Document numbers carry a wrong check digit, mobile numbers a
prefix that is assigned to nobody (100), e-mail addresses the domain example.com: none can belong to a real person.
"""

from datetime import date
from random import Random

#: Surname → weight per mille, roughly as common as in the registers; rarer ones stand for all the others.
SURNAMES = {
    "王": 72, "李": 71, "张": 67, "刘": 52, "陈": 46, "杨": 31, "黄": 22, "赵": 20, "吴": 20, "周": 19, "徐": 15, "孙": 15,
    "马": 13, "朱": 12, "胡": 12, "郭": 11, "何": 11, "林": 11, "高": 10, "罗": 10, "郑": 9, "梁": 9, "谢": 8, "宋": 8,
    "唐": 7, "许": 7, "韩": 7, "邓": 6, "冯": 6, "曹": 6, "彭": 6, "曾": 6, "肖": 6, "田": 5, "董": 5, "潘": 5, "袁": 5,
    "蔡": 5, "蒋": 5, "余": 5, "于": 5, "杜": 5, "叶": 5, "程": 5, "魏": 4, "苏": 4, "吕": 4, "丁": 4, "任": 4, "卢": 4,
    "姚": 4, "沈": 4, "钟": 4, "姜": 4, "崔": 4, "谭": 4, "陆": 3, "范": 3, "汪": 3, "廖": 3, "石": 3, "金": 3, "韦": 3,
    "贾": 3, "夏": 3, "付": 3, "方": 3, "邹": 3, "熊": 3, "白": 3, "孟": 3, "秦": 3, "邱": 3, "侯": 2, "江": 2, "尹": 2,
    "薛": 2, "闫": 2, "段": 2, "雷": 2, "龙": 2, "黎": 2, "史": 2, "陶": 2, "贺": 2, "毛": 2, "郝": 2, "顾": 2, "龚": 2,
    "邵": 2, "万": 2, "覃": 2, "武": 2, "钱": 2, "戴": 2, "严": 2, "莫": 1, "孔": 1, "向": 1, "常": 1, "单": 1, "仇": 1,
    "解": 1, "查": 1, "区": 1, "朴": 1, "盖": 1, "乐": 1, "华": 1, "欧阳": 1, "司马": 1, "上官": 1, "诸葛": 1, "尉迟": 1, "慕容": 1,
}  # fmt: skip
GIVEN_MALE = "伟强磊军勇杰涛明超刚平辉鹏华飞波斌浩宇凯健俊帆亮建国文志海峰林晨阳东旭龙博睿泽铭轩昊然子涵一诺嘉"
GIVEN_FEMALE = "芳娜敏静丽艳娟霞秀燕玲桂兰英梅红洁琳雪婷慧莹倩颖佳妍欣怡雨萱梓涵诗语思琪若曦晓月蕾薇璐瑶"
GIVEN_COMMON = "晓永春新立正安清林云天宁远乐心文成思和瑞君家学"
RARE = ("㛃", "𬱖", "䶮", "喆", "翀", "昇")

OCCUPATIONS = (
    "企业高管",
    "个体经营",
    "教师",
    "医生",
    "工程师",
    "公务员",
    "律师",
    "会计",
    "退休",
    "自由职业",
    "销售",
    "设计师",
    "农业经营",
)
EDUCATIONS = ("初中", "高中", "大专", "本科", "硕士", "博士")
FIRM_WORDS = ("恒信", "瑞丰", "中锐", "华澜", "盛景", "远帆", "启元", "宏泰", "嘉禾", "博远", "金石", "云岭")
FIRM_TRADES = ("贸易", "科技", "投资咨询", "建材", "食品", "医疗器械", "物流", "文化传播")

_SURNAMES = list(SURNAMES)
_WEIGHTS = list(SURNAMES.values())
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECK = "10X98765432"


def person_name(random: Random, gender: str) -> str:
    """A surname by frequency and one or two given characters; about one in 400 carries a rare character."""
    surname = random.choices(_SURNAMES, _WEIGHTS)[0]
    pool = (GIVEN_MALE if gender == "M" else GIVEN_FEMALE) + GIVEN_COMMON
    given = "".join(random.choice(pool) for _ in range(1 if random.random() < 0.22 else 2))
    if random.random() < 0.0025:
        given = given[:-1] + random.choice(RARE)
    return surname + given


def firm_name(random: Random, city: str) -> str:
    """Name of an invented company."""
    return f"{city.removesuffix('市')}{random.choice(FIRM_WORDS)}{random.choice(FIRM_TRADES)}有限公司"


def id_number(random: Random, area: str, born: date, gender: str) -> str:
    """Shaped like a resident's number, but its check digit is wrong on purpose."""
    serial = random.randrange(0, 500) * 2 + (gender == "M")
    body = f"{area}{born:%Y%m%d}{serial:03d}"
    right = check_digit(body)
    return body + _ID_CHECK[(_ID_CHECK.index(right) + 1 + random.randrange(9)) % 11]


def check_digit(body: str) -> str:
    """The check digit that a real number with these 17 digits would carry (GB 11643)."""
    return _ID_CHECK[sum(int(digit) * weight for digit, weight in zip(body, _ID_WEIGHTS, strict=True)) % 11]


def mobile(number: int) -> str:
    """Mobile number with the unassigned prefix 100."""
    return f"100{number % 100_000_000:08d}"
