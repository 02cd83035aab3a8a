//! The keys of people: random, one per person, wrapped by the group's key of their class. What is sealed with one can be
//! erased by destroying it, wherever copies of the rows are.
//!
//! They are never cached: each transaction reads those it needs, so a destroyed key is gone for every process at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sea_orm::sea_query::ArrayType;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tally_kernel::id::PersonId;
use tally_kernel::{Error, Kind, msg};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::log::audit::Audit;
use crate::names::PERSON_KEYS;
use crate::seal::cipher::{self, Secret};
use crate::seal::class::{KeyClass, OfPerson};
use crate::seal::sealed::{Cell, Place, Sealed};
use crate::tx::context::to_db;
use crate::tx::scoped::ScopedTx;
use crate::tx::sql::{most_rows, rows_of_next_statement, tuples};
use crate::work::unit_of_work::UnitOfWork;

/// Values of a row that is written.
const WIDTH: usize = 4;
/// The version that values under a person's key carry: such a key has but one.
const VERSION: u32 = 0;

/// The keys of some people, for as long as the transaction they were read in. Made by [`ScopedTx::person_keys`] and
/// [`UnitOfWork::make_person_keys`].
pub struct PersonKeys<'t> {
    tx: &'t ScopedTx,
    /// None: destroyed.
    keys: BTreeMap<Uuid, Option<Secret>>,
}

impl fmt::Debug for PersonKeys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PersonKeys({})", self.keys.len())
    }
}

impl PersonKeys<'_> {
    /// Seals a value for its place with the person's key.
    ///
    /// # Errors
    /// `PERSON_ERASED`; a fault of ours when the key was not asked for.
    pub fn seal<C: OfPerson, T: Serialize>(
        &self,
        person: PersonId,
        place: &Place,
        value: &T,
    ) -> Result<Sealed<C, T>, StoreError> {
        self.tx.sealer().registered(place, C::KEY)?;
        let cell = place.cell(self.tx.scope().tenant);
        let key = self.of(person, &cell)?.ok_or_else(|| erased(person))?;
        Sealed::seal(&cell, VERSION, key, value)
    }

    /// Opens a sealed value in its place; none when the person was erased.
    ///
    /// # Errors
    /// A fault of ours when it was altered or moved, or when the key was not asked for.
    pub fn open<C: OfPerson, T: DeserializeOwned>(
        &self,
        person: PersonId,
        place: &Place,
        sealed: &Sealed<C, T>,
    ) -> Result<Option<T>, StoreError> {
        let cell = place.cell(self.tx.scope().tenant);
        sealed.version(&cell)?;
        self.of(person, &cell)?.map(|key| sealed.open(&cell, VERSION, key)).transpose()
    }

    /// What an audit entry about this person alone holds in the place of a digest; none when the person was erased. Nobody
    /// can tell what it stands for without the person's key.
    ///
    /// # Errors
    /// A fault of ours when the key was not asked for.
    pub fn commitment(&self, person: PersonId, digest: &[u8; 32]) -> Result<Option<[u8; 32]>, StoreError> {
        let place = key_of(person.0);
        let key = self.of(person, &place.cell(self.tx.scope().tenant))?;
        Ok(key.map(|key| {
            let key = Zeroizing::new(blake3::derive_key("tally 1 audit commitment", key.as_slice()));
            *blake3::keyed_hash(&key, digest).as_bytes()
        }))
    }

    fn of(&self, person: PersonId, cell: &Cell<'_>) -> Result<Option<&Secret>, StoreError> {
        let key = self.keys.get(&person.0);
        let key = key.ok_or_else(|| cell.fault(format_args!("{person} has no key, or it was not asked for")))?;
        Ok(key.as_ref())
    }
}

impl ScopedTx {
    /// The keys of these people, those that have one; one query, however many.
    ///
    /// # Errors
    /// What the database says.
    pub async fn person_keys(&self, people: impl IntoIterator<Item = PersonId>) -> Result<PersonKeys<'_>, StoreError> {
        let people: BTreeSet<Uuid> = people.into_iter().map(|person| person.0).collect();
        let mut keys = PersonKeys { tx: self, keys: BTreeMap::new() };
        self.read_person_keys(people, &mut keys.keys).await?;
        Ok(keys)
    }

    async fn read_person_keys(
        &self,
        people: BTreeSet<Uuid>,
        keys: &mut BTreeMap<Uuid, Option<Secret>>,
    ) -> Result<(), StoreError> {
        if people.is_empty() {
            return Ok(());
        }
        let (listed, people) = listed(self.backend(), people);
        let sql = format!("SELECT id, wrapped FROM {PERSON_KEYS} WHERE tenant_id = $1 AND id {listed}");
        for row in self.raw().query_all_raw(self.statement(sql, [self.scope().tenant.into(), people])).await? {
            let (person, wrapped): (Uuid, Option<Vec<u8>>) = row.try_get_many_by_index()?;
            let key = match wrapped {
                Some(wrapped) => Some(self.unwrap_person_key(person, &wrapped).await?),
                None => None,
            };
            keys.insert(person, key);
        }
        Ok(())
    }

    async fn unwrap_person_key(&self, person: Uuid, wrapped: &[u8]) -> Result<Secret, StoreError> {
        let place = key_of(person);
        let cell = place.cell(self.scope().tenant);
        let version = cell.version(KeyClass::PersonKey, wrapped)?;
        let group = self.opening_key(&cell, KeyClass::PersonKey, version).await?;
        let key = cell.open(KeyClass::PersonKey, version, &group, wrapped)?;
        key.as_slice().try_into().map(Zeroizing::new).map_err(|_| cell.fault("a key of another length"))
    }
}

