//! Names and comments in two languages.

use super::Lang;

pub(super) struct Words {
    pub group: &'static str,
    /// Branch and region.
    pub branches: [(&'static str, &'static str); 3],
    pub department: &'static str,
    pub teams: [&'static str; 4],
    pub outsourced: &'static str,
    /// Manager, trainer, agent.
    pub positions: [&'static str; 3],
    pub surnames: &'static [&'static str],
    pub given: &'static [&'static str],
    /// Between surname and given name.
    pub given_first: bool,
    pub nicknames: &'static [&'static str],
    pub platforms: [&'static str; 3],
    pub stores: [&'static str; 18],
    /// Before sale, after sale, delivery.
    pub kinds: [&'static str; 3],
    pub tiers: [&'static str; 3],
    pub scheme: &'static str,
    /// Comments at the head of group.yaml, policy.yaml, scheme.yaml and pool.yaml.
    pub comments: [&'static str; 4],
}

pub(super) fn of(lang: Lang) -> &'static Words {
    match lang {
        Lang::En => &EN,
        Lang::ZhCn => &ZH,
    }
}

static EN: Words = Words {
    group: "Star River Group",
    branches: [("Hangzhou", "cn-east"), ("Guangzhou", "cn-south"), ("Chengdu", "cn-west")],
    department: "Customer Service",
    teams: ["Team 1", "Team 2", "Team 3", "Team 4"],
    outsourced: "Outsourced",
    positions: ["service manager", "trainer", "agent"],
    surnames: &[
        "Wang", "Li", "Zhang", "Liu", "Chen", "Yang", "Zhao", "Huang", "Zhou", "Wu", "Xu", "Sun", "Hu", "Zhu", "Gao",
        "Lin", "He", "Guo", "Ma", "Luo",
    ],
    given: &[
        "Fang", "Wei", "Min", "Jing", "Li", "Qiang", "Lei", "Jun", "Yang", "Yong", "Yan", "Jie", "Juan", "Tao", "Ming",
        "Chao", "Xia", "Ping", "Gang", "Hui", "Na", "Xin", "Yu",
    ],
    given_first: true,
    nicknames: &[
        "Rain", "Lemon", "Peach", "Cloud", "Sunny", "Maple", "Berry", "Coco", "Jade", "Willow", "Mango", "Pearl",
        "River", "Bamboo", "Lotus", "Honey",
    ],
    platforms: ["JD", "Vipshop", "Tmall"],
    stores: [
        "Star River Digital",
        "Star River Fashion",
        "Star River Home",
        "Southern Light Audio",
        "Southern Light Beauty",
        "Southern Light Outlet",
        "West Peak Outdoor",
        "West Peak Kitchen",
        "West Peak Shoes",
        "Star River Toys",
        "Star River Books",
        "Star River Garden",
        "Southern Light Watches",
        "Southern Light Sports",
        "Southern Light Kids",
        "West Peak Tea",
        "West Peak Bikes",
        "West Peak Bags",
    ],
    kinds: ["presale", "aftersale", "delivery"],
    tiers: ["excellent", "good", "base"],
    scheme: "Customer service, March",
    comments: [
        "The enterprise. Every line has a default; the period is the month that holds all records unless it is given.",
        "How evidence becomes credit: these are the defaults.",
        "How credited records become a score: these are the defaults. Weights sum to 100.",
        "The money of the month and how it is split. Without this file nothing is settled. Shares sum to 100.",
    ],
};

static ZH: Words = Words {
    group: "星河集团",
    branches: [("杭州分公司", "cn-east"), ("广州分公司", "cn-south"), ("成都分公司", "cn-west")],
    department: "客服部",
    teams: ["一组", "二组", "三组", "四组"],
    outsourced: "外包组",
    positions: ["客服主管", "培训师", "客服"],
    surnames: &[
        "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林", "何", "郭",
        "马", "罗",
    ],
    given: &[
        "芳", "伟", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明", "超", "霞", "平",
        "刚", "慧", "娜", "欣怡", "雨桐",
    ],
    given_first: false,
    nicknames: &[
        "小雨", "柠檬", "桃子", "云朵", "晴天", "枫叶", "莓莓", "可可", "小玉", "柳柳", "芒果", "珍珠", "小溪", "竹子",
        "莲子", "蜜糖",
    ],
    platforms: ["京东", "唯品会", "天猫"],
    stores: [
        "星河数码旗舰店",
        "星河服饰旗舰店",
        "星河家居旗舰店",
        "南光影音专营店",
        "南光美妆旗舰店",
        "南光奥莱店",
        "西岭户外旗舰店",
        "西岭厨具专营店",
        "西岭鞋类旗舰店",
        "星河玩具旗舰店",
        "星河图书专营店",
        "星河园艺旗舰店",
        "南光钟表专营店",
        "南光运动旗舰店",
        "南光童装旗舰店",
        "西岭茶叶旗舰店",
        "西岭骑行专营店",
        "西岭箱包旗舰店",
    ],
    kinds: ["售前", "售后", "物流"],
    tiers: ["优秀", "良好", "合格"],
    scheme: "客服三月考核",
    comments: [
        "集团信息。每一项都有默认值；不写 period 时，取包含全部记录的那个自然月。",
        "归属规则，以下均为默认值。",
        "考核方案，以下均为默认值。权重合计必须为 100。",
        "本月奖金与分配办法；没有这个文件就不结算。各部分 share 合计必须为 100。",
    ],
};
