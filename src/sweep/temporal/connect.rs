use std::time::Duration;

use temporalio_client::errors::ClientConnectError;
use temporalio_client::tonic::{Code, Status};
use temporalio_client::{
    Client, ClientOptions, Connection, ConnectionOptions, NamespacedClient as _, RetryOptions, TlsOptions, Url,
};

use crate::store::Store;
use crate::sweep::{DispatchError, EngineAddress, RetrySettings, WorkerId, with_causes};

/// How long a server is waited for that never answered yet.
const FIRST_ANSWER: Duration = Duration::from_secs(10);

/// The dispatcher on a Temporal server; results are in `store`.
#[derive(Clone)]
pub struct Temporal {
    pub(super) client: Client,
    pub(super) address: EngineAddress,
    pub(super) store: Store,
    pub(super) settings: EngineSettings,
}

/// How the server treats jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineSettings {
    /// How long a worker may be silent before its jobs are given to others.
    pub lease: Duration,
    /// How often a job may lose its worker before it counts as the one that ends them.
    pub losses: u32,
    /// How often a job is tried.
    pub retry: RetrySettings,
    /// How long a server that does not answer is asked again.
    pub patience: Duration,
}

impl std::fmt::Debug for Temporal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Temporal({})", self.address)
    }
}

impl Temporal {
    /// Connects; `key` authenticates where the server asks for it.
    pub async fn connect(
        address: EngineAddress,
        key: Option<String>,
        store: Store,
        settings: EngineSettings,
    ) -> Result<Self, DispatchError> {
        // The process-wide provider of cryptography; whoever installed one before has made a valid choice.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let connect = async |patience| {
            let connection = Connection::connect(options(&address, key.clone(), patience)?).await;
            connection.map_err(|error| failed(&address, "answer", may_pass(&error), connect_reason(&error)))
        };
        // An address that was mistyped is told at once; a server that was there is waited for.
        connect(FIRST_ANSWER).await?;
        let connection = connect(settings.patience).await?;
        let client = Client::new(connection, ClientOptions::new(address.namespace.clone()).build())
            .map_err(|error| failed(&address, "answer", false, error.to_string()))?;
        Ok(Self { client, address, store, settings })
    }

    /// The namespace of the jobs.
    pub(super) fn namespace(&self) -> String {
        self.client.namespace()
    }

    /// An error of this server.
    pub(super) fn failed(&self, action: &'static str, status: &Status) -> DispatchError {
        let may_pass = status_may_pass(status.code());
        failed(&self.address, action, may_pass, format!("{:?}: {}", status.code(), status.message()))
    }

    /// An error of the client library, which will come again.
    pub(super) fn broken(&self, action: &'static str, error: &dyn std::error::Error) -> DispatchError {
        self.refused(action, with_causes(error))
    }

    /// As `broken`, for what says so in words alone.
    pub(super) fn refused(&self, action: &'static str, reason: String) -> DispatchError {
        failed(&self.address, action, false, reason)
    }
}

fn failed(engine: &EngineAddress, action: &'static str, may_pass: bool, reason: String) -> DispatchError {
    DispatchError::Engine { engine: engine.to_string(), action, reason, may_pass }
}

fn options(
    address: &EngineAddress,
    key: Option<String>,
    patience: Duration,
) -> Result<ConnectionOptions, DispatchError> {
    let EngineAddress { encrypted, host, port, .. } = address;
    let scheme = if *encrypted { "https" } else { "http" };
    let target = Url::parse(&format!("{scheme}://{host}:{port}"));
    let target = target.map_err(|error| failed(address, "answer", false, error.to_string()))?;
    let retry = RetryOptions::builder().max_elapsed_time(Some(patience)).max_retries(0).build();
    Ok(ConnectionOptions::new(target)
        .identity(format!("tarproof {}", WorkerId::unique()))
        .connect_timeout(FIRST_ANSWER.min(patience))
        .retry_options(retry)
        .maybe_api_key(key)
        .maybe_tls_options(encrypted.then(TlsOptions::default))
        .build())
}

fn may_pass(error: &ClientConnectError) -> bool {
    match error {
        ClientConnectError::TonicTransportError(_) | ClientConnectError::DnsResolutionError { .. } => true,
        ClientConnectError::SystemInfoCallError(status) => status_may_pass(status.code()),
        _ => false,
    }
}

fn connect_reason(error: &ClientConnectError) -> String {
    match error {
        ClientConnectError::TonicTransportError(error) => with_causes(error),
        ClientConnectError::SystemInfoCallError(status) => format!("{:?}: {}", status.code(), status.message()),
        other => with_causes(other),
    }
}

fn status_may_pass(code: Code) -> bool {
    match code {
        Code::Unavailable
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::Cancelled
        | Code::Internal
        | Code::Unknown
        | Code::DataLoss => true,
        Code::Ok
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Unauthenticated => false,
    }
}
