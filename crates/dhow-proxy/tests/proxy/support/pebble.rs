use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use dhow_proxy::acme::AcmeConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::daemon::{ASK_LIMIT, Directory};
use super::{Authority, Proxy, TlsClient, eventually, free_address};

/// A real certificate authority, pebble, that is not open yet: the proxy has to know where it will be, and it has to
/// know where the proxy is.
pub struct Pebble {
    authority: Arc<Authority>,
    api: SocketAddr,
    management: SocketAddr,
    customer: Option<[&'static str; 2]>,
    believes: bool,
}

/// The authority at work, with a name server that says that every host is here.
pub struct OpenPebble {
    closed: Pebble,
    programs: Vec<Child>,
}

impl Pebble {
    pub fn new() -> Self {
        let authority = Arc::new(Authority::new());
        Self { authority, api: free_address(), management: free_address(), customer: None, believes: false }
    }

    /// One that serves only who proves to have this key.
    pub fn for_customer(id: &'static str, key: &'static str) -> Self {
        Self { customer: Some([id, key]), ..Self::new() }
    }

    /// Who its own certificate is from.
    pub fn authority(&self) -> Arc<Authority> {
        self.authority.clone()
    }

    /// Where its directory is.
    pub fn api(&self) -> SocketAddr {
        self.api
    }

    /// How the proxy reaches it.
    pub fn config(&self, directory: &Directory) -> AcmeConfig {
        AcmeConfig {
            directory: Some(self.url()),
            root: Some(directory.write("pebble/root.pem", &self.authority.root_pem())),
            external_account: None,
            first_retry: std::time::Duration::from_millis(50),
            ask_limit: ASK_LIMIT,
            name_server_port: 53,
        }
    }

    pub fn url(&self) -> String {
        format!("https://localhost:{}/dir", self.api.port())
    }

    /// Opens it; it asks its questions at the proxy's ports.
    pub fn open(self, proxy: &Proxy) -> OpenPebble {
        let tls = proxy.https.port();
        self.open_asking(proxy, tls)
    }

    /// The same, but its TLS questions go to another port.
    pub fn open_asking(self, proxy: &Proxy, tls: u16) -> OpenPebble {
        let names = free_address();
        let management = free_address().to_string();
        let mut name_server = program("pebble-challtestsrv");
        name_server.args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-management", &management]);
        name_server.args(["-dns01", &names.to_string(), "-http01", "", "-https01", "", "-tlsalpn01", ""]);
        let name_server = start(name_server);
        eventually("the name server's start", || TcpStream::connect(&management).is_ok());
        let mut open = self.open_with(&proxy.directory, [proxy.http.port(), tls], names);
        open.programs.push(name_server);
        open
    }

    /// Opens it; it asks this name server for the records of zones, and nobody else anything.
    pub fn open_with_zones(self, proxy: &Proxy, names: SocketAddr) -> OpenPebble {
        self.open_with(&proxy.directory, [1, 1], names)
    }

    /// Opens it; it believes whatever it is told.
    pub fn open_believing(mut self, proxy: &Proxy) -> OpenPebble {
        self.believes = true;
        self.open_with(&proxy.directory, [1, 1], free_address())
    }

    fn open_with(self, directory: &Directory, ports: [u16; 2], names: SocketAddr) -> OpenPebble {
        let config = self.write_config(directory, ports);
        let mut pebble = program("pebble");
        pebble.args(["-strict", "-config", &config, "-dnsserver", &names.to_string()]);
        pebble.envs([("PEBBLE_VA_NOSLEEP", "1"), ("PEBBLE_AUTHZREUSE", "0")]);
        pebble.env("PEBBLE_VA_ALWAYS_VALID", if self.believes { "1" } else { "0" });
        let open = OpenPebble { programs: vec![start(pebble)], closed: self };
        for address in [open.closed.api, open.closed.management] {
            eventually("pebble's start", || TcpStream::connect(address).is_ok());
        }
        open
    }

    fn write_config(&self, directory: &Directory, [http, tls]: [u16; 2]) -> String {
        let pair = self.authority.issue(&["localhost"]);
        let certificate = directory.write("pebble/cert.pem", &pair.chain);
        let key = directory.write("pebble/key.pem", &pair.key);
        let customers = self.customer.map(|[id, key]| (id.to_owned(), key.into()));
        let customers: serde_json::Map<String, serde_json::Value> = customers.into_iter().collect();
        let config = serde_json::json!({ "pebble": {
            "externalAccountBindingRequired": !customers.is_empty(),
            "externalAccountMACKeys": customers,
            "listenAddress": self.api.to_string(),
            "managementListenAddress": self.management.to_string(),
            "certificate": certificate,
            "privateKey": key,
            "httpPort": http,
            "tlsPort": tls,
        }});
        directory.write("pebble/config.json", &config.to_string()).to_str().unwrap().to_owned()
    }
}

impl OpenPebble {
    /// A client that trusts what pebble signs.
    pub fn client(&self) -> TlsClient {
        let mut secured =
            self.closed.authority.client().connect(self.closed.management, "localhost").unwrap();
        let root = secured.http.get("localhost", "/roots/0");
        TlsClient::trusting(CertificateDer::from_pem_slice(&root.body).unwrap())
    }
}

impl Drop for OpenPebble {
    fn drop(&mut self) {
        for program in &mut self.programs {
            program.kill().ok();
            program.wait().ok();
        }
    }
}

/// A silent program.
pub fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Starts a program of one of the packages that tests need.
pub fn start(mut command: Command) -> Child {
    command.spawn().unwrap_or_else(|error| {
        panic!("{:?}: {error}; run script/prepare, which installs it", command.get_program())
    })
}
