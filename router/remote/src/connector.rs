//! Connections to one address, with or without TLS.

use std::io;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::remote_error::RemoteError;
use super::settings::RemoteSettings;
use super::subgraph_error::SubgraphError;
use super::tls;

/// Bytes in both directions, encrypted or not.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2. An unencrypted server must expect it.
    Http2,
}

/// Connects to one address.
pub struct Connector {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    time_max: Duration,
    version: HttpVersion,
}

impl Connector {
    /// A connector to the host of an address.
    ///
    /// # Errors
    /// When the address is none of HTTP or HTTPS, or the files of the settings cannot be used.
    pub fn new(
        subgraph: &str,
        url: &Uri,
        settings: &RemoteSettings,
        version: HttpVersion,
    ) -> Result<Self, RemoteError> {
        let wrong_url = || RemoteError::Url {
            subgraph: subgraph.to_owned(),
            url: url.to_string(),
        };
        let authority = url.authority().ok_or_else(wrong_url)?;
        // The brackets around an IPv6 address belong to the URL.
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let is_encrypted = match url.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err(wrong_url()),
        };
        if host.is_empty() || authority.as_str().contains('@') {
            return Err(wrong_url());
        }
        let tls = if is_encrypted {
            let name = ServerName::try_from(host.clone()).map_err(|_| wrong_url())?;
            let protocol: &[u8] = match version {
                HttpVersion::Http1 => b"http/1.1",
                HttpVersion::Http2 => b"h2",
            };
            Some((tls::connector(settings, protocol)?, name))
        } else {
            None
        };
        Ok(Self {
            port: authority.port_u16().unwrap_or(if is_encrypted { 443 } else { 80 }),
            host,
            tls,
            time_max: settings.connect_time_max(),
            version,
        })
    }

    /// The version of HTTP that the server is asked for.
    pub fn version(&self) -> HttpVersion {
        self.version
    }

    /// Connects.
    ///
    /// # Errors
    /// When the connection is not established in time.
    pub async fn connect(&self) -> Result<Box<dyn Io>, SubgraphError> {
        match tokio::time::timeout(self.time_max, self.open()).await {
            Ok(opened) => opened.map_err(|error| SubgraphError::Unreachable(error.to_string())),
            Err(_) => Err(SubgraphError::Unreachable(format!(
                "no connection in {:?}",
                self.time_max
            ))),
        }
    }

    async fn open(&self) -> io::Result<Box<dyn Io>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => Ok(Box::new(stream)),
            Some((tls, name)) => Ok(Box::new(tls.connect(name.clone(), stream).await?)),
        }
    }
}
