//! TLS to subgraphs.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::remote_error::RemoteError;
use super::settings::RemoteSettings;

/// Returns the connector for addresses of HTTPS, over which servers speak that protocol.
///
/// # Errors
/// When a file of the settings cannot be read, or its certificates cannot be used.
pub fn connector(settings: &RemoteSettings, protocol: &[u8]) -> Result<TlsConnector, RemoteError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_root_certificates(authorities(&settings.subgraph_ca_file)?);
    let mut config = match own_certificate(settings)? {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(unusable)?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(Arc::new(config).into())
}

/// The authorities of the file, or those that the system trusts.
fn authorities(file: &Path) -> Result<RootCertStore, RemoteError> {
    let mut store = RootCertStore::empty();
    if is_unset(file) {
        // A certificate of the system that cannot be parsed does not make the others useless.
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(store);
    }
    for certificate in certificates("subgraph_ca_file", file)? {
        store.add(certificate).map_err(unusable)?;
    }
    Ok(store)
}

type OwnCertificate = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn own_certificate(settings: &RemoteSettings) -> Result<Option<OwnCertificate>, RemoteError> {
    let (chain, key) = (&settings.subgraph_certificate_file, &settings.subgraph_key_file);
    if is_unset(chain) && is_unset(key) {
        return Ok(None);
    }
    let chain = certificates("subgraph_certificate_file", chain)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable("subgraph_key_file", key, &error))?;
    Ok(Some((chain, key)))
}

fn certificates(setting: &'static str, file: &Path) -> Result<Vec<CertificateDer<'static>>, RemoteError> {
    let read = || CertificateDer::pem_file_iter(file)?.collect::<Result<Vec<_>, _>>();
    let certificates = read().map_err(|error| unreadable(setting, file, &error))?;
    if certificates.is_empty() {
        return Err(unreadable(setting, file, &"it has no certificate"));
    }
    Ok(certificates)
}

fn is_unset(file: &Path) -> bool {
    file.as_os_str().is_empty()
}

fn unreadable(setting: &'static str, file: &Path, reason: &dyn std::fmt::Display) -> RemoteError {
    RemoteError::File {
        setting,
        path: file.to_owned(),
        reason: reason.to_string(),
    }
}

fn unusable(error: impl std::fmt::Display) -> RemoteError {
    RemoteError::Tls(error.to_string())
}
