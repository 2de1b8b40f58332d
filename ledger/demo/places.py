"""Mainland cities with the coordinates of their centres (WGS 84, rounded), and names of real streets there.

Where a street lies is drawn: its houses stand together at some place within about 12 km of the city's centre, so that
address and coordinates agree with each other, but not with the street's real course.
"""

from dataclasses import dataclass
from math import cos, radians, sin
from random import Random
from typing import NamedTuple

from ledger.demo.draws import Stream, reseed

#: Streets keep within this distance of the centre, houses within the second distance of the middle of their street.
STREET_KM = 9.5
HOUSE_KM = 2.4
_KM_PER_DEGREE = 111.2


class Point(NamedTuple):
    lat: float
    lon: float


@dataclass(frozen=True)
class City:
    """A city of the firm.

    `code`: the division code that resident numbers issued there begin with. `land`: bearings (degrees, clockwise from
    the first to the second) in which the surroundings of the centre are dry and on the mainland.
    """

    province: str
    name: str
    code: str
    centre: Point
    streets: tuple[str, ...]
    land: tuple[int, int] = (0, 360)

    @property
    def short(self) -> str:
        return self.name.removesuffix("市")


_TABLE = """
上海市|上海市|3101|31.2304,121.4737|淮海中路 南京西路 四川北路 世纪大道 漕溪北路 延安西路 张杨路 长宁路 曹杨路 控江路
北京市|北京市|1101|39.9042,116.4074|建国门外大街 西单北大街 中关村大街 朝阳门外大街 东直门内大街 阜成门外大街 学院路 广安门外大街 知春路 安立路
广东省|深圳市|4403|22.5431,114.0579|深南大道 华强北路 福华路 红荔路 笋岗东路 新洲路 香梅路 侨香路|285-75
浙江省|杭州市|3301|30.2741,120.1551|庆春路 延安路 凤起路 体育场路 文三路 天目山路 江南大道 莫干山路|310-120
广东省|广州市|4401|23.1291,113.2644|天河路 环市东路 中山五路 东风西路 江南大道中 体育东路 黄埔大道西 北京路
江苏省|南京市|3201|32.0603,118.7969|中山东路 中央路 汉中路 太平南路 龙蟠路 江东中路 湖南路 大桥北路
四川省|成都市|5101|30.5728,104.0668|人民南路 天府大道 蜀汉路 双楠路 东大街 玉双路 一环路南三段 高升桥路
湖北省|武汉市|4201|30.5928,114.3055|解放大道 中南路 武珞路 建设大道 珞喻路 江汉路 徐东大街 友谊大道
重庆市|重庆市|5001|29.5630,106.5516|中山三路 邹容路 长江一路 渝州路 建新北路 南坪西路 龙山大道 杨家坪正街
陕西省|西安市|6101|34.3416,108.9398|长安北路 南大街 高新路 雁塔路 友谊西路 未央路 东关正街 科技路
江苏省|苏州市|3205|31.2990,120.5853|人民路 干将东路 竹辉路 狮山路 三香路 现代大道 景德路 十全街
天津市|天津市|1201|39.1256,117.1902|南京路 卫津路 大沽南路 友谊路 黄河道 中山路 勤俭道 十一经路
浙江省|宁波市|3302|29.8683,121.5440|中山东路 百丈东路 药行街 解放南路 江东北路 天童南路 环城西路 永丰路
山东省|青岛市|3702|36.0671,120.3826|香港中路 延安三路 东海西路 南京路 山东路 辽阳西路 台东三路 江西路|10-75
湖南省|长沙市|4301|28.2282,112.9388|五一大道 芙蓉中路 韶山北路 人民中路 劳动西路 麓山南路 蔡锷中路 书院路
福建省|厦门市|3502|24.4798,118.0894|湖滨南路 厦禾路 思明南路 嘉禾路 莲前西路 湖滨北路 仙岳路 禾祥西路|20-65
福建省|福州市|3501|26.0745,119.2965|五四路 八一七北路 湖东路 五一中路 华林路 工业路 杨桥东路 六一中路
河南省|郑州市|4101|34.7466,113.6254|花园路 金水路 中原中路 二七路 嵩山南路 经三路 农业路 商务外环路
山东省|济南市|3701|36.6512,117.1201|泉城路 经十路 历山路 解放路 山大路 马鞍山路 纬二路 工业南路
安徽省|合肥市|3401|31.8206,117.2272|长江中路 芜湖路 美菱大道 金寨路 徽州大道 濉溪路 潜山路 寿春路|200-120
辽宁省|沈阳市|2101|41.8057,123.4315|青年大街 北陵大街 中山路 南京北街 文化路 和平北大街 十一纬路 惠工街
辽宁省|大连市|2102|38.9140,121.6147|人民路 中山路 五四路 黄河路 西安路 高尔基路 长江路 联合路|255-315
黑龙江省|哈尔滨市|2301|45.7575,126.6420|中央大街 西大直街 果戈里大街 红军街 中山路 长江路 和兴路 新阳路
吉林省|长春市|2201|43.8171,125.3235|人民大街 同志街 解放大路 西安大路 自由大路 重庆路 工农大路 前进大街
江西省|南昌市|3601|28.6820,115.8579|八一大道 北京西路 中山路 站前路 洪都北大道 红谷中大道 象山南路 阳明路
云南省|昆明市|5301|25.0389,102.7183|东风西路 人民中路 北京路 青年路 白塔路 西昌路 滇池路 环城南路|280-130
贵州省|贵阳市|5201|26.5783,106.7135|中华北路 延安中路 瑞金南路 遵义路 宝山北路 北京路 中山西路 花溪大道
广西壮族自治区|南宁市|4501|22.8170,108.3665|民族大道 朝阳路 七星路 东葛路 星湖路 友爱路 新民路 桃源路
河北省|石家庄市|1301|38.0428,114.5149|中山东路 裕华西路 建设南大街 中华大街 槐安路 平安大街 体育南大街 和平东路
山西省|太原市|1401|37.8706,112.5489|迎泽大街 府西街 并州北路 五一路 长风街 新建路 桃园北路 漪汾街
甘肃省|兰州市|6201|36.0611,103.8343|东岗西路 张掖路 庆阳路 皋兰路 天水南路 西津东路 民主东路 武都路|80-130
海南省|海口市|4601|20.0174,110.3493|海府路 国贸路 龙昆北路 滨海大道 蓝天路 大同路 和平南路 海秀东路|100-260
浙江省|温州市|3303|27.9938,120.6994|车站大道 人民东路 小南路 飞霞南路 学院中路 信河街 黎明西路 新城大道|150-280
江苏省|无锡市|3202|31.4912,120.3119|人民中路 中山路 解放北路 梁溪路 县前西街 永和路 太湖大道 清扬路|330-140
广东省|东莞市|4419|23.0207,113.7518|东城中路 鸿福路 莞太路 旗峰路 体育路 运河东一路 东纵路 八一路
广东省|佛山市|4406|23.0215,113.1214|祖庙路 季华五路 汾江中路 同济路 岭南大道北 建新路 亲仁路 卫国路
江苏省|常州市|3204|31.8107,119.9741|延陵西路 和平北路 关河东路 通江中路 局前街 怀德中路 晋陵中路 劳动西路
浙江省|绍兴市|3306|30.0003,120.5810|解放北路 胜利东路 延安路 人民中路 中兴中路 环城西路 迪荡湖路 延安东路
山东省|烟台市|3706|37.5300,121.3900|南大街 西大街 青年路 迎春大街 大海阳路 环山路 幸福路 毓璜顶东路|120-240
内蒙古自治区|呼和浩特市|1501|40.8183,111.6622|新华大街 中山西路 锡林北路 大学西街 乌兰察布东街 呼伦贝尔南路 昭乌达路 成吉思汗大街
"""


