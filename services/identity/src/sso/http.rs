//! As much of HTTP as a provider needs: one request on one connection, small answers, a short time, no redirects.

use std::sync::Arc;
use std::time::Duration;

use ::http::{Request, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::domain::{Address, SsoError};

/// The longest answer that is read.
const MAX_BYTES: usize = 512 * 1024;
/// How long a provider may take for all of it.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client that trusts the authorities that the machine trusts: a group's own provider often has a certificate of the
/// group's own.
#[derive(Clone)]
pub(crate) struct Client {
    tls: Arc<ClientConfig>,
}

/// A status and a body.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Client {
    /// A client with the machine's authorities; none of them is no fault until an `https` address is asked.
    pub(crate) fn new() -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Self { tls: Arc::new(config.with_root_certificates(roots).with_no_client_auth()) })
    }

    pub(crate) async fn get(&self, address: &Address) -> Result<Reply, SsoError> {
        self.send(address, Request::get(address.as_str()), "").await
    }

    pub(crate) async fn post(
        &self,
        address: &Address,
        form: &str,
        authorization: Option<&str>,
    ) -> Result<Reply, SsoError> {
        let mut request = Request::post(address.as_str());
        request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(value) = authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        self.send(address, request, form).await
    }

    async fn send(&self, address: &Address, request: ::http::request::Builder, body: &str) -> Result<Reply, SsoError> {
        let answered = tokio::time::timeout(PATIENCE, self.exchange(request, body)).await;
        let away = |why: &str| tracing::warn!(address = address.as_str(), why, "an identity provider cannot be asked");
        match answered {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(error)) => {
                away(&error.to_string());
                Err(SsoError::ProviderAway)
            }
            Err(_) => {
                away("it took too long");
                Err(SsoError::ProviderAway)
            }
        }
    }

    async fn exchange(&self, request: ::http::request::Builder, body: &str) -> Result<Reply, Fault> {
        let uri: Uri = request.uri_ref().cloned().ok_or("no address")?;
        let host = uri.host().ok_or("no host")?.trim_matches(['[', ']']).to_owned();
        let secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let named = uri.authority().map(ToString::to_string).ok_or("no host")?;
        let request = request.uri(path).header(header::HOST, named).header(header::ACCEPT, "application/json");
        let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes())))?;
        let stream = TcpStream::connect((host.as_str(), port)).await?;
        if secure {
            let name = ServerName::try_from(host)?;
            let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await?;
            talk(stream, request).await
        } else {
            talk(stream, request).await
        }
    }
}

type Fault = Box<dyn std::error::Error + Send + Sync>;

async fn talk<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Reply, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answered = async {
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), MAX_BYTES).collect().await?.to_bytes().to_vec();
        Ok::<_, Fault>(Reply { status, body })
    };
    // The connection is driven beside the question, and goes with it.
    let mut answered = std::pin::pin!(answered);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        reply = &mut answered => reply,
        ended = &mut connection => {
            ended?;
            answered.await
        }
    }
}
