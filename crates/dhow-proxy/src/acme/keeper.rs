//! Keeping one name's certificate: found on disk or ordered, renewed in time, tried again after failures.

use std::sync::Arc;
use std::time::Duration;

use instant_acme::{Account, CertificateIdentifier};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::challenges::Challenges;
use super::directory::{Authority, Directories};
use super::dns::Dns;
use super::order::{self, OrderError, Proof, Wanted};
use super::renewal;
use crate::log::{Field, Log};
use crate::options::dns::DnsOptions;
use crate::tls::certificate::Certificate;
use crate::tls::stapling;
use crate::{clock, duration};

/// The longest pause between two attempts.
const LAST_RETRY: Duration = Duration::from_secs(3600);

/// How long an attempt may take, everything included.
const ATTEMPT: Duration = Duration::from_secs(300);

/// The clock is looked at this often while waiting for a renewal: a machine may sleep, and be set right.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(3600);

/// How it stands with a name's certificate.
#[derive(Clone, Default)]
pub struct Standing {
    /// The certificate that is served, if there is one.
    pub certificate: Option<Certificate>,
    /// Why the last attempt to get one failed, if it did.
    pub failure: Option<String>,
    /// When the next attempt is due, since the epoch; none while it is made, and if there will be none.
    pub next_attempt: Option<Duration>,
    is_on_its_way: bool,
}

/// How a name's certificate is got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Who certifies it.
    pub authority: Authority,
    /// The zone that proves it; without one, this proxy answers for it.
    pub dns: Option<DnsOptions>,
}

/// A name that is kept; its keeper ends when this is dropped.
pub struct Kept {
    /// How it is got.
    pub source: Source,
    standing: watch::Receiver<Standing>,
    asked: Arc<Notify>,
    task: Option<AbortHandle>,
}

impl Kept {
    /// A name that cannot have a certificate.
    pub fn refused(source: Source, why: String) -> Self {
        let (_, standing) = watch::channel(Standing { failure: Some(why), ..Standing::default() });
        Self { source, standing, asked: Arc::default(), task: None }
    }

    /// Starts a keeper.
    pub fn begin(keeper: Keeper) -> Self {
        let (told, standing) = watch::channel(Standing { is_on_its_way: true, ..Standing::default() });
        let (source, asked) = (keeper.source.clone(), Arc::new(Notify::new()));
        let task = tokio::spawn(keeper.run(told, Arc::clone(&asked)));
        Self { source, standing, asked, task: Some(task.abort_handle()) }
    }

    /// The certificate; waits for one that is on its way. A failed order is brought forward by the question.
    pub async fn certificate(&self, at_most: Duration) -> Result<Certificate, String> {
        let mut standing = self.standing.clone();
        let is_settled = |standing: &Standing| standing.certificate.is_some() || !standing.is_on_its_way;
        // However the wait ends, the standing tells.
        timeout(at_most, standing.wait_for(is_settled)).await.ok();
        let Standing { certificate, failure, is_on_its_way, .. } = standing.borrow().clone();
        match (certificate, failure) {
            (Some(certificate), _) => Ok(certificate),
            (None, Some(why)) if !is_on_its_way => {
                self.try_soon();
                Err(why)
            }
            _ => Err("it is still being ordered".into()),
        }
    }

    /// How it stands now.
    pub fn standing(&self) -> Standing {
        self.standing.borrow().clone()
    }