def _city(line: str) -> City:
    province, name, code, centre, streets, *land = line.split("|")
    lat, lon = map(float, centre.split(","))
    first, last = map(int, land[0].split("-")) if land else (0, 360)
    return City(province, name, code, Point(lat, lon), tuple(streets.split()), (first, last))


CITIES = tuple(_city(line) for line in _TABLE.strip().splitlines())


def moved(start: Point, bearing: float, km: float) -> Point:
    """The point at a distance from another, in a direction given in degrees clockwise from north."""
    north, east = km * cos(radians(bearing)), km * sin(radians(bearing))
    lat = start.lat + north / _KM_PER_DEGREE
    return Point(round(lat, 6), round(start.lon + east / (_KM_PER_DEGREE * cos(radians(start.lat))), 6))


def street_middles(city: City, seed: int) -> tuple[Point, ...]:
    """Where each street of a city lies in the demo firm."""
    random = reseed(Random(), seed, Stream.STREETS, CITIES.index(city))
    first, last = city.land
    width = (last - first) % 360 or 360
    # By the water no street lies so near the centre that its houses reach beyond it.
    nearest = HOUSE_KM if width < 360 else 0.0
    middles = []
    for _ in city.streets:
        # The root spreads the streets evenly over the area.
        km = (nearest**2 + random.random() * (STREET_KM**2 - nearest**2)) ** 0.5
        middles.append(moved(city.centre, first + random.random() * width, km))
    return tuple(middles)


def house_near(random: Random, middle: Point) -> Point:
    """A house of the street with this middle."""
    return moved(middle, random.random() * 360.0, min(HOUSE_KM, abs(random.gauss(0.0, 0.8))))


def house_address(random: Random, city: City, street: str) -> str:
    """An invented address: house, block and flat in a street."""
    house, block, floor = int(random.random() * 980) + 1, int(random.random() * 28) + 1, int(random.random() * 27) + 1
    return f"{city.name}{street}{house}号{block}幢{floor}{int(random.random() * 4) + 1:02d}室"
