//! A view on its way from identity to another service: writing it and reading it, side by side.
//!
//! Permissions of the same grants share one reach, and a reach writes an id in 16 bytes: the view of a group of 10,000
//! units stays far below the largest message.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tally_access::{
    Border, Condition, MODULES, Modules, Permission, Provisional, Reach, Region, Source, Stay, Stays, View,
};
use tally_api::identity::v1::{self as pb, GetViewResponse, ProvisionalRules, Rule};
use tally_kernel::id::{OrgUnitId, PersonId, PrincipalId};
use tally_kernel::{Error, Result, time};
use uuid::Uuid;

/// Writes a view as identity answers it; revision and lease are left to the answer.
pub fn write_view(view: &View) -> GetViewResponse {
    let mut reaches = Reaches::default();
    let rules = reaches.rules(view.rules());
    let along = reaches.rules(view.along());
    let provisional = view.provisional().iter().map(|p| write_provisional(p, &mut reaches)).collect();
    let missing = MODULES.into_iter().filter(|name| match view.modules() {
        Modules::All => false,
        Modules::Only(names) => !names.contains(*name),
    });
    GetViewResponse {
        rules,
        along,
        provisional,
        person_id: view.person().map(|id| id.to_string()).unwrap_or_default(),
        reaches: reaches.written,
        zone: view.zone().iana_name().unwrap_or("UTC").to_owned(),
        missing_modules: missing.map(str::to_owned).collect(),
        suspended: view.is_suspended(),
        ..GetViewResponse::default()
    }
}

/// Reaches that were written, each once.
#[derive(Default)]
struct Reaches {
    written: Vec<pb::Reach>,
    known: Vec<Arc<Reach>>,
}

impl Reaches {
    fn rules<'a>(&mut self, rules: impl IntoIterator<Item = (Permission, &'a Arc<Reach>)>) -> Vec<Rule> {
        let rule = |(permission, reach): (Permission, &'a Arc<Reach>)| Rule {
            permission: permission.name().to_owned(),
            reach: self.place(reach),
        };
        rules.into_iter().map(rule).collect()
    }

    fn place(&mut self, reach: &Arc<Reach>) -> u32 {
        let at = self.known.iter().position(|known| Arc::ptr_eq(known, reach)).unwrap_or_else(|| {
            self.written.push(pb::Reach {
                tenant: reach.tenant,
                regions: reach.regions.iter().map(ToString::to_string).collect(),
                unit_ids: encoded(reach.units.iter().map(|id| id.0)),
                person_ids: encoded(reach.persons.iter().map(|id| id.0)),
                moved: write_moved(reach),
            });
            self.known.push(Arc::clone(reach));
            self.known.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }
}

fn write_moved(reach: &Reach) -> Vec<pb::MovedUnits> {
    let day = |border: Option<Border>| border.map(|border| border.day.to_string()).unwrap_or_default();
    let stay = |stay: &Stay| pb::Stay { from: day(stay.from), until: day(stay.until) };
    let units = |(stays, ids): (&Stays, Vec<OrgUnitId>)| pb::MovedUnits {
        unit_ids: encoded(ids.into_iter().map(Uuid::from)),
        today: stays.today(),
        stays: stays.days().iter().map(stay).collect(),
    };
    reach.moved_together().into_iter().map(units).collect()
}

fn encoded(ids: impl Iterator<Item = Uuid>) -> Vec<u8> {
    ids.collect::<BTreeSet<_>>().into_iter().flat_map(Uuid::into_bytes).collect()
}

fn write_provisional(provisional: &Provisional, reaches: &mut Reaches) -> ProvisionalRules {
    let at = |at: Timestamp| prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() };
    let (delegator_id, break_glass_id) = match provisional.source {
        Source::Own => (String::new(), String::new()),
        Source::Delegated(principal) => (principal.to_string(), String::new()),
        Source::BreakGlass(id) => (String::new(), id.to_string()),
    };
    ProvisionalRules {
        delegator_id,
        break_glass_id,
        from: provisional.from.map(at),
        until: provisional.until.map(at),
        second_factor: provisional.condition.second_factor,
        hours: provisional.condition.hours.map(|hours| hours.to_string()).unwrap_or_default(),
        rules: reaches.rules(provisional.rules.iter().map(|(permission, reach)| (*permission, reach))),
    }
}

