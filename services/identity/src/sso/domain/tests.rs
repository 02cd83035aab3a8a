use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::*;

/// A provider's key, and tokens that say whatever a test wants.
struct Forge {
    pair: EcdsaKeyPair,
    provider: Provider,
    pending: Pending,
    now: Timestamp,
}

impl Forge {
    fn new() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let now = Timestamp::from_second(1_772_000_000).unwrap();
        let provider = Provider {
            id: Uuid::from_u128(7),
            name: "aurora".parse().unwrap(),
            issuer: "https://id.aurora.example".parse().unwrap(),
            client_id: "tally".into(),
            client_secret: Zeroizing::new(String::new()),
            state_key: Zeroizing::new([9; 32]),
            claim: "email".into(),
            redirect_uri: "https://tally.aurora.example/callback".parse().unwrap(),
            region: Region::global(),
        };
        Self { pair, pending: Pending::new(now), provider, now }
    }

    fn keys(&self, kid: &str) -> KeySet {
        let point = self.pair.public_key().as_ref();
        let [x, y] = [&point[1..33], &point[33..]].map(|half| URL_SAFE_NO_PAD.encode(half));
        let set = json!({ "keys": [{ "kty": "EC", "crv": "P-256", "use": "sig", "kid": kid, "x": x, "y": y }] });
        KeySet::read(set.to_string().as_bytes()).unwrap()
    }

    fn claims(&self) -> Value {
        let second = self.now.as_second();
        json!({
            "iss": "https://id.aurora.example", "aud": "tally", "sub": "42", "email": "li.na@aurora.example",
            "email_verified": true, "nonce": self.pending.nonce, "iat": second, "exp": second + 300,
        })
    }

    fn token(&self, header: &Value, claims: &Value) -> IdToken {
        let parts = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let message = parts.join(".");
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        IdToken::read(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))).unwrap()
    }

    /// What becomes of a well signed token whose claims are bent.
    fn judged(&self, bend: impl FnOnce(&mut Value)) -> Result<String, SsoError> {
        let mut claims = self.claims();
        bend(&mut claims);
        let token = self.token(&json!({ "alg": "ES256", "kid": "k1" }), &claims);
        token.judge(&self.keys("k1"), &self.provider, &self.pending, self.now)
    }
}

#[test]
fn a_token_that_is_right_in_everything_tells_the_name() {
    let forge = Forge::new();
    assert_eq!(forge.judged(|_| {}), Ok("li.na@aurora.example".into()));
    assert_eq!(forge.judged(|c| c["aud"] = json!(["tally"])), Ok("li.na@aurora.example".into()));
    let several = forge.judged(|c| {
        c["aud"] = json!(["other", "tally"]);
        c["azp"] = json!("tally");
    });
    assert_eq!(several, Ok("li.na@aurora.example".into()));
}

#[test]
fn a_token_that_is_wrong_in_one_thing_is_refused() {
    let forge = Forge::new();
    let second = forge.now.as_second();
    let bad: [(&str, Value, &str); 13] = [
        ("iss", json!("https://id.other.example"), "the issuer"),
        ("iss", Value::Null, "the issuer"),
        ("aud", json!("other"), "the audience"),
        ("aud", json!(["other", "tally"]), "the audience"),
        ("aud", Value::Null, "the audience"),
        ("azp", json!("other"), "the audience"),
        ("exp", json!(second - 61), "its life is over"),
        ("exp", Value::Null, "its life is over"),
        ("iat", json!(second + 61), "it comes from the future"),
        ("nonce", json!("another"), "the nonce"),
        ("nonce", Value::Null, "the nonce"),
        ("email_verified", json!(false), "the address is not verified"),
        ("email", json!(42), "the claim with the name is missing"),
    ];
    for (claim, value, why) in bad {
        let judged = forge.judged(|claims| claims[claim] = value.clone());
        assert_eq!(judged, Err(SsoError::TokenRefused(why)), "{claim} = {value}");
    }
}

#[test]
fn a_signature_that_is_missing_another_ones_or_by_another_algorithm_is_refused() {
    let (forge, other) = (Forge::new(), Forge::new());
    let refused = Err(SsoError::TokenRefused("the signature"));
    let judge = |token: &IdToken, keys: &KeySet| token.judge(keys, &forge.provider, &forge.pending, forge.now);
    for alg in ["none", "HS256", "RS256", "ES384", ""] {
        let token = forge.token(&json!({ "alg": alg, "kid": "k1" }), &forge.claims());
        assert_eq!(judge(&token, &forge.keys("k1")), refused, "{alg}");
    }
    let good = forge.token(&json!({ "alg": "ES256", "kid": "k1" }), &forge.claims());
    assert_eq!(judge(&good, &other.keys("k1")), refused, "another provider's key under the same id");
    assert!(!forge.keys("k2").knows(&good));
    assert_eq!(judge(&good, &forge.keys("k2")), refused);
    let unsigned = IdToken::read(&format!("{}.", good.message)).unwrap();
    assert_eq!(judge(&unsigned, &forge.keys("k1")), refused);
    let nameless = forge.token(&json!({ "alg": "ES256" }), &forge.claims());
    assert!(judge(&nameless, &forge.keys("k2")).is_ok(), "without an id every key is tried");
    for odd in ["", "a.b", "a.b.c", "e30.e30"] {
        assert!(IdToken::read(odd).is_none(), "{odd}");
    }
}

