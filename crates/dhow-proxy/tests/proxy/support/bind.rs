use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::Child;
use std::sync::Arc;

use super::daemon::Directory;
use super::pebble::{program, start};
use super::{eventually, free_address};

/// The name of the key that changes zones, …
pub const KEY: &str = "dhow-key";

/// … and its secret.
pub const SECRET: &str = "bWFueSBzZWNyZXQgYnl0ZXMgb2YgYSBrZXkhIQ==";

/// A real name server, BIND, with a zone that takes updates which are signed with the key.
pub struct Bind {
    pub address: SocketAddr,
    directory: Arc<Directory>,
    daemon: Child,
}

impl Bind {
    /// Serves `a.com`, by itself and by whoever is at the other addresses.
    pub fn serve(directory: &Arc<Directory>, others: &[&str]) -> Self {
        Self::serve_with(directory, others, "")
    }

    /// The same, with more lines in the zone.
    pub fn serve_with(directory: &Arc<Directory>, others: &[&str], lines: &str) -> Self {
        let address = free_address();
        let servers: String = ["127.0.0.1"]
            .iter()
            .chain(others)
            .enumerate()
            .map(|(at, ip)| format!("@ NS ns{at}\nns{at} A {ip}\n"))
            .collect();
        let head = "$TTL 60\n@ SOA ns0 root 1 3600 600 86400 1\n";
        directory.write("bind/a.com.zone", &format!("{head}{servers}{lines}"));
        let home = directory.0.join("bind");
        let home = home.display();
        let config = format!(
            "options {{ directory \"{home}\"; pid-file none; session-keyfile \"{home}/session.key\";\n\
             listen-on port {} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no; }};\n\
             controls {{ }};\n\
             key \"{KEY}\" {{ algorithm hmac-sha256; secret \"{SECRET}\"; }};\n\
             zone \"a.com\" {{ type primary; file \"{home}/a.com.zone\";\n\
             update-policy {{ grant {KEY} zonesub TXT; }}; }};\n",
            address.port()
        );
        let config = directory.write("bind/named.conf", &config);
        let mut named = program("/usr/sbin/named");
        named.args(["-f", "-n", "1", "-c", config.to_str().unwrap()]);
        let bind = Self { address, directory: directory.clone(), daemon: start(named) };
        eventually("BIND's start", || TcpStream::connect(address).is_ok());
        bind
    }

    /// The flags and the file that let a proxy change its zones.
    pub fn flags(&self) -> [String; 6] {
        let credentials = format!(
            "RFC2136_NAMESERVER={}\nRFC2136_TSIG_KEY={KEY}\nRFC2136_TSIG_SECRET={SECRET}\n",
            self.address
        );
        self.flags_for("rfc2136", &credentials)
    }

    /// The flags of another provider, with this server as the resolver.
    pub fn flags_for(&self, provider: &str, credentials: &str) -> [String; 6] {
        let path = self.directory.write("credentials", credentials).display().to_string();
        let flags = ["--tls-dns-provider", provider, "--tls-dns-credentials", &path, "--tls-dns-resolver"];
        let [provider_flag, provider, credentials, path, resolver] = flags.map(str::to_owned);
        [provider_flag, provider, credentials, path, resolver, self.address.to_string()]
    }

    /// Whether a name has a text now.
    pub fn has_text(&self, name: &str) -> bool {
        let labels = name.split('.').flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat());
        let question =
            [&b"\0\x01\0\0\0\x01\0\0\0\0\0\0"[..], &labels.collect::<Vec<_>>(), b"\0\0\x10\0\x01"].concat();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(super::PATIENCE)).unwrap();
        socket.send_to(&question, self.address).unwrap();
        let mut reply = [0; 1500];
        socket.recv(&mut reply).unwrap();
        reply[7] != 0
    }
}

impl Drop for Bind {
    fn drop(&mut self) {
        self.daemon.kill().ok();
        self.daemon.wait().ok();
    }
}
