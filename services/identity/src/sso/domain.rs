//! Providers, the way to them, and what their tokens must say (OpenID Connect Core 1.0, RFC 7636, RFC 7515 to 7518).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use tally_access::Region;
use tally_kernel::id::TenantId;
use tally_kernel::{Error, Kind, Rng, msg};
use uuid::Uuid;
use zeroize::Zeroizing;

/// How long somebody may take at the provider.
pub const PENDING_LIFE: SignedDuration = SignedDuration::from_mins(10);
/// How far the provider's clock may differ, seconds.
const LEEWAY_SECONDS: i64 = 60;
/// What RFC 3986 leaves alone.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What can be wrong with single sign-on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SsoError {
    /// No provider has this name.
    ProviderUnknown,
    /// Another group of the store has a provider of this name.
    NameTaken,
    /// The provider cannot be asked, or answers what is no answer.
    ProviderAway,
    /// The state is not ours, too old, or was used.
    StateRefused,
    /// The provider did not take the code, or its token is not for this sign-in; why, for the log.
    TokenRefused(&'static str),
    /// The provider knows who it is, and nobody here has that name.
    LoginUnknown,
}

/// A provider's name, which leads to its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderName(String);

impl FromStr for ProviderName {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if (2..=50).contains(&text.len()) && text.chars().all(plain) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::of(Kind::InvalidArgument, msg!("PROVIDER_MALFORMED")))
    }
}

impl ProviderName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its entry in the directory; no sign-in name holds a slash.
    pub fn entry(&self) -> String {
        format!("sso/{}", self.0)
    }
}

/// An address of a provider, or of ours: `https`, or `http` on the loopback for tests.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Address(String);

impl TryFrom<String> for Address {
    type Error = Error;
    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl FromStr for Address {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let wanted = || Error::of(Kind::InvalidArgument, msg!("ADDRESS_MALFORMED"));
        let (scheme, rest) = text.split_once("://").ok_or_else(wanted)?;
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let is_here = |ip: IpAddr| ip.is_loopback();
        let loopback = name == "localhost" || name.trim_matches(['[', ']']).parse().is_ok_and(is_here);
        let sound = text.is_ascii() && text.len() <= 500 && !host.is_empty();
        let odd = text.contains(['#', '@', ' ', '"', '\\', '\r', '\n', '\t']);
        if sound && !odd && (scheme == "https" || (scheme == "http" && loopback)) {
            return Ok(Self(text.to_owned()));
        }
        Err(wanted())
    }
}

impl Address {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An OpenID provider that a group trusts with signing in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    pub id: Uuid,
    /// What people choose it by.
    pub name: ProviderName,
    /// Who it says it is.
    pub issuer: Address,
    /// Who we are to it.
    pub client_id: String,
    /// What proves that; empty for a client that has none.
    pub client_secret: Zeroizing<String>,
    /// What the states of its sign-ins are sealed with: a new one whenever the provider is written.
    pub state_key: Zeroizing<[u8; 32]>,
    /// The claim that holds the sign-in name.
    pub claim: String,
    /// Where it sends people back to.
    pub redirect_uri: Address,
    /// Whose people may sign in with it; `*` for everybody.
    pub region: Region,
}

/// What a provider says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Discovered {
    /// Must be the address that was asked.
    pub issuer: String,
    /// Where people go.
    pub authorization_endpoint: Address,
    /// Where codes are traded.
    pub token_endpoint: Address,
    /// Where its keys are.
    pub jwks_uri: Address,
}

impl Discovered {
    /// Reads a discovery document.
    ///
    /// # Errors
    /// [`SsoError::ProviderAway`] when it is none, or another issuer's.
    pub fn read(json: &[u8], issuer: &Address) -> Result<Self, SsoError> {
        let found: Self = serde_json::from_slice(json).map_err(|_| SsoError::ProviderAway)?;
        if found.issuer == issuer.as_str() { Ok(found) } else { Err(SsoError::ProviderAway) }
    }
}

/// What a sign-in that is under way remembers. It travels sealed in the state, so that a stranger who begins a million of
/// them writes nothing here.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pending {
    /// What the ID token must repeat.
    pub nonce: String,
    /// What proves that whoever trades the code began the sign-in.
    pub verifier: String,
    /// When it is too late.
    pub expires_at: Timestamp,
}

impl Pending {
    pub fn new(now: Timestamp) -> Self {
        let secret = || URL_SAFE_NO_PAD.encode(Rng::System.bytes::<32>());
        let expires_at = now.checked_add(PENDING_LIFE).unwrap_or(now);
        Self { nonce: secret(), verifier: secret(), expires_at }
    }

