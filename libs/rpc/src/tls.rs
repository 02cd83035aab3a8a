//! Certificates: what a server shows and asks for, and whom a client trusts.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, Error as TlsError, RootCertStore, ServerConfig};
use tonic::transport::{Certificate, ClientTlsConfig, Identity, ServerTlsConfig};

/// A certificate chain and its private key, PEM.
#[derive(Clone)]
struct Shown {
    certificate: String,
    key: String,
}

impl Shown {
    fn identity(&self) -> Identity {
        Identity::from_pem(&self.certificate, &self.key)
    }
}

/// Certificates of a process that serves, PEM. It shows `certificate`; with `authority` it wants one of whoever calls too.
#[derive(Clone)]
pub struct Tls {
    /// Own chain.
    pub certificate: String,
    /// Own private key.
    pub key: String,
    /// Who signs the peers' certificates.
    pub authority: Option<String>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls(..)")
    }
}

/// Which of a server's certificates cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFault {
    /// The chain holds no certificate that can be read.
    Certificate,
    /// There is no private key that can be read.
    Key,
    /// The key was not made for the certificate.
    Mismatch,
    /// The authority holds no certificate that can be read.
    Authority,
    /// A certificate of the chain was good until then.
    Over(Timestamp),
    /// A certificate of the chain is good from then on.
    Early(Timestamp),
}

impl Tls {
    /// Whether a server can show these now, before it says that it serves.
    ///
    /// # Errors
    /// What it cannot.
    pub fn check(&self, now: Timestamp) -> Result<(), TlsFault> {
        let certificates = chain(&self.certificate).filter(|all| !all.is_empty()).ok_or(TlsFault::Certificate)?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).map_err(|_| TlsFault::Key)?;
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().map_err(|_| TlsFault::Certificate)?;
        let shown = config.with_no_client_auth().with_single_cert(certificates.clone(), key);
        shown.map_err(|fault| match fault {
            TlsError::InconsistentKeys(_) => TlsFault::Mismatch,
            TlsError::InvalidCertificate(_) => TlsFault::Certificate,
            _ => TlsFault::Key,
        })?;
        certificates.iter().try_for_each(|certificate| is_good(certificate, now))?;
        let Some(authority) = &self.authority else { return Ok(()) };
        let (read, _) = RootCertStore::empty().add_parsable_certificates(chain(authority).ok_or(TlsFault::Authority)?);
        if read == 0 { Err(TlsFault::Authority) } else { Ok(()) }
    }

    /// When the first certificate of the chain ends, where that is before `day`.
    pub fn ends_before(&self, day: Timestamp) -> Option<Timestamp> {
        let ends = chain(&self.certificate)?.into_iter().filter_map(|certificate| match is_good(&certificate, day) {
            Err(TlsFault::Over(until)) => Some(until),
            _ => None,
        });
        ends.min()
    }

    /// Whether the authority signed the chain: peers that trust the same authority take it then.
    pub fn is_signed(&self, now: Timestamp) -> bool {
        let Some(authority) = self.authority.as_deref().and_then(chain) else { return true };
        let Some((own, between)) = chain(&self.certificate).and_then(|all| Some((all.first()?.clone(), all))) else {
            return false;
        };
        !matches!(
            judged(&own, &between[1..], authority, now),
            Err(TlsError::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature,))
        )
    }

    pub(crate) fn server(&self) -> ServerTlsConfig {
        let config = ServerTlsConfig::new().identity(Identity::from_pem(&self.certificate, &self.key));
        match &self.authority {
            Some(authority) => config.client_ca_root(Certificate::from_pem(authority)),
            None => config,
        }
    }

    /// The same process as a client of its peers: it shows its own certificate and trusts the same authority.
    pub fn client(&self) -> ClientTls {
        ClientTls::trusting(self.authority.clone()).showing(self.certificate.clone(), self.key.clone())
    }
}

/// Whom a client trusts and what it shows.
#[derive(Clone, Default)]
pub struct ClientTls {
    authority: Option<String>,
    shown: Option<Shown>,
}

impl std::fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientTls(..)")
    }
}

impl ClientTls {
    /// Trusts servers whose certificate `authority` (PEM) signed; without one, those that the machine trusts.
    pub fn trusting(authority: Option<String>) -> Self {
        Self { authority, shown: None }
    }

