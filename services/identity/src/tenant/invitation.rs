//! Invitations: whoever holds identity's key lets one more group into the store. Nothing is kept of an invitation; it names
//! the id of the group to be made, so it makes one group and no second.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tally_kernel::Result;
use tally_kernel::id::TenantId;
use tally_rpc::{IDENTITY, PublicKey, SigningKey, open_signed};

use super::domain::TenantError;

/// Whom an invitation is for: never good as a token.
const AUDIENCE: &str = "tally invitation";
/// The longest life of an invitation.
pub const MAX_DAYS: u32 = 30;

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    /// The group to be made.
    sub: TenantId,
    /// End of life, seconds since 1970.
    exp: i64,
}

/// An invitation to make this group, good for so many days, at most [`MAX_DAYS`].
///
/// # Errors
/// A fault of ours in signing.
pub fn invite(key: &SigningKey, tenant: TenantId, now: Timestamp, days: u32) -> Result<String> {
    let life = SignedDuration::from_hours(24 * i64::from(days.min(MAX_DAYS)));
    let exp = (now + life).as_second();
    key.sign(&Claims { iss: IDENTITY.to_owned(), aud: AUDIENCE.to_owned(), sub: tenant, exp })
}

/// The group that an invitation lets in.
///
/// # Errors
/// [`TenantError::InvitationInvalid`] and [`TenantError::InvitationExpired`].
pub(crate) fn open(invitation: &str, key: &PublicKey, now: Timestamp) -> Result<TenantId, TenantError> {
    let claims: Claims = open_signed(invitation, AUDIENCE, key).map_err(|_| TenantError::InvitationInvalid)?;
    if key.owner != IDENTITY || claims.iss != IDENTITY {
        return Err(TenantError::InvitationInvalid);
    }
    if claims.exp <= now.as_second() { Err(TenantError::InvitationExpired) } else { Ok(claims.sub) }
}

#[cfg(test)]
mod tests {
    use tally_kernel::Rng;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_invitation_is_good_for_its_group_until_it_ends_and_only_by_identitys_key() {
        let rng = Rng::seeded(1);
        let (key, other) = (SigningKey::generate(IDENTITY, &rng), SigningKey::generate("talent", &rng));
        let now: Timestamp = "2026-03-02T08:00:00Z".parse().unwrap();
        let group = TenantId(Uuid::from_u128(7));
        let invitation = invite(&key, group, now, 7).unwrap();
        assert_eq!(open(&invitation, key.public(), now), Ok(group));
        let [last, after] = ["2026-03-09T07:59:59Z", "2026-03-09T08:00:00Z"].map(|at| at.parse().unwrap());
        assert_eq!(open(&invitation, key.public(), last), Ok(group));
        assert_eq!(open(&invitation, key.public(), after), Err(TenantError::InvitationExpired));
        assert_eq!(open(&invitation, other.public(), now), Err(TenantError::InvitationInvalid));
        let by_talent = invite(&other, group, now, 7).unwrap();
        assert_eq!(open(&by_talent, other.public(), now), Err(TenantError::InvitationInvalid));
        assert_eq!(open("a.b.c", key.public(), now), Err(TenantError::InvitationInvalid));
        let token =
            tally_rpc::Signer::new(IDENTITY, key.clone(), tally_kernel::Clock::fixed(now), rng).token(group, None);
        assert_eq!(
            open(&token.unwrap(), key.public(), now),
            Err(TenantError::InvitationInvalid),
            "a token invites nobody"
        );
    }
}