    /// Sealed for the sign-in `id`, under the key of its provider (AES-256-GCM, a random nonce first).
    ///
    /// # Errors
    /// A fault of ours.
    pub fn sealed(&self, key: &[u8; 32], id: Uuid) -> Result<Vec<u8>, Error> {
        let nonce: [u8; NONCE_LEN] = Rng::System.bytes();
        let mut text = serde_json::to_vec(self).map_err(Error::internal)?;
        let sealed = cipher(key).and_then(|cipher| {
            let nonce = Nonce::assume_unique_for_key(nonce);
            cipher.seal_in_place_append_tag(nonce, Aad::from(id.into_bytes()), &mut text).ok()
        });
        sealed.ok_or_else(|| Error::internal("sealing the state of a sign-in"))?;
        Ok([nonce.as_slice(), &text].concat())
    }

    /// Opens it again; nothing when it was not sealed with this key, or for another sign-in.
    pub fn opened(sealed: &[u8], key: &[u8; 32], id: Uuid) -> Option<Self> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut text = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let text = cipher(key)?.open_in_place(nonce, Aad::from(id.into_bytes()), &mut text).ok()?;
        serde_json::from_slice(text).ok()
    }

    /// Where to send whoever signs in.
    pub fn authorize_url(&self, provider: &Provider, discovered: &Discovered, state: &str) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, self.verifier.as_bytes()));
        let scope = if provider.claim == "email" { "openid email" } else { "openid profile" };
        let query = form(&[
            ("response_type", "code"),
            ("client_id", &provider.client_id),
            ("redirect_uri", provider.redirect_uri.as_str()),
            ("scope", scope),
            ("state", state),
            ("nonce", &self.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let endpoint = discovered.authorization_endpoint.as_str();
        let join = if endpoint.contains('?') { '&' } else { '?' };
        format!("{endpoint}{join}{query}")
    }

    /// The body that trades a code.
    pub fn token_request(&self, provider: &Provider, code: &str) -> String {
        form(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", provider.redirect_uri.as_str()),
            ("client_id", &provider.client_id),
            ("code_verifier", &self.verifier),
        ])
    }
}

fn cipher(key: &[u8; 32]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key).ok().map(LessSafeKey::new)
}

impl Provider {
    /// The header that proves who we are (RFC 6749, 2.3.1), for a client with a secret.
    pub fn basic(&self) -> Option<String> {
        let encoded = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
        let pair = format!("{}:{}", encoded(&self.client_id), encoded(&self.client_secret));
        (!self.client_secret.is_empty()).then(|| format!("Basic {}", STANDARD.encode(pair)))
    }
}

fn form(pairs: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", utf8_percent_encode(value, UNRESERVED));
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// The state of a sign-in: which group, which one, and what it remembers, sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub tenant: TenantId,
    pub provider: Uuid,
    /// This sign-in.
    pub id: Uuid,
    /// A sealed [`Pending`].
    pub sealed: Vec<u8>,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: [&[u8]; 4] = [self.tenant.0.as_bytes(), self.provider.as_bytes(), self.id.as_bytes(), &self.sealed];
        f.write_str(&URL_SAFE_NO_PAD.encode(parts.concat()))
    }
}

impl State {
    /// Reads one; nothing when it is none.
    pub fn read(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (ids, sealed) = bytes.split_at_checked(48)?;
        let [tenant, provider, id] = [0, 16, 32].map(|at| Uuid::from_slice(&ids[at..at + 16]).ok());
        Some(Self {
            tenant: TenantId(tenant.filter(|tenant| !tenant.is_nil())?),
            provider: provider?,
            id: id?,
            sealed: sealed.to_vec(),
        })
    }
}

/// A provider's public keys (RFC 7517). Keys of other kinds are left out.
#[derive(Clone, Debug, Default)]
pub struct KeySet(Vec<Key>);

#[derive(Clone, Debug)]
struct Key {
    kid: Option<String>,
    kind: KeyKind,
}

#[derive(Clone, Debug)]
enum KeyKind {
    Rs256 { n: Vec<u8>, e: Vec<u8> },
    Es256 { point: Vec<u8> },
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    r#use: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a key set.
    ///
    /// # Errors
    /// [`SsoError::ProviderAway`] when it is none.
    pub fn read(json: &[u8]) -> Result<Self, SsoError> {
        let set: Jwks = serde_json::from_slice(json).map_err(|_| SsoError::ProviderAway)?;
        Ok(Self(set.keys.into_iter().filter_map(Key::read).collect()))
    }

