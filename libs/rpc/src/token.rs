//! Tokens: EdDSA JWTs of people, made by identity, and of services, each made by the service with its own key.
//!
//! A key has an owner. Identity's keys may speak for anybody; a service's key only for that service, whatever the
//! claims say, so a stolen service key opens what that service may do and nothing else.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tally_access::{Regions, service_principal};
use tally_kernel::error::{Error, Kind, Result};
use tally_kernel::id::{PersonId, PrincipalId, SessionId, TenantId};
use tally_kernel::{Rng, msg};
use uuid::Uuid;

use crate::eddsa;

/// The audience of every token.
pub const AUDIENCE: &str = "tally";
/// The owner whose keys may speak for anybody.
pub const IDENTITY: &str = "identity";
/// How far the clocks of two machines may differ, seconds.
pub(crate) const LEEWAY_SECONDS: i64 = 10;

/// What a token speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// A login of a person.
    Person,
    /// A login without a person.
    User,
    /// A service.
    Service,
}

/// The payload of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who made it: `identity`, or the service's name.
    pub iss: String,
    /// [`AUDIENCE`].
    pub aud: String,
    /// Whose it is.
    pub sub: PrincipalId,
    /// The group.
    pub tid: TenantId,
    /// The regions of the stack that made it, sorted; none where a stack serves every region. It is good in a stack of
    /// these regions and in no other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rgn: Vec<String>,
    /// What it speaks for.
    pub typ: TokenKind,
    /// The person behind the login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<PersonId>,
    /// The session, or the API key; a service has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<SessionId>,
    /// Whether the session was opened with a second factor.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mfa: bool,
    /// The principal a service acts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obo: Option<PrincipalId>,
    /// End of life, seconds since 1970.
    pub exp: i64,
    /// Made at, seconds since 1970.
    pub iat: i64,
    /// The token's own id.
    pub jti: Uuid,
}

/// A key that verifies tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// [`IDENTITY`], or the name of the one service it speaks for.
    pub owner: String,
    /// The key's id: a digest of the key.
    pub kid: String,
    /// Ed25519, compressed.
    pub bytes: [u8; 32],
}

impl PublicKey {
    /// A key with its id.
    pub fn new(owner: &str, bytes: [u8; 32]) -> Self {
        let kid = URL_SAFE_NO_PAD.encode(&blake3::derive_key("tally 2026 key id", &bytes)[..12]);
        Self { owner: owner.to_owned(), kid, bytes }
    }
}

/// A JSON Web Key Set (RFC 7517, RFC 8037) whose keys name their owner in `tally_owner`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Jwks(pub Vec<PublicKey>);

#[derive(Serialize, Deserialize)]
struct JwkSet {
    keys: Vec<Jwk>,
}

#[derive(Serialize, Deserialize)]
struct Jwk {
    kty: String,
    crv: String,
    alg: String,
    r#use: String,
    kid: String,
    x: String,
    tally_owner: String,
}

impl Jwks {
    /// The set as JSON, for `SessionService.GetJwks`.
    pub fn to_json(&self) -> String {
        let keys = self.0.iter().map(|key| Jwk {
            kty: "OKP".into(),
            crv: "Ed25519".into(),
            alg: "EdDSA".into(),
            r#use: "sig".into(),
            kid: key.kid.clone(),
            x: URL_SAFE_NO_PAD.encode(key.bytes),
            tally_owner: key.owner.clone(),
        });
        serde_json::to_string(&JwkSet { keys: keys.collect() }).unwrap_or_else(|_| r#"{"keys":[]}"#.into())
    }

    /// Reads a set; keys of other kinds are left out.
    ///
    /// # Errors
    /// An internal error when it is not a key set.
    pub fn from_json(json: &str) -> Result<Self> {
        let set: JwkSet = serde_json::from_str(json).map_err(|e| Error::internal(format!("not a key set: {e}")))?;
        let ours = set.keys.into_iter().filter(|key| key.kty == "OKP" && key.crv == "Ed25519");
        let keys = ours.filter_map(|key| {
            let bytes = URL_SAFE_NO_PAD.decode(&key.x).ok()?.try_into().ok()?;
            Some(PublicKey { owner: key.tally_owner, kid: key.kid, bytes })
        });
        Ok(Self(keys.collect()))
    }

    /// The key of this id.
    pub fn find(&self, kid: &str) -> Option<&PublicKey> {
        self.0.iter().find(|key| key.kid == kid)
    }
}

/// A key that makes tokens.
#[derive(Clone)]
pub struct SigningKey {
    public: PublicKey,
    signing: ed25519_dalek::SigningKey,
    encoding: EncodingKey,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({} {})", self.public.owner, self.public.kid)
    }
}

impl SigningKey {
    /// The key that 32 secret bytes determine. `owner` is [`IDENTITY`] or a service's name.
    pub fn from_seed(owner: &str, seed: [u8; 32]) -> Self {
        let signing = ed25519_dalek::SigningKey::from_bytes(&seed);
        let public = PublicKey::new(owner, signing.verifying_key().to_bytes());
        Self { public, signing, encoding: eddsa::encoding(&seed) }
    }

