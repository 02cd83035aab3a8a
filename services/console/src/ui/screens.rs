//! The screens there are, and which of them a reader is shown: those whose permissions reach something of theirs.

use tally_access::Permission;

use super::Me;

/// Where a screen stands in the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The reader's own work and pay.
    Mine,
    /// A team's day and month.
    Team,
    /// People, accounts, schemes, cycles.
    Branch,
    /// Money.
    Pay,
    /// What happened, and who may what.
    Audit,
    /// Settings of the group.
    Platform,
}

impl Group {
    const ALL: [Self; 6] = [Self::Mine, Self::Team, Self::Branch, Self::Pay, Self::Audit, Self::Platform];

    /// The id of its heading.
    pub fn label(self) -> &'static str {
        match self {
            Self::Mine => "NAV_MINE",
            Self::Team => "NAV_TEAM",
            Self::Branch => "NAV_BRANCH",
            Self::Pay => "NAV_PAY",
            Self::Audit => "NAV_AUDIT",
            Self::Platform => "NAV_PLATFORM",
        }
    }
}

/// Who a screen is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// Whoever is a person and has the permission, if only on themselves.
    Self_(Permission),
    /// Whoever has the permission on more than themselves.
    Others(Permission),
    /// Whoever has the permission at all.
    Any(Permission),
    /// Whoever is signed in.
    All,
}

impl For {
    /// Whether a reader is among them.
    pub fn has(self, me: &Me) -> bool {
        match self {
            Self::Self_(permission) => !me.person_id.is_empty() && me.may(permission),
            Self::Others(permission) => me.may_others(permission),
            Self::Any(permission) => me.may(permission),
            Self::All => true,
        }
    }
}

/// A screen that can be gone to from everywhere.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    pub path: &'static str,
    /// Id of its name.
    pub label: &'static str,
    /// Name of its icon in `vendor/icons.svg`.
    pub icon: &'static str,
    pub group: Group,
    pub audience: For,
}

/// A part of the navigation.
#[derive(Clone, Debug)]
pub struct NavGroup {
    /// Id of its heading.
    pub label: &'static str,
    pub items: Vec<NavItem>,
}

/// A way to a screen.
#[derive(Clone, Debug)]
pub struct NavItem {
    pub path: &'static str,
    pub label: &'static str,
    pub icon: &'static str,
    /// It is this page, or one below it.
    pub current: bool,
}

/// What a reader is shown of the screens, where they are at `path`.
pub fn nav(screens: &[Screen], me: &Me, path: &str) -> Vec<NavGroup> {
    let within =
        |screen: &Screen| path.strip_prefix(screen.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let nearest =
        screens.iter().filter(|screen| within(screen)).map(|screen| screen.path).max_by_key(|path| path.len());
    let item = |screen: &Screen| {
        let Screen { path, label, icon, .. } = *screen;
        NavItem { path, label, icon, current: nearest == Some(path) }
    };
    let group = |group: Group| {
        let shown = screens.iter().filter(|screen| screen.group == group && screen.audience.has(me));
        NavGroup { label: group.label(), items: shown.map(item).collect() }
    };
    Group::ALL.into_iter().map(group).filter(|group| !group.items.is_empty()).collect()
}
