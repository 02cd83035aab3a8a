//! Certificates: what a server shows and asks for, and whom a client trusts.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, Error as TlsError, RootCertStore, ServerConfig};
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
}

impl Tls {
    /// Whether a server can show these, before it says that it serves.
    ///
    /// # Errors
    /// What it cannot.
    pub fn check(&self) -> Result<(), TlsFault> {
        let certificates = chain(&self.certificate).filter(|all| !all.is_empty()).ok_or(TlsFault::Certificate)?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).map_err(|_| TlsFault::Key)?;
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().map_err(|_| TlsFault::Certificate)?;
        let shown = config.with_no_client_auth().with_single_cert(certificates, key);
        shown.map_err(|fault| match fault {
            TlsError::InconsistentKeys(_) => TlsFault::Mismatch,
            TlsError::InvalidCertificate(_) => TlsFault::Certificate,
            _ => TlsFault::Key,
        })?;
        let Some(authority) = &self.authority else { return Ok(()) };
        let (read, _) = RootCertStore::empty().add_parsable_certificates(chain(authority).ok_or(TlsFault::Authority)?);
        if read == 0 { Err(TlsFault::Authority) } else { Ok(()) }
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

fn chain(pem: &str) -> Option<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().ok()
}
