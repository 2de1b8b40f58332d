"""Names of invented people and firms: surnames by how common they are, given names by gender and decade of birth.

The lists are our own; weights are rough. Rare characters, surnames with several readings, two-character surnames and a
few names of other nationalities are in on purpose: search, sorting by pinyin and encodings have to cope with them.
"""

from random import Random

from ledger.demo.draws import Weighted


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _weighted(text: str) -> Weighted[str]:
    """Weights from lines of 'weight values…'."""
    weights: dict[str, float] = {}
    for line in text.strip().splitlines():
        weight, *values = line.split()
        weights.update(dict.fromkeys(values, float(weight)))
    return Weighted(weights)


#: Per mille, about; the rarer ones stand for all the others.
SURNAMES = _weighted(
    """
    72 王 李
    67 张
    53 刘
    46 陈
    31 杨
    21 黄 赵 吴 周
    15 徐 孙 马 朱
    12 胡 郭 何 林 高 罗
    9 郑 梁 谢 宋 唐
    7 许 韩 邓 冯 曹 彭 曾
    5.5 肖 田 董 潘 袁 蔡 蒋 余 于 杜 叶 程
    4.2 魏 苏 吕 丁 任 卢 姚 沈 钟 姜 崔 谭
    3.2 陆 范 汪 廖 石 金 韦 贾 夏 付 方 邹 熊 白 孟 秦 邱
    2.4 侯 江 尹 薛 闫 段 雷 龙 黎 史 陶 贺 毛 郝 顾 龚 邵
    1.8 万 覃 武 钱 戴 严 莫 孔 向 常 汤 康 易 乔 赖 文
    0.8 单 解 查 区 朴 盖 乐 华 翟 尤 柏 冼 缪 宓 员
    0.6 仇 欧阳 司马 上官 诸葛 尉迟 慕容 皇甫 令狐
    """
)
#: Surnames whose reading as a name is not the usual one of the character.
POLYPHONIC = ("曾", "单", "解", "查", "区", "朴", "盖", "乐", "华", "翟", "尤", "员", "仇", "覃", "尉迟", "任", "石")
RARE_CHARACTERS = "㛃𬱖䶮喆翀昇堃犇珺玥祎赟龑彧翙昉"


class _Fashion:
    """Given names of one gender and time: whole names, first and second characters, how many names have one character."""

    def __init__(self, names: str, first: str, second: str, single: str, singles: float) -> None:
        self._names, self._first, self._second, self._single = names.split(), first, second, single
        self._singles = singles

    def draw(self, random: Random) -> str:
        chance = random.random()
        if chance < self._singles:
            return _pick(random, self._single)
        if chance < self._singles + 0.25:
            return self._names[int(random.random() * len(self._names))]
        return _pick(random, self._first) + _pick(random, self._second)


def _pick(random: Random, characters: str) -> str:
    return characters[int(random.random() * len(characters))]