    /// A new key.
    pub fn generate(owner: &str, rng: &Rng) -> Self {
        Self::from_seed(owner, rng.bytes())
    }

    /// What verifies this key's tokens.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The signature of bytes that are no token: see [`crate::statement`].
    pub(crate) fn sign_bytes(&self, bytes: &[u8]) -> [u8; 64] {
        use ed25519_dalek::Signer as _;
        self.signing.sign(bytes).to_bytes()
    }

    /// Makes a token, or another signed text that says for whom it is in `aud`.
    ///
    /// # Errors
    /// An internal error when signing fails.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String> {
        let header = Header { kid: Some(self.public.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, claims, &self.encoding).map_err(|e| Error::internal(format!("signing: {e}")))
    }
}

/// The key id that a token names.
///
/// # Errors
/// `TOKEN_INVALID` when it is no token of ours.
pub fn key_id(token: &str) -> Result<String> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| invalid())?;
    header.kid.filter(|_| header.alg == Algorithm::EdDSA).ok_or_else(invalid)
}

/// Checks signature, audience and whether the key may say what the token says. [`check_life`] is still to do.
///
/// # Errors
/// `TOKEN_INVALID`.
pub fn verify(token: &str, key: &PublicKey) -> Result<Claims> {
    let claims: Claims = open_signed(token, AUDIENCE, key)?;
    let speaks_for_itself = claims.typ == TokenKind::Service && claims.sub == service_principal(&key.owner);
    if claims.iss != key.owner || (key.owner != IDENTITY && !speaks_for_itself) {
        return Err(invalid().with_internal(format!("the key of {} signed for {:?}", key.owner, claims.sub)));
    }
    Ok(claims)
}

/// What a text says that the key signed for this audience. Whether it still lives is to be checked.
///
/// # Errors
/// `TOKEN_INVALID`.
pub fn open_signed<C: DeserializeOwned>(token: &str, audience: &str, key: &PublicKey) -> Result<C> {
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_audience(&[audience]);
    rules.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    // The suite's clock decides, not the machine's.
    rules.validate_exp = false;
    let decoding = eddsa::decoding(&key.bytes);
    Ok(jsonwebtoken::decode::<C>(token, &decoding, &rules).map_err(|_| invalid())?.claims)
}

/// Checks that the token, whose signature is good, lives at `now`.
///
/// # Errors
/// `TOKEN_EXPIRED`; `CLOCKS_DIFFER` when it comes from the future: it is ours, so it is our clocks that are wrong.
pub fn check_life(claims: &Claims, now: Timestamp) -> Result<()> {
    let ahead = claims.iat - now.as_second();
    if ahead > LEEWAY_SECONDS {
        let error = Error::of(Kind::Unavailable, msg!("CLOCKS_DIFFER")).retry_after(Duration::from_secs(5));
        return Err(error.with_internal(format_args!("a token of {} was made {ahead} s from now", claims.iss)));
    }
    if claims.exp + LEEWAY_SECONDS <= now.as_second() {
        return Err(Error::of(Kind::Unauthenticated, msg!("TOKEN_EXPIRED")));
    }
    Ok(())
}

/// Checks that a stack of the same regions made the token: one that was made elsewhere opens nothing here, whoever holds
/// the key that signed it.
///
/// # Errors
/// `TOKEN_OF_ANOTHER_REGION`.
pub fn check_regions(claims: &Claims, stack: &Regions) -> Result<()> {
    if claims.rgn == stack.names() {
        return Ok(());
    }
    Err(Error::of(Kind::Unauthenticated, msg!("TOKEN_OF_ANOTHER_REGION")))
}

