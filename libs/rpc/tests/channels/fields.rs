//! Which fields a caller sees and may ask by follows from the rpc's row and the data class of the field.

use tally_access::{OpContext, Permission, Reach, Region, Target};
use tally_api::identity::v1 as pb;
use tally_kernel::error::Kind;
use tally_kernel::id::{OrgUnitId, PersonId, TenantId};
use tally_rpc::{mask, masked_in, may_ask_by};
use tally_testkit::{Callers, clock};
use uuid::Uuid;

mod policy {
    tally_access::rpcs! {
        GetPerson = "tally.identity.v1.PersonService/GetPerson", PersonRead, SensitiveRead,
            opened_by PersonReadPii PersonReadIdNumber;
        Bare = "tally.identity.v1.PersonService/ListPeople", PersonRead, Read;
    }
}
use policy::{Bare, GetPerson};

const QUESTION: &str = "tally.identity.v1.GetPersonRequest";

fn having(rules: impl IntoIterator<Item = (Permission, Reach)>) -> OpContext {
    let callers = Callers::new(clock("2026-03-02T09:00:00Z"), 7);
    callers.context(&callers.person(TenantId(Uuid::from_u128(1)), None, rules))
}

fn within(unit: u128) -> Reach {
    Reach { units: [OrgUnitId(Uuid::from_u128(unit))].into_iter().collect(), ..Reach::default() }
}

fn place(unit: u128) -> Target {
    let region: Region = "cn-north".parse().unwrap();
    Target::person(region, Some(OrgUnitId(Uuid::from_u128(unit))), PersonId(Uuid::from_u128(9)))
}

#[test]
fn a_permission_opens_the_fields_of_its_class_on_the_rows_that_it_reaches() {
    let ctx = having([
        (Permission::PersonRead, Reach::everything()),
        (Permission::PersonReadPii, within(1)),
        (Permission::PersonReadIdNumber, within(2)),
        // Not among the openers of this rpc, so it opens nothing here.
        (Permission::LeaveReadMedical, Reach::everything()),
    ]);
    let shown = |targets: &[Target]| {
        let leaves = vec![pb::Leave { leave_id: "l".into(), reason: "ill".into(), ..Default::default() }];
        let mut person = pb::Person {
            person_id: "p".into(),
            name: "Li Na".into(),
            id_number: "A1".into(),
            leaves,
            ..Default::default()
        };
        let masked = mask::<GetPerson, _>(&ctx, "tally.identity.v1.Person", &mut person, targets);
        assert_eq!((person.person_id.as_str(), person.leaves[0].leave_id.as_str()), ("p", "l"));
        assert_eq!(person.name.is_empty(), masked.contains(&"name".to_owned()));
        masked
    };
    assert_eq!(shown(&[place(1)]), ["id_number", "leaves.reason"]);
    assert_eq!(shown(&[place(2)]), ["leaves.reason", "name"]);
    assert_eq!(shown(&[place(1), place(2)]), ["leaves.reason"], "one place that is reached is enough");
    assert_eq!(shown(&[place(3)]), ["id_number", "leaves.reason", "name"]);
    assert_eq!(shown(&[]), ["id_number", "leaves.reason", "name"]);
    let rows = [shown(&[place(1)]), shown(&[place(2)])];
    assert_eq!(masked_in("people", rows), ["people.id_number", "people.leaves.reason", "people.name"]);
}

#[test]
fn a_question_by_a_closed_field_needs_what_opens_it() {
    let by_number = pb::GetPersonRequest { id_number: "A1".into(), ..Default::default() };
    let by_id = pb::GetPersonRequest { person_id: "p".into(), as_of: "2026-01-01".into(), ..Default::default() };
    let bare = having([(Permission::PersonRead, Reach::everything())]);
    let refused = may_ask_by::<GetPerson>(&bare, QUESTION, &by_number).unwrap_err();
    assert_eq!((refused.kind(), refused.reason()), (Kind::PermissionDenied, "FIELD_NOT_READABLE"));
    assert!(
        tally_i18n::sentence(tally_kernel::Locale::En, &refused).contains("id_number")
            && tally_i18n::sentence(tally_kernel::Locale::En, &refused).contains("read_id_number"),
        "{refused:?}"
    );
    may_ask_by::<GetPerson>(&bare, QUESTION, &by_id).expect("nothing closed is set");
    let entitled = having([(Permission::PersonReadIdNumber, within(2))]);
    may_ask_by::<GetPerson>(&entitled, QUESTION, &by_number).expect("it opens the field somewhere");
    let refused = may_ask_by::<Bare>(&entitled, QUESTION, &by_number).unwrap_err();
    assert_eq!(refused.reason(), "FIELD_NOT_READABLE", "nothing opens the field for this rpc");
}