    /// Tries again soon, if the last attempt failed: a client has asked, or a deploy gives hope.
    pub fn try_soon(&self) {
        self.asked.notify_one();
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// The task behind a [`Kept`].
pub struct Keeper {
    /// The name, in its canonical form.
    pub name: String,
    /// How its certificate is got.
    pub source: Source,
    /// Of the zones' name servers.
    pub name_server_port: u16,
    /// Accounts.
    pub directories: Arc<Directories>,
    /// Where answers are put up.
    pub challenges: Arc<Challenges>,
    /// The pause after the first failure.
    pub first_retry: Duration,
    /// For what comes of it.
    pub log: Log,
}

impl Keeper {
    async fn run(self, standing: watch::Sender<Standing>, asked: Arc<Notify>) {
        let mut certificate = self.found();
        loop {
            let current = match certificate {
                Some(certificate) => certificate,
                None => self.ordered(&standing, &asked).await,
            };
            standing.send_replace(Standing { certificate: Some(current.clone()), ..Standing::default() });
            stapling::begin(&current, self.directories.https(), &self.log);
            self.until_due(&current, &standing).await;
            certificate = None;
        }
    }

    /// Waits for the moment to renew, which the authority may still move.
    async fn until_due(&self, current: &Certificate, standing: &watch::Sender<Standing>) {
        let chance = fastrand::f64();
        loop {
            let plan = renewal::plan(&self.directories, &self.source.authority, current, chance).await;
            standing.send_modify(|standing| standing.next_attempt = Some(plan.due));
            until(plan.due.min(plan.revised)).await;
            if plan.due <= clock::since_epoch() {
                return;
            }
        }
    }

    /// The certificate on disk, if it can be used.
    fn found(&self) -> Option<Certificate> {
        let found = self.source.authority.cache().certificate(&self.name).and_then(|pem| match pem {
            Some(pem) => self.usable(&pem).map(Some),
            None => Ok(None),
        });
        found.unwrap_or_else(|error| {
            self.log.warn("Kept certificate is not used", &[("host", &self.name), ("error", &error)]);
            None
        })
    }

    fn usable(&self, pem: &[u8]) -> Result<Certificate, String> {
        let certificate = Certificate::from_pem(pem)?;
        if !certificate.covers(&self.name) {
            return Err("it is for another name".into());
        }
        let validity = certificate.validity().ok_or("its validity is unreadable")?;
        match validity.until > clock::since_epoch() {
            true => Ok(certificate),
            false => Err("it has expired".into()),
        }
    }

    /// A new certificate, after as many attempts as it takes.
    async fn ordered(&self, standing: &watch::Sender<Standing>, asked: &Notify) -> Certificate {
        let mut pause = self.first_retry;
        let replaced = standing.borrow().certificate.as_ref().and_then(renewal::identifier);
        loop {
            standing.send_modify(|standing| {
                (standing.is_on_its_way, standing.next_attempt) = (true, None);
            });
            let turn = self.directories.turn(&self.source.authority).await;
            let patience = self.source.dns.as_ref().map_or(Duration::ZERO, |dns| dns.propagation_timeout);
            let limit = ATTEMPT + patience;
            let why = match timeout(limit, self.attempt(replaced.as_ref())).await {
                Ok(Ok(certificate)) => return certificate,
                Ok(Err(why)) => why,
                Err(_) => format!("not done within {}", duration::format(limit)),
            };
            drop(turn);
            let jittered = pause.mul_f64(0.9 + 0.2 * fastrand::f64());
            let retry = duration::format(Duration::from_secs(jittered.as_secs()));
            let fields: [(&str, &dyn Field); 3] =
                [("host", &self.name), ("error", &why), ("retry_in", &retry)];
            self.log.error("Unable to get a certificate", &fields);
            standing.send_modify(|standing| {
                standing.is_on_its_way = false;
                standing.failure = Some(why);
                standing.next_attempt = Some(clock::since_epoch() + jittered);
            });
            self.directories.forget(&self.source.authority);
            tokio::select! {
                () = sleep(jittered) => {}
                () = async { sleep(self.first_retry).await; asked.notified().await } => {}
            }
            pause = (pause * 2).min(LAST_RETRY);
        }
    }

    async fn attempt(
        &self,
        replaced: Option<&CertificateIdentifier<'static>>,
    ) -> Result<Certificate, String> {
        let account = self.directories.account(&self.source.authority).await?;
        match &self.source.dns {
            Some(options) => self.proven_by_zone(&account, replaced, options).await,
            None => self.proven_here(&account, replaced).await,
        }
    }

    async fn proven_by_zone(
        &self,
        account: &Account,
        replaced: Option<&CertificateIdentifier<'static>>,
        options: &DnsOptions,
    ) -> Result<Certificate, String> {
        // Read anew each time: credentials are replaced now and then.
        let dns = Dns::open(options, &self.directories.https(), self.name_server_port, &self.log);
        let dns = dns.map_err(|why| format!("dns-01: {why}"))?;
        let wanted = Wanted { name: &self.name, replaced, proof: Proof::Zone(&dns) };
        match order::certificate(account, &wanted).await {
            Ok(pem) => self.received(&pem),
            Err(OrderError::Unconvinced(why)) => Err(format!("dns-01: {why}")),
            Err(OrderError::Failed(why)) => Err(why),
        }
    }

    async fn proven_here(
        &self,
        account: &Account,
        replaced: Option<&CertificateIdentifier<'static>>,
    ) -> Result<Certificate, String> {
        let mut reasons = Vec::new();
        for proof in [Proof::Handshake(&self.challenges), Proof::Path(&self.challenges)] {
            let kind = proof.name();
            let wanted = Wanted { name: &self.name, replaced, proof };
            match order::certificate(account, &wanted).await {
                Ok(pem) => return self.received(&pem),
                Err(OrderError::Unconvinced(why)) => reasons.push(format!("{kind}: {why}")),
                Err(OrderError::Failed(why)) => return Err(why),
            }
        }
        Err(reasons.join("; "))
    }

    fn received(&self, pem: &str) -> Result<Certificate, String> {
        let certificate = self.usable(pem.as_bytes())?;
        if let Err(error) = self.source.authority.cache().keep_certificate(&self.name, pem) {
            // It serves all the same; only the next start will have to order again.
            self.log.error("Unable to keep a certificate", &[("host", &self.name), ("error", &error)]);
        }
        self.log.info("Certificate received", &[("host", &self.name)]);
        Ok(certificate)
    }
}

async fn until(moment: Duration) {
    while let Some(left) = moment.checked_sub(clock::since_epoch()).filter(|left| !left.is_zero()) {
        sleep(left.min(LOOK_AT_CLOCK)).await;
    }
}