/// The answer to a token that is not ours.
pub fn invalid() -> Error {
    Error::of(Kind::Unauthenticated, msg!("TOKEN_INVALID"))
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::Signer as _;
    use jiff::SignedDuration;
    use tally_kernel::Clock;

    use super::*;
    use crate::signing::Signer;

    fn clock() -> Clock {
        Clock::fixed("2026-03-02T08:00:00Z".parse().unwrap())
    }

    fn person(clock: &Clock, rng: &Rng) -> Claims {
        let at = clock.now();
        Claims {
            iss: IDENTITY.into(),
            aud: AUDIENCE.into(),
            sub: PrincipalId::generate(rng, at),
            tid: TenantId::generate(rng, at),
            rgn: vec!["cn-north".into()],
            typ: TokenKind::Person,
            pid: Some(PersonId::generate(rng, at)),
            sid: Some(SessionId::generate(rng, at)),
            mfa: false,
            obo: None,
            exp: at.as_second() + 600,
            iat: at.as_second(),
            jti: rng.uuid(at),
        }
    }

    #[test]
    fn a_token_is_read_as_it_was_written_until_its_life_is_over_by_the_suites_clock() {
        let (clock, rng) = (clock(), Rng::seeded(1));
        let key = SigningKey::generate(IDENTITY, &rng);
        let claims = person(&clock, &rng);
        let token = key.sign(&claims).unwrap();
        assert_eq!(key_id(&token).unwrap(), key.public().kid);
        assert_eq!(verify(&token, key.public()).unwrap(), claims);
        assert!(check_life(&claims, clock.now()).is_ok());
        assert_eq!(check_life(&claims, Timestamp::UNIX_EPOCH).unwrap_err().reason(), "CLOCKS_DIFFER");
        clock.advance(SignedDuration::from_mins(11));
        assert_eq!(check_life(&claims, clock.now()).unwrap_err().reason(), "TOKEN_EXPIRED");
    }

    #[test]
    fn a_services_key_speaks_for_that_service_only() {
        let (clock, rng) = (clock(), Rng::seeded(2));
        let key = SigningKey::generate("performance", &rng);
        let as_a_person = key.sign(&person(&clock, &rng)).unwrap();
        assert_eq!(verify(&as_a_person, key.public()).unwrap_err().reason(), "TOKEN_INVALID");
        let other = Signer::new("compensation", key.clone(), clock.clone(), rng.clone());
        let as_another = other.token(TenantId(Uuid::nil()), None).unwrap();
        assert_eq!(verify(&as_another, key.public()).unwrap_err().reason(), "TOKEN_INVALID");
        let own =
            Signer::new("performance", key.clone(), clock.clone(), rng).token(TenantId(Uuid::nil()), None).unwrap();
        assert_eq!(verify(&own, key.public()).unwrap().sub, service_principal("performance"));
    }

    #[test]
    fn another_key_or_a_changed_payload_is_refused() {
        let (clock, rng) = (clock(), Rng::seeded(3));
        let (key, other) = (SigningKey::generate(IDENTITY, &rng), SigningKey::generate(IDENTITY, &rng));
        let token = key.sign(&person(&clock, &rng)).unwrap();
        assert!(verify(&token, other.public()).is_err());
        let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
        parts[1] = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&person(&clock, &rng)).unwrap());
        assert!(verify(&parts.join("."), key.public()).is_err());
        assert!(key_id("nonsense").is_err());
    }

    #[test]
    fn a_token_is_good_in_a_stack_of_the_regions_that_made_it_and_in_no_other() {
        let (clock, rng) = (clock(), Rng::seeded(8));
        let of = |names: &[&str]| Regions::Only(names.iter().map(|name| name.parse().unwrap()).collect());
        let stacks = [Regions::All, of(&["cn-north"]), of(&["eu-west"]), of(&["cn-north", "eu-west"])];
        for (made, here) in stacks.iter().enumerate() {
            let key = SigningKey::generate("talent", &rng);
            let signer = Signer::new("talent", key.clone(), clock.clone(), rng.clone()).of_regions(here.clone());
            let claims = verify(&signer.token(TenantId(Uuid::nil()), None).unwrap(), key.public()).unwrap();
            for (shown, there) in stacks.iter().enumerate() {
                let refused = check_regions(&claims, there).map_err(|error| (error.kind(), error.reason()));
                let other = Err((Kind::Unauthenticated, "TOKEN_OF_ANOTHER_REGION"));
                assert_eq!(refused, if made == shown { Ok(()) } else { other }, "{here:?} {there:?}");
            }
        }
    }

    #[test]
    fn a_token_for_another_audience_is_refused() {
        let (clock, rng) = (clock(), Rng::seeded(7));
        let key = SigningKey::generate(IDENTITY, &rng);
        for aud in ["", "payroll", "tally.example"] {
            let token = key.sign(&Claims { aud: aud.into(), ..person(&clock, &rng) }).unwrap();
            assert_eq!(verify(&token, key.public()).unwrap_err().reason(), "TOKEN_INVALID", "{aud:?}");
        }
    }

    #[test]
    fn a_header_that_asks_for_another_algorithm_is_refused() {
        let (clock, rng) = (clock(), Rng::seeded(6));
        // The signature is good in every one of them: only what the header asks for is wrong.
        let seed = rng.bytes();
        let key = SigningKey::from_seed(IDENTITY, seed);
        let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&person(&clock, &rng)).unwrap());
        let forged = |alg: &str| {
            let header = serde_json::json!({ "typ": "JWT", "alg": alg, "kid": key.public().kid }).to_string();
            let message = format!("{}.{claims}", URL_SAFE_NO_PAD.encode(header));
            let signature = ed25519_dalek::SigningKey::from_bytes(&seed).sign(message.as_bytes());
            format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
        };
        assert!(verify(&forged("EdDSA"), key.public()).is_ok());
        for alg in ["none", "HS256", "RS256", "ES256"] {
            let forged = forged(alg);
            assert_eq!(key_id(&forged).unwrap_err().reason(), "TOKEN_INVALID", "{alg}");
            assert_eq!(verify(&forged, key.public()).unwrap_err().reason(), "TOKEN_INVALID", "{alg}");
        }
    }

    #[test]
    fn a_key_set_survives_json() {
        let rng = Rng::seeded(5);
        let keys = ["identity", "talent"].map(|owner| SigningKey::generate(owner, &rng).public().clone());
        let set = Jwks(keys.to_vec());
        assert_eq!(Jwks::from_json(&set.to_json()).unwrap(), set);
        assert!(Jwks::from_json("{}").is_err());
    }
}
