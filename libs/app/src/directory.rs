//! What a service knows of people, to say where each belongs ([`tally_kernel::person`]).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use tally_access::OpContext;
use tally_api::identity::v1 as pb;
use tally_api::identity::v1::person_service_client::PersonServiceClient;
use tally_kernel::id::{PersonId, TenantId};
use tally_kernel::page::MAX_SIZE;
use tally_kernel::person::{DirectoryPerson, Employment, Post};
use tally_kernel::time::zone;
use tally_kernel::{Error, Result};
use tally_rpc::{Peer, error_from, unreadable};
use tokio::sync::OnceCell;

use crate::convert::sent;
use crate::trees::Trees;

/// People of one group that are kept. A larger group is read anew each time.
const MAX_PEOPLE: usize = 250_000;
/// Groups whose people are kept; beyond, all but those in use go.
const MAX_GROUPS: usize = 16;

/// The people of a group, as of one of its revisions.
#[derive(Clone, Debug, Default)]
pub struct People {
    revision: u64,
    by_id: HashMap<PersonId, Arc<DirectoryPerson>>,
    trees: OnceCell<Arc<Trees>>,
}

impl People {
    /// These, of no revision that anybody knows.
    pub fn new(people: impl IntoIterator<Item = DirectoryPerson>) -> Self {
        Self { by_id: people.into_iter().map(|person| (person.id, Arc::new(person))).collect(), ..Self::default() }
    }

    /// One of them.
    pub fn get(&self, id: PersonId) -> Option<&DirectoryPerson> {
        self.by_id.get(&id).map(Arc::as_ref)
    }

    /// All, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<DirectoryPerson>> {
        self.by_id.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether the group has nobody.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}

/// Locked while identity is asked, so that many calls of one group ask once.
type Entry = Arc<tokio::sync::Mutex<Option<Arc<People>>>>;

/// The people of each group as identity tells of them, kept until something changes. Identity is asked every time whether it
/// has: one row by key. So nobody is placed by what is not so any more, and no call but the first after a change reads
/// everybody. Cheap to clone; clones share what is kept.
#[derive(Clone, Debug)]
pub struct Directory {
    identity: Peer,
    kept: Arc<Mutex<HashMap<TenantId, Entry>>>,
}

impl Directory {
    /// What this peer tells.
    pub fn new(identity: Peer) -> Self {
        Self { identity, kept: Arc::default() }
    }

    /// Everybody of the group, with all employments. Asked as the service: whom a fact belongs to must not depend on whom the
    /// caller may see.
    ///
    /// # Errors
    /// What identity says, or that it is away.
    pub async fn everybody(&self, ctx: &OpContext) -> Result<Arc<People>> {
        let entry = self.entry(ctx.tenant());
        let mut kept = entry.lock().await;
        let known_revision = kept.as_ref().map_or(0, |people| people.revision);
        let page = self.page(ctx, known_revision, String::new()).await?;
        if let Some(people) = kept.as_ref().filter(|_| page.unchanged) {
            return Ok(Arc::clone(people));
        }
        // What is read after the first page may be newer than the revision it came with; the next call finds that out.
        let people = Arc::new(self.read(ctx, page).await?);
        *kept = (people.revision > 0 && people.len() <= MAX_PEOPLE).then(|| Arc::clone(&people));
        Ok(people)
    }

    /// Where the units of these people hung, and what they were called, on every day: read once for a revision.
    ///
    /// # Errors
    /// What identity says, or that it is away.
    pub async fn trees(&self, ctx: &OpContext, people: &People) -> Result<Arc<Trees>> {
        let read = async || Trees::of(&self.identity, ctx).await.map(Arc::new);
        people.trees.get_or_try_init(read).await.cloned()
    }

    /// One person, as of now.
    ///
    /// # Errors
    /// `NOT_FOUND`, what identity says, or that it is away.
    pub async fn person(&self, ctx: &OpContext, id: PersonId) -> Result<DirectoryPerson> {
        let ask = pb::GetPersonRequest { person_id: id.to_string(), ..Default::default() };
        let mut client = PersonServiceClient::new(self.identity.channel());
        let reply = client.get_person(self.identity.as_service(ctx, ask)).await.map_err(error_from)?.into_inner();
        person(reply.person.ok_or_else(|| Error::not_found("person", id))?, &mut HashSet::new())
    }

    async fn page(&self, ctx: &OpContext, known_revision: u64, page_token: String) -> Result<pb::ListPeopleResponse> {
        let ask = pb::ListPeopleRequest { page_size: MAX_SIZE, page_token, known_revision, ..Default::default() };
        let mut client = PersonServiceClient::new(self.identity.channel());
        Ok(client.list_people(self.identity.as_service(ctx, ask)).await.map_err(error_from)?.into_inner())
    }

    async fn read(&self, ctx: &OpContext, first: pb::ListPeopleResponse) -> Result<People> {
        let mut people = People { revision: first.revision, ..People::default() };
        let (mut page, mut texts) = (first, HashSet::new());
        loop {
            for told in page.people {
                let person = person(told, &mut texts)?;
                people.by_id.insert(person.id, Arc::new(person));
            }
            if page.next_page_token.is_empty() {
                return Ok(people);
            }
            page = self.page(ctx, 0, page.next_page_token).await?;
        }
    }

    fn entry(&self, tenant: TenantId) -> Entry {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_GROUPS && !kept.contains_key(&tenant) {
            kept.retain(|_, entry| Arc::strong_count(entry) > 1);
        }
        Arc::clone(kept.entry(tenant).or_default())
    }
}

fn person(told: pb::Person, texts: &mut HashSet<Arc<str>>) -> Result<DirectoryPerson> {
    let mut employments = Vec::with_capacity(told.employments.len());
    for employment in told.employments {
        let kind = sent::employment_kind(employment.kind)?;
        employments.push(Employment {
            post: match employment.post() {
                pb::Post::Unspecified => return Err(unreadable("a post of no kind that is known here")),
                pb::Post::Home => Post::Home,
                pb::Post::Concurrent | pb::Post::Secondment => Post::Beside,
            },
            from: sent::date(&employment.from)?,
            to: sent::optional_date(&employment.to)?,
            unit: sent::value(&employment.unit_id)?,
            unit_path: shared(texts, employment.unit_path),
            region: sent::value(&employment.region)?,
            position: shared(texts, employment.position),
            grade: shared(texts, employment.grade),
            kind,
        });
    }
    employments.sort_by_key(|e| e.from);
    Ok(DirectoryPerson {
        id: sent::value(&told.person_id)?,
        employee_no: told.employee_no,
        zone: zone(&told.zone).map_err(unreadable)?,
        employments,
    })
}

fn shared(texts: &mut HashSet<Arc<str>>, text: String) -> Arc<str> {
    if let Some(there) = texts.get(text.as_str()) {
        return Arc::clone(there);
    }
    let text: Arc<str> = text.into();
    texts.insert(Arc::clone(&text));
    text
}