impl UnitOfWork {
    /// The keys of these people, to seal with; made for those who have none yet. A few statements, however many people.
    ///
    /// # Errors
    /// `PERSON_ERASED` when the key of one of them was destroyed.
    pub async fn make_person_keys(
        &self,
        people: impl IntoIterator<Item = PersonId>,
    ) -> Result<PersonKeys<'_>, StoreError> {
        let found = self.found_or_made(people).await?;
        match found.keys.iter().find(|(_, key)| key.is_none()) {
            Some((person, _)) => Err(erased(PersonId(*person))),
            None => Ok(found),
        }
    }

    /// Turns the digests of an entry about one person into commitments that an erasure makes unlinkable; the chain binds
    /// these, so it still verifies then. Digests about several people, or nobody, are of lists and settings.
    pub(crate) async fn committed(&self, audit: Audit, inserted: &BTreeSet<Uuid>) -> Result<Audit, StoreError> {
        let Some(person) = audit.person_of_digests(inserted) else { return Ok(audit) };
        let keys = self.found_or_made([person]).await?;
        audit.map_digests(|digest| keys.commitment(person, digest))
    }

    /// The keys of these people, destroyed ones too; made for those who have none yet.
    async fn found_or_made(&self, people: impl IntoIterator<Item = PersonId>) -> Result<PersonKeys<'_>, StoreError> {
        // Sorted, so that two units that make the same keys wait for each other instead of dying of each other.
        let people: BTreeSet<Uuid> = people.into_iter().map(|person| person.0).collect();
        let mut found = self.person_keys(people.iter().copied().map(PersonId)).await?;
        let missing: BTreeSet<Uuid> = people.into_iter().filter(|person| !found.keys.contains_key(person)).collect();
        if !missing.is_empty() {
            self.insert_person_keys(&missing).await?;
            // Read again, because somebody else may have made one of them at the same moment.
            self.read_person_keys(missing, &mut found.keys).await?;
        }
        Ok(found)
    }

    async fn insert_person_keys(&self, people: &BTreeSet<Uuid>) -> Result<(), StoreError> {
        let (version, group) = self.sealing_key(KeyClass::PersonKey).await?;
        let scope = self.scope();
        let mut left = people.iter();
        while left.len() > 0 {
            let size = rows_of_next_statement(left.len(), most_rows(WIDTH));
            let mut values: Vec<Value> = Vec::with_capacity(size * WIDTH);
            for person in left.by_ref().take(size) {
                let place = key_of(*person);
                let cell = place.cell(scope.tenant);
                let wrapped = cell.seal(KeyClass::PersonKey, version, &group, cipher::fresh().as_slice())?;
                values.extend([scope.tenant.into(), (*person).into(), wrapped.into(), to_db(scope.now).into()]);
            }
            let sql = format!(
                "INSERT INTO {PERSON_KEYS} (tenant_id, id, wrapped, recorded_at) VALUES {} ON CONFLICT DO NOTHING",
                tuples(size, WIDTH)
            );
            self.raw().execute_raw(Statement::from_sql_and_values(self.backend(), sql, values)).await?;
        }
        Ok(())
    }

    /// Destroys a person's key: whatever was sealed with it cannot be opened any more, and nothing is sealed for that
    /// person again. `false`: it was destroyed before. What was computed from sealed values, such as a
    /// [`BlindIndex`](crate::BlindIndex), is the caller's to clear, in the same unit.
    ///
    /// # Errors
    /// What the database says.
    pub async fn erase_person(&self, person: PersonId) -> Result<bool, StoreError> {
        let sql = format!(
            "INSERT INTO {PERSON_KEYS} (tenant_id, id, recorded_at, destroyed_at) VALUES ($1, $2, $3, $3) \
             ON CONFLICT (tenant_id, id) DO UPDATE SET wrapped = NULL, destroyed_at = excluded.destroyed_at \
             WHERE {PERSON_KEYS}.destroyed_at IS NULL"
        );
        let values = [self.scope().tenant.into(), person.0.into(), to_db(self.scope().now).into()];
        Ok(self.raw().execute_raw(self.statement(sql, values)).await?.rows_affected() == 1)
    }
}

fn key_of(person: Uuid) -> Place {
    Place::named(PERSON_KEYS, "wrapped", person)
}

fn erased(person: PersonId) -> StoreError {
    StoreError::Refused(Error::of(Kind::FailedPrecondition, msg!("PERSON_ERASED", person_id = person)))
}

/// `= ANY($2)` and its like, with the list as one value.
fn listed(backend: DbBackend, ids: BTreeSet<Uuid>) -> (&'static str, Value) {
    match backend {
        DbBackend::Postgres => {
            let ids: Vec<Value> = ids.into_iter().map(Value::from).collect();
            ("= ANY($2)", Value::Array(ArrayType::Uuid, Some(Box::new(ids))))
        }
        _ => {
            let ids: Vec<String> = ids.into_iter().map(|id| id.simple().to_string()).collect();
            ("IN (SELECT unhex(value) FROM json_each($2))", serde_json::Value::from(ids).to_string().into())
        }
    }
}