    /// Whether a key could have signed this token: if not, the provider may have a new one.
    pub fn knows(&self, token: &IdToken) -> bool {
        self.candidates(token).next().is_some()
    }

    fn candidates(&self, token: &IdToken) -> impl Iterator<Item = &Key> {
        // A token without an id of its key is tried with all.
        self.0.iter().filter(|key| token.kid.is_none() || key.kid == token.kid)
    }
}

impl Key {
    fn read(jwk: Jwk) -> Option<Self> {
        let bytes = |text: Option<String>| URL_SAFE_NO_PAD.decode(text?).ok();
        if jwk.r#use.is_some_and(|what| what != "sig") {
            return None;
        }
        let kind = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", None) => KeyKind::Rs256 { n: bytes(jwk.n)?, e: bytes(jwk.e)? },
            ("EC", Some("P-256")) => KeyKind::Es256 { point: [vec![4], bytes(jwk.x)?, bytes(jwk.y)?].concat() },
            _ => return None,
        };
        Some(Self { kid: jwk.kid, kind })
    }

    /// Whether the key made this signature. The algorithm is the key's; the token only may not name another.
    fn signed(&self, token: &IdToken) -> bool {
        let (message, signature) = (token.message.as_bytes(), token.signature.as_slice());
        match (&self.kind, token.alg.as_str()) {
            (KeyKind::Rs256 { n, e }, "RS256") => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
            (KeyKind::Es256 { point }, "ES256") => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            _ => false,
        }
    }
}

/// An ID token as it came: nothing of it is true yet.
#[derive(Clone, Debug)]
pub struct IdToken {
    alg: String,
    kid: Option<String>,
    message: String,
    signature: Vec<u8>,
    claims: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

#[derive(Deserialize)]
struct TokenResponse {
    id_token: String,
}

impl IdToken {
    /// Takes the ID token out of what the provider answered to the code.
    ///
    /// # Errors
    /// [`SsoError::TokenRefused`] when there is none.
    pub fn of_response(json: &[u8]) -> Result<Self, SsoError> {
        let response: TokenResponse =
            serde_json::from_slice(json).map_err(|_| SsoError::TokenRefused("no ID token in the answer"))?;
        Self::read(&response.id_token).ok_or(SsoError::TokenRefused("the ID token is no JWT"))
    }

    fn read(text: &str) -> Option<Self> {
        let (message, signature) = text.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        let claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        Some(Self { alg: header.alg, kid: header.kid, message: message.to_owned(), signature, claims })
    }

    /// The sign-in name that the token tells, once everything about it is right.
    ///
    /// # Errors
    /// [`SsoError::TokenRefused`].
    pub fn judge(
        &self,
        keys: &KeySet,
        provider: &Provider,
        pending: &Pending,
        now: Timestamp,
    ) -> Result<String, SsoError> {
        let refused = |why| Err(SsoError::TokenRefused(why));
        let text = |claim: &str| self.claims.get(claim).and_then(serde_json::Value::as_str);
        let second = |claim: &str| self.claims.get(claim).and_then(serde_json::Value::as_i64);
        let now = now.as_second();
        if !keys.candidates(self).any(|key| key.signed(self)) {
            return refused("the signature");
        }
        if text("iss") != Some(provider.issuer.as_str()) {
            return refused("the issuer");
        }
        if !self.is_for(&provider.client_id) {
            return refused("the audience");
        }
        if second("exp").is_none_or(|exp| exp + LEEWAY_SECONDS <= now) {
            return refused("its life is over");
        }
        if second("iat").is_none_or(|iat| iat > now + LEEWAY_SECONDS) {
            return refused("it comes from the future");
        }
        if text("nonce") != Some(pending.nonce.as_str()) {
            return refused("the nonce");
        }
        let verified = self.claims.get("email_verified").and_then(serde_json::Value::as_bool);
        if provider.claim == "email" && verified != Some(true) {
            return refused("the address is not verified");
        }
        text(&provider.claim).map(str::to_owned).ok_or(SsoError::TokenRefused("the claim with the name is missing"))
    }

    /// Whether the token is for this client alone, or for several of which it is the one that asked.
    fn is_for(&self, client: &str) -> bool {
        let asked = self.claims.get("azp").and_then(serde_json::Value::as_str);
        match self.claims.get("aud") {
            Some(serde_json::Value::String(one)) => one == client && asked.is_none_or(|azp| azp == client),
            Some(serde_json::Value::Array(all)) => {
                let there = all.iter().any(|one| one.as_str() == Some(client));
                there && if all.len() == 1 { asked.is_none_or(|azp| azp == client) } else { asked == Some(client) }
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