    /// Shows a certificate chain of its own to servers that ask for one.
    #[must_use]
    pub fn showing(self, certificate: String, key: String) -> Self {
        Self { shown: Some(Shown { certificate, key }), ..self }
    }

    /// For a server that is called `host` in its certificate, whatever its address is.
    pub(crate) fn config(&self, host: &str) -> ClientTlsConfig {
        let config = ClientTlsConfig::new().domain_name(host);
        let config = match &self.authority {
            Some(authority) => config.ca_certificate(Certificate::from_pem(authority)),
            None => config.with_native_roots(),
        };
        match &self.shown {
            Some(shown) => config.identity(shown.identity()),
            None => config,
        }
    }

    /// The same without HTTP; nothing where a certificate or a key cannot be read.
    pub(crate) fn rustls(&self) -> Option<ClientConfig> {
        let mut roots = RootCertStore::empty();
        match &self.authority {
            Some(authority) => roots.add_parsable_certificates(chain(authority)?),
            None => roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
        let config = config.with_root_certificates(roots);
        let mut config = match &self.shown {
            Some(Shown { certificate, key }) => {
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).ok()?;
                config.with_client_auth_cert(chain(certificate)?, key).ok()?
            }
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols.push(b"h2".to_vec());
        Some(config)
    }
}

/// Whether a certificate is good at this moment, by its own dates.
fn is_good(certificate: &CertificateDer<'_>, now: Timestamp) -> Result<(), TlsFault> {
    let instant = |time: UnixTime| Timestamp::from_second(time.as_secs().try_into().unwrap_or(i64::MAX));
    // Dates are looked at before anything else, so that it is no matter who signed it and what it is for.
    match judged(certificate, &[], vec![certificate.clone().into_owned()], now) {
        Err(TlsError::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            Err(TlsFault::Over(instant(not_after).unwrap_or(now)))
        }
        Err(TlsError::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. })) => {
            Err(TlsFault::Early(instant(not_before).unwrap_or(now)))
        }
        _ => Ok(()),
    }
}

/// What a client that trusts these roots says of a server's certificate.
fn judged(
    own: &CertificateDer<'_>,
    between: &[CertificateDer<'_>],
    roots: Vec<CertificateDer<'static>>,
    now: Timestamp,
) -> Result<(), TlsError> {
    let mut trusted = RootCertStore::empty();
    trusted.add_parsable_certificates(roots);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(trusted), provider).build();
    let verifier = verifier.map_err(|_| TlsError::InvalidCertificate(CertificateError::BadEncoding))?;
    let anybody =
        ServerName::try_from("localhost").map_err(|_| TlsError::InvalidCertificate(CertificateError::BadEncoding))?;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now.as_second().try_into().unwrap_or_default()));
    verifier.verify_server_cert(own, between, &anybody, &[], now).map(|_| ())
}

fn chain(pem: &str) -> Option<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(authority: &str) -> Tls {
        let [certificate, key] =
            [include_str!("../tests/tls/server.pem"), include_str!("../tests/tls/server.key")].map(str::to_owned);
        Tls { certificate, key, authority: Some(authority.to_owned()) }
    }

    #[test]
    fn a_certificate_is_good_from_its_first_second_to_its_last() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let tls = own(include_str!("../tests/tls/authority.pem"));
        let (first, last) = (at("2026-11-22T00:05:21Z"), at("2126-10-29T00:05:21Z"));
        let second = jiff::SignedDuration::from_secs(1);
        assert_eq!(tls.check(first - second), Err(TlsFault::Early(first)));
        assert_eq!(tls.check(first), Ok(()));
        assert_eq!(tls.check(last), Ok(()));
        assert_eq!(tls.check(last + second), Err(TlsFault::Over(last)));
        assert_eq!((tls.ends_before(last), tls.ends_before(last + second)), (None, Some(last)));
    }

    #[test]
    fn an_authority_that_did_not_sign_is_told_from_one_that_did() {
        let now = "2026-12-01T00:00:00Z".parse().unwrap();
        assert!(own(include_str!("../tests/tls/authority.pem")).is_signed(now));
        assert!(!own(include_str!("../tests/tls/stranger.pem")).is_signed(now));
    }
}