/// Reads the view that identity sent. A permission this program does not know is one it never asks for.
pub(crate) fn read_view(reply: GetViewResponse) -> Result<View> {
    read(reply).map_err(|error| Error::internal(format!("identity sent a view that cannot be read: {error}")))
}

fn read(reply: GetViewResponse) -> Result<View> {
    let zone = time::zone(&reply.zone)?;
    let reaches =
        reply.reaches.iter().map(|reach| read_reach(reach, &zone).map(Arc::new)).collect::<Result<Vec<_>>>()?;
    let person = Some(reply.person_id.as_str()).filter(|id| !id.is_empty()).map(str::parse::<PersonId>).transpose()?;
    let provisional = reply.provisional.iter().map(|p| read_provisional(p, &reaches)).collect::<Result<Vec<_>>>()?;
    let view = View::new(reply.revision, person, read_rules(&reply.rules, &reaches)?).with(provisional, zone);
    let along = read_rules(&reply.along, &reaches)?;
    let view = if reply.suspended { view.suspended().taking_along(along) } else { view };
    if reply.missing_modules.is_empty() {
        return Ok(view);
    }
    let held = MODULES.into_iter().filter(|name| !reply.missing_modules.iter().any(|missing| missing == name));
    Ok(view.entitled(Modules::Only(held.map(str::to_owned).collect())))
}

fn read_rules(rules: &[Rule], reaches: &[Arc<Reach>]) -> Result<Vec<(Permission, Arc<Reach>)>> {
    let known = rules.iter().filter_map(|rule| Some((rule.permission.parse::<Permission>().ok()?, rule.reach)));
    let rule = |(permission, at): (Permission, u32)| {
        let reach = reaches.get(at as usize).ok_or_else(|| Error::internal(format!("no reach {at}")))?;
        Ok((permission, Arc::clone(reach)))
    };
    known.map(rule).collect()
}

fn read_reach(reach: &pb::Reach, zone: &TimeZone) -> Result<Reach> {
    let mut moved = BTreeMap::new();
    for units in &reach.moved {
        let days = units.stays.iter().map(|stay| read_stay(stay, zone)).collect::<Result<Vec<_>>>()?;
        let stays = Stays::new(units.today, days);
        moved.extend(decoded(&units.unit_ids)?.map(|id| (OrgUnitId(id), stays.clone())));
    }
    Ok(Reach {
        tenant: reach.tenant,
        regions: reach.regions.iter().map(|region| region.parse::<Region>()).collect::<Result<_>>()?,
        units: decoded(&reach.unit_ids)?.map(OrgUnitId).collect(),
        moved,
        persons: decoded(&reach.person_ids)?.map(PersonId).collect(),
    })
}

fn read_stay(stay: &pb::Stay, zone: &TimeZone) -> Result<Stay> {
    let border = |day: &str| match day {
        "" => Ok(None),
        day => day.parse::<Date>().map(|day| Some(Border::before(day, zone))).map_err(Error::internal),
    };
    Ok(Stay { from: border(&stay.from)?, until: border(&stay.until)? })
}

fn decoded(bytes: &[u8]) -> Result<impl Iterator<Item = Uuid> + '_> {
    let (ids, rest) = bytes.as_chunks::<16>();
    if rest.is_empty() { Ok(ids.iter().map(|id| Uuid::from_bytes(*id))) } else { Err(Error::internal("half an id")) }
}

