//! Why nobody answers at an address: asked for a person after a call that got nowhere. A connection of its own finds out,
//! since a broken call seldom says more than that the connection was closed.

use std::io;
use std::sync::Arc;

use http::Uri;
use http::uri::Scheme;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, ClientConfig, Error as TlsError};
use tally_kernel::{Message, msg};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::network::{CONNECT, Network, name};

impl Network {
    /// What is wrong between this client and whoever listens at `address`: certificates, or TLS against plain text.
    /// Nothing where nobody listens, or where it is something else.
    pub async fn diagnose(&self, address: &str) -> Option<Message> {
        let uri: Uri = address.parse().ok()?;
        let secure = uri.scheme() == Some(&Scheme::HTTPS);
        let (host, port) = name(&uri)?;
        let tls = self.tls.clone().unwrap_or_default().rustls()?;
        for at in self.resolve.ask(&host, port).await.ok()? {
            if let Ok(Ok(stream)) = timeout(CONNECT, TcpStream::connect(at)).await {
                return ask(tls, host, stream, secure).await;
            }
        }
        None
    }
}

/// Shakes hands. A server that misses a certificate says so only afterwards, in place of its first word.
async fn ask(tls: ClientConfig, host: String, stream: TcpStream, secure: bool) -> Option<Message> {
    let host = ServerName::try_from(host).ok()?;
    let shaken = timeout(CONNECT, TlsConnector::from(Arc::new(tls)).connect(host, stream)).await.ok()?;
    let mut stream = match (shaken, secure) {
        (Ok(_), false) => return Some(msg!("PEER_SPEAKS_TLS")),
        (Ok(stream), true) => stream,
        (Err(cause), false) => return spoken(&cause).map(|_| msg!("PEER_SPEAKS_TLS")),
        (Err(cause), true) => return Some(spoken(&cause).map_or_else(|| msg!("PEER_SPEAKS_PLAINTEXT"), said)),
    };
    let first = timeout(CONNECT, stream.read_u8()).await.ok()?;
    spoken(&first.err()?).map(said)
}

/// The fault, where whoever is there speaks TLS.
fn spoken(cause: &io::Error) -> Option<&TlsError> {
    let fault = cause.get_ref()?.downcast_ref::<TlsError>()?;
    (!matches!(fault, TlsError::InvalidMessage(_))).then_some(fault)
}

fn said(fault: &TlsError) -> Message {
    use AlertDescription as Alert;
    use CertificateError as Wrong;
    match fault {
        TlsError::InvalidCertificate(Wrong::UnknownIssuer) => msg!("PEER_CERTIFICATE_UNKNOWN"),
        TlsError::InvalidCertificate(Wrong::NotValidForName | Wrong::NotValidForNameContext { .. }) => {
            msg!("PEER_CERTIFICATE_FOR_ANOTHER")
        }
        TlsError::InvalidCertificate(
            Wrong::Expired | Wrong::ExpiredContext { .. } | Wrong::NotValidYet | Wrong::NotValidYetContext { .. },
        ) => msg!("PEER_CERTIFICATE_OUT_OF_DATE"),
        TlsError::AlertReceived(Alert::CertificateRequired) => msg!("PEER_WANTS_CERTIFICATE"),
        TlsError::AlertReceived(Alert::CertificateExpired) => msg!("PEER_REFUSES_CERTIFICATE.expired"),
        TlsError::AlertReceived(Alert::CertificateRevoked) => msg!("PEER_REFUSES_CERTIFICATE.revoked"),
        TlsError::AlertReceived(
            Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::DecryptError,
        ) => msg!("PEER_REFUSES_CERTIFICATE"),
        other => msg!("PEER_TLS_FAILED", why = msg!("TLS_SAYS", cause = other)),
    }
}