#: Last year of birth → men's and women's fashion.
_FASHIONS = (
    (
        1959,
        _Fashion("建国 国强 志明 德福 永康 国华 建华 玉林 长根 卫国 援朝 树人",
                 "国建志德永玉长世福光明文振家桂宝金春荣炳锡耀鸿绍孝", "华明林生荣贵祥清良富义元兴发喜民才忠顺泉堂山根昌", "忠义明华林平", 0.1),
        _Fashion("秀英 桂英 秀兰 玉兰 桂兰 凤英 玉珍 素芬 淑珍 凤兰 美华 月娥",
                 "秀桂玉凤淑素美月春金兰惠爱瑞雅翠菊巧贞", "英兰珍芳芬华琴娥莲云梅香珠仙霞", "英芳珍兰玲琴", 0.08),
    ),
    (
        1974,
        _Fashion("建军 志强 卫东 国平 文革 海波 建平 红兵 晓东 伟民 永刚 立新",
                 "建志国卫海永立新文晓伟红光春金小东庆继启培", "军强平东明波民刚斌辉峰华生林勇伟松锋奇胜利", "军勇伟强刚斌辉涛平杰", 0.3),
        _Fashion("丽华 红梅 秀丽 晓燕 丽萍 海燕 春梅 艳红 玉梅 建英 文英 爱华",
                 "丽红秀晓海春艳玉建文爱雪小亚慧美", "华梅丽燕萍红英玲霞敏琴芳娟君云", "丽红敏燕静霞艳芳萍玲", 0.28),
    ),
    (
        1989,
        _Fashion("志鹏 海涛 晓明 文涛 俊杰 建波 国栋 少华 一鸣 宏伟 天宇 振宇",
                 "志海晓文俊建国少宏振世家子云小永成景绪翰凌", "鹏涛明杰波栋华伟宇锋超凯亮飞龙斌彬炜川洋毅", "超鹏磊涛杰凯亮飞波浩峰鑫", 0.33),
        _Fashion("婷婷 晓丽 雪梅 丹丹 佳慧 文静 莉莉 媛媛 思思 晓雯 海霞 冬梅",
                 "晓雪佳文思海小雅丽冰春慧亚梦玉筱晶彩", "婷丽静慧娜莹洁琳雯娟倩颖蕾丹霞妮岚薇婧瑾芸", "静婷娜倩丽丹莹洁颖雪琳蕾", 0.32),
    ),
    (
        9999,
        _Fashion("子轩 浩然 宇航 俊豪 嘉诚 一凡 天佑 泽宇 子涵 梓豪 文博 思远",
                 "子浩宇俊嘉一天泽梓文思明博睿铭皓昊承景书奕亦", "轩然航豪诚凡宇博远阳泽辰涵睿霖昂哲旭恒熙煜", "鑫浩宇杰帆晨睿航阳博", 0.17),
        _Fashion("雨欣 欣怡 梓萱 诗涵 思琪 雨桐 佳怡 可欣 梦瑶 子涵 若曦 语嫣",
                 "雨欣梓诗思佳可梦子若语一紫依晨沐心芷楚艺宛", "欣怡萱涵琪桐瑶曦彤妍萌菲悦诺宁柠柔凝蓉溪", "欣悦妍彤萌菲琪璐瑶颖", 0.14),
    ),
)  # fmt: skip
#: Names of other nationalities: own name · father's name, and names of four syllables without a surname.
_UYGHUR_MEN = _words("买买提 艾力 吐尔逊 阿不都热依木 玉素甫 努尔买买提")
_UYGHUR_WOMEN = _words("阿依努尔 热孜万 帕提古丽 古丽娜尔 米热班 阿依古丽")
_TIBETAN_MEN = _words("扎西多吉 次仁顿珠 丹增罗布 格桑旺堆")
_TIBETAN_WOMEN = _words("格桑卓玛 白玛央金 德吉拉姆 次仁曲珍")

_FIRM_WORDS = _words(
    "恒信 瑞丰 中锐 华澜 盛景 远帆 启元 宏泰 嘉禾 博远 云岭 同舟 广源 鼎和 信达行 天合 新蓝 正阳 东序 明川 安澜 凯程"
)
_FIRM_TRADES = _words("贸易 科技 投资咨询 建材 食品 医疗器械 物流 文化传播 机电设备 化工 服饰 环保工程")


def person_name(random: Random, gender: str, born: int) -> str:
    """A name for somebody of a gender (M, F) and year of birth; about one in 250 carries a rare character."""
    chance = random.random()
    if chance < 0.0015:
        own = _UYGHUR_WOMEN if gender == "F" else _UYGHUR_MEN
        return f"{random.choice(own)}·{random.choice(_UYGHUR_MEN)}"
    if chance < 0.002:
        return random.choice(_TIBETAN_WOMEN if gender == "F" else _TIBETAN_MEN)
    fashion = next(both for year, *both in _FASHIONS if born <= year)[gender == "F"]
    given = fashion.draw(random)
    if chance > 0.996:
        given = given[:-1] + _pick(random, RARE_CHARACTERS)
    return SURNAMES.draw(random) + given


def firm_name(random: Random, city: str) -> str:
    """A name for an invented company of a city."""
    return f"{city}{random.choice(_FIRM_WORDS)}{random.choice(_FIRM_TRADES)}有限公司"
