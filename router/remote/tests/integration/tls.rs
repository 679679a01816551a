//! HTTPS, with certificates of the test's own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::http::Version;
use axum::serve::Listener;
use engine::subgraph::Subgraph;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use remote::{NoHeaders, RemoteError, RemoteSettings, RemoteSubgraph};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

use super::client::{failure, fetch, request, subgraph_with};
use super::server::{TestServer, json as answer_json};
use super::subscriptions::{DOCUMENT, data, of, sockets_on};

const ANSWER: &str = r#"{"data":{"a":1}}"#;

#[tokio::test]
async fn a_subgraph_with_a_certificate_of_the_own_authority_is_asked() {
    let authority = Authority::new();
    let server = authority.server(false).await;
    let subgraph = subgraph_with(&server.url, authority.settings());
    for _ in 0..2 {
        let response = fetch(&subgraph, "{ a }").await;
        assert!(response.errors.is_empty(), "{response:?}");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn http2_is_agreed_upon_during_the_handshake() {
    let authority = Authority::new();
    let server = authority.server(false).await;
    let settings = RemoteSettings {
        subgraph_http2: true,
        ..authority.settings()
    };
    let response = fetch(&subgraph_with(&server.url, settings), "{ a }").await;
    assert!(response.errors.is_empty(), "{response:?}");
    assert_eq!(server.received()[0].version, Version::HTTP_2);
}

#[tokio::test]
async fn a_subgraph_with_a_certificate_of_another_authority_is_not_asked() {
    let server = Authority::new().server(false).await;
    let subgraph = subgraph_with(&server.url, Authority::new().settings());
    assert_eq!(
        failure(&fetch(&subgraph, "{ a }").await).0,
        "the subgraph `reviews` cannot be reached"
    );
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn a_subgraph_may_require_a_certificate_of_the_router() {
    let authority = Authority::new();
    let server = authority.server(true).await;
    let stranger = subgraph_with(&server.url, authority.settings());
    assert!(!fetch(&stranger, "{ a }").await.errors.is_empty());

    let router = subgraph_with(&server.url, authority.router_settings());
    let response = fetch(&router, "{ a }").await;
    assert!(response.errors.is_empty(), "{response:?}");
}

#[tokio::test]
async fn a_subscription_over_a_websocket_checks_the_certificate_and_shows_its_own() {
    for requires_certificate in [false, true] {
        let authority = Authority::new();
        let (listener, url) = authority.listener(requires_certificate).await;
        let _received = sockets_on(listener, |_, mut server| async move {
            server.accept().await;
            server.next(json!({ "data": { "votes": 1 } })).await;
            server.send(json!({ "type": "complete", "id": "1" })).await;
        });
        let settings = if requires_certificate {
            authority.router_settings()
        } else {
            authority.settings()
        };
        let responses = of(subgraph_with(&url, settings).subscribe(request(DOCUMENT))).await;
        assert_eq!(data(&responses), ["{votes: 1}"]);

        let other = Authority::new();
        let stranger = if requires_certificate {
            authority.settings()
        } else {
            other.settings()
        };
        let responses = of(subgraph_with(&url, stranger).subscribe(request(DOCUMENT))).await;
        assert_eq!(responses.len(), 1);
        failure(&responses[0]);
    }
}

#[test]
fn a_file_without_a_certificate_is_refused() {
    let authority = Authority::new();
    let settings = RemoteSettings {
        subgraph_ca_file: authority.file("empty.pem", ""),
        ..RemoteSettings::default()
    };
    let url = "https://localhost/".parse().unwrap();
    let made = RemoteSubgraph::new("reviews", url, Arc::new(settings), Arc::new(NoHeaders));
    let Err(RemoteError::File { setting, .. }) = made else {
        panic!("the file must be refused");
    };
    assert_eq!(setting, "subgraph_ca_file");
}

/// A certificate authority with its files.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self {
            issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap(),
            folder: TempDir::new().unwrap(),
        }
    }

    fn settings(&self) -> RemoteSettings {
        RemoteSettings {
            subgraph_ca_file: self.file("ca.pem", &self.issuer.pem()),
            ..RemoteSettings::default()
        }
    }

    /// The settings of a router with a certificate of this authority.
    fn router_settings(&self) -> RemoteSettings {
        let (certificate, key) = self.issue("router");
        RemoteSettings {
            subgraph_certificate_file: self.file("router.pem", &certificate.pem()),
            subgraph_key_file: self.file("router.key", &key.serialize_pem()),
            ..self.settings()
        }
    }

    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    async fn server(&self, requires_certificate: bool) -> TestServer {
        let (listener, url) = self.listener(requires_certificate).await;
        TestServer::start_on(listener, url, |_| async { answer_json(ANSWER) }).await
    }

    async fn listener(&self, requires_certificate: bool) -> (TlsListener, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/graphql", listener.local_addr().unwrap().port());
        let acceptor = self.acceptor(requires_certificate);
        (TlsListener { listener, acceptor }, url)
    }

    fn acceptor(&self, requires_certificate: bool) -> TlsAcceptor {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let builder = if requires_certificate {
            let mut roots = RootCertStore::empty();
            roots.add(self.issuer.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let (certificate, key) = self.issue("localhost");
        let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = builder.with_single_cert(chain, key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config).into()
    }
}

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.listener.accept().await else {
                continue;
            };
            if let Ok(encrypted) = self.acceptor.accept(stream).await {
                return (encrypted, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