fn read_provisional(rules: &ProvisionalRules, reaches: &[Arc<Reach>]) -> Result<Provisional> {
    let at = |at: &prost_types::Timestamp| Timestamp::new(at.seconds, at.nanos).map_err(Error::internal);
    let source = match (rules.delegator_id.as_str(), rules.break_glass_id.as_str()) {
        ("", "") => Source::Own,
        (delegator, "") => Source::Delegated(delegator.parse::<PrincipalId>()?),
        (_, emergency) => Source::BreakGlass(Uuid::parse_str(emergency).map_err(Error::internal)?),
    };
    let hours = Some(rules.hours.as_str()).filter(|hours| !hours.is_empty()).map(str::parse).transpose()?;
    Ok(Provisional {
        source,
        from: rules.from.as_ref().map(at).transpose()?,
        until: rules.until.as_ref().map(at).transpose()?,
        condition: Condition { second_factor: rules.second_factor, hours },
        rules: read_rules(&rules.rules, reaches)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved() -> Stays {
        let before = |day: &str| Some(Border::before(day.parse().unwrap(), &TimeZone::get("Asia/Shanghai").unwrap()));
        let (early, late) = (before("2026-01-01"), before("2026-03-02"));
        Stays::new(true, [Stay { from: None, until: early }, Stay { from: late, until: None }])
    }

    fn reach() -> Arc<Reach> {
        Arc::new(Reach {
            tenant: false,
            regions: ["cn-north".parse().unwrap()].into(),
            units: [7, 8].map(|n| OrgUnitId(Uuid::from_u128(n))).into_iter().collect(),
            moved: [10, 11].map(|n| (OrgUnitId(Uuid::from_u128(n)), moved())).into(),
            persons: [PersonId(Uuid::from_u128(9))].into_iter().collect(),
        })
    }

    fn sample() -> View {
        let rules = [
            (Permission::PunchRecord, reach()),
            (Permission::OrgRead, Arc::new(Reach::everything())),
            (Permission::TenantRead, Arc::new(Reach::everything())),
        ];
        let noon: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        let provisional = |source, from, until, condition| Provisional {
            source,
            from,
            until,
            condition,
            rules: vec![(Permission::PunchRead, reach())],
        };
        let office = Condition { second_factor: true, hours: Some("08:00-20:00".parse().unwrap()) };
        let provisional = vec![
            provisional(Source::Own, None, None, office),
            provisional(
                Source::Delegated(PrincipalId(Uuid::from_u128(3))),
                Some(noon),
                Some(noon),
                Condition::default(),
            ),
            provisional(Source::BreakGlass(Uuid::from_u128(4)), Some(noon), None, Condition::default()),
        ];
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let modules = Modules::Only(["attendance".to_owned()].into());
        View::new(41, Some(PersonId(Uuid::from_u128(9))), rules).with(provisional, zone).entitled(modules)
    }

    #[test]
    fn a_view_survives_the_way_through_the_contract() {
        let view = sample();
        let mut sent = GetViewResponse { revision: 41, ..write_view(&view) };
        sent.rules.push(Rule { permission: "of.a.newer.release".into(), reach: 0 });
        let read = read_view(sent).unwrap();
        assert_eq!((read.revision(), read.person()), (view.revision(), view.person()));
        assert_eq!(read.rules().collect::<Vec<_>>(), view.rules().collect::<Vec<_>>());
        assert_eq!(read.provisional(), view.provisional());
        assert_eq!(read.modules(), view.modules());
        assert_eq!(read.zone().iana_name(), view.zone().iana_name());
    }

    #[test]
    fn of_a_suspended_group_it_brings_what_may_be_taken_along_and_nothing_else() {
        let read = read_view(write_view(&sample().suspended())).unwrap();
        assert!(read.is_suspended());
        assert_eq!(read.rules().map(|(permission, _)| permission).collect::<Vec<_>>(), [Permission::TenantRead]);
        assert_eq!(read.along().collect::<Vec<_>>(), sample().rules().collect::<Vec<_>>());
        assert_eq!(read_view(write_view(&sample())).unwrap().along().count(), 0);
    }

    #[test]
    fn permissions_that_share_a_reach_share_it_on_the_wire_too() {
        let all = Arc::new(Reach::everything());
        let rules = Permission::ALL.iter().map(|permission| (*permission, Arc::clone(&all)));
        let sent = write_view(&View::new(1, None, rules));
        assert_eq!((sent.rules.len(), sent.reaches.len()), (Permission::COUNT, 1));
    }

    #[test]
    fn a_view_that_is_broken_is_no_view() {
        let broken = [
            GetViewResponse {
                reaches: vec![pb::Reach { unit_ids: vec![7], ..Default::default() }],
                ..write_view(&sample())
            },
            GetViewResponse {
                reaches: vec![pb::Reach {
                    moved: vec![pb::MovedUnits {
                        stays: vec![pb::Stay { from: "yesterday".into(), ..Default::default() }],
                        ..Default::default()
                    }],
                    ..Default::default()
                }],
                ..write_view(&sample())
            },
            GetViewResponse { reaches: Vec::new(), ..write_view(&sample()) },
            GetViewResponse { zone: "Mars".into(), ..write_view(&sample()) },
            GetViewResponse { person_id: "7".into(), ..write_view(&sample()) },
        ];
        for reply in broken {
            assert_eq!(read_view(reply).unwrap_err().reason(), "INTERNAL");
        }
    }
}