#[test]
fn the_challenge_is_that_of_rfc_7636_and_everything_in_the_address_is_escaped() {
    let forge = Forge::new();
    let pending = Pending { verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into(), ..forge.pending.clone() };
    let discovered = Discovered::read(
        json!({
            "issuer": "https://id.aurora.example",
            "authorization_endpoint": "https://id.aurora.example/auth?p=1",
            "token_endpoint": "https://id.aurora.example/token",
            "jwks_uri": "https://id.aurora.example/jwks",
        })
        .to_string()
        .as_bytes(),
        &forge.provider.issuer,
    );
    let url = pending.authorize_url(&forge.provider, &discovered.unwrap(), "s&t");
    assert!(url.starts_with("https://id.aurora.example/auth?p=1&response_type=code&client_id=tally&"), "{url}");
    assert!(url.contains("code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"));
    assert!(url.contains("state=s%26t&nonce="), "{url}");
    assert!(!url.contains(&pending.verifier), "the verifier stays here");
}

#[test]
fn a_discovery_document_must_be_of_the_issuer_and_name_safe_addresses() {
    let issuer: Address = "https://id.aurora.example".parse().unwrap();
    let document = |issuer: &str, token: &str| {
        json!({
            "issuer": issuer,
            "authorization_endpoint": "https://id.aurora.example/auth",
            "token_endpoint": token,
            "jwks_uri": "https://id.aurora.example/jwks",
        })
        .to_string()
    };
    let read = |text: String| Discovered::read(text.as_bytes(), &issuer).is_ok();
    assert!(read(document("https://id.aurora.example", "https://id.aurora.example/token")));
    assert!(!read(document("https://id.other.example", "https://id.aurora.example/token")));
    assert!(!read(document("https://id.aurora.example", "http://id.aurora.example/token")));
    assert!(!read("{}".into()));
}

#[test]
fn addresses_are_https_or_on_the_loopback() {
    for good in [
        "https://id.example",
        "https://id.example:8443/a?b=c",
        "http://127.0.0.1:7/x",
        "http://localhost",
        "http://127.0.31.1:7",
        "http://[::1]:7",
    ] {
        assert!(good.parse::<Address>().is_ok(), "{good}");
    }
    for bad in [
        "",
        "id.example",
        "http://id.example",
        "https://",
        "https://a@b",
        "https://a#b",
        "ftp://a",
        "http://127.0.0.1.evil.example",
        "https://a b",
    ] {
        assert_eq!(bad.parse::<Address>().unwrap_err().reason(), "ADDRESS_MALFORMED", "{bad}");
    }
}

#[test]
fn a_state_reads_back() {
    let [tenant, provider, id] = [1, 3, 2].map(Uuid::from_u128);
    let state = State { tenant: TenantId(tenant), provider, id, sealed: vec![1, 2, 3] };
    assert_eq!(State::read(&state.to_string()), Some(state));
    for bad in ["", "x", "AAAA"] {
        assert_eq!(State::read(bad), None, "{bad}");
    }
}

#[test]
fn a_client_with_a_secret_proves_itself_with_both_parts_escaped() {
    let mut provider = Forge::new().provider;
    assert_eq!(provider.basic(), None);
    provider.client_secret = Zeroizing::new("a b:c".into());
    assert_eq!(provider.basic(), Some(format!("Basic {}", STANDARD.encode("tally:a%20b%3Ac"))));
}

#[test]
fn what_a_sign_in_remembers_opens_for_that_sign_in_at_that_provider_alone() {
    let forge = Forge::new();
    let (key, id) = ([9; 32], Uuid::from_u128(5));
    let sealed = forge.pending.sealed(&key, id).unwrap();
    assert_eq!(Pending::opened(&sealed, &key, id).unwrap().nonce, forge.pending.nonce);
    assert!(Pending::opened(&sealed, &[8; 32], id).is_none());
    assert!(Pending::opened(&sealed, &key, Uuid::from_u128(6)).is_none());
    let mut flipped = sealed.clone();
    flipped[20] ^= 1;
    assert!(Pending::opened(&flipped, &key, id).is_none() && Pending::opened(&sealed[..5], &key, id).is_none());
}
