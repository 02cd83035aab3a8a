//! Certificates: what a server shows and asks for, and whom a client trusts.

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

impl Tls {
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
}
