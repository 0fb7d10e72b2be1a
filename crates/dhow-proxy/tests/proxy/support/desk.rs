use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::Authority;
use super::backend::{read_fields, read_line};

/// A directory in front of pebble's that also tells when certificates should be renewed (ARI); this pebble cannot.
pub struct Desk {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

/// Begin and end of the time to renew, for the n-th certificate that is asked about.
pub type Window = fn(usize) -> [&'static str; 2];

impl Desk {
    pub fn new(authority: Arc<Authority>, pebble: SocketAddr, window: Window) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let desk = Self { address: listener.local_addr().unwrap(), asked: Arc::default() };
        let (asked, address) = (desk.asked.clone(), desk.address);
        let config = Arc::new(server_config(&authority));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let tls = ServerConnection::new(config.clone()).unwrap();
                let mut stream = BufReader::new(StreamOwned::new(tls, stream));
                let Some(first) = read_line(&mut stream) else { continue };
                read_fields(&mut stream);
                let answer = match first.split(' ').nth(1).unwrap().strip_prefix("/ari/") {
                    Some(id) => {
                        let [start, end] = window(known(&asked, id));
                        json!({ "suggestedWindow": { "start": start, "end": end } })
                    }
                    None => directory(&authority, pebble, address),
                };
                let body = answer.to_string();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nRetry-After: 3600\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                stream.get_mut().write_all(format!("{head}{body}").as_bytes()).ok();
                stream.get_mut().conn.send_close_notify();
                stream.get_mut().flush().ok();
            }
        });
        desk
    }

    pub fn url(&self) -> String {
        format!("https://localhost:{}/dir", self.address.port())
    }

    /// The certificates that were asked about, each once, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Which one it is.
fn known(asked: &Mutex<Vec<String>>, id: &str) -> usize {
    let mut asked = asked.lock().unwrap();
    asked.iter().position(|known| known == id).unwrap_or_else(|| {
        asked.push(id.to_owned());
        asked.len() - 1
    })
}

fn directory(authority: &Authority, pebble: SocketAddr, desk: SocketAddr) -> Value {
    let mut secured = authority.client().connect(pebble, "localhost").unwrap();
    let reply = secured.http.get(&format!("localhost:{}", pebble.port()), "/dir");
    let mut directory: Value = serde_json::from_slice(&reply.body).unwrap();
    directory["renewalInfo"] = format!("https://localhost:{}/ari", desk.port()).into();
    directory
}

/// Of a server that is `localhost`, as this authority says.
pub fn server_config(authority: &Authority) -> ServerConfig {
    let pair = authority.issue(&["localhost"]);
    let chain = vec![CertificateDer::from_pem_slice(pair.chain.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    // Not TLS 1.3: pebble is `localhost` too, and its tickets, which the proxy would show here, are not understood.
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap();
    builder.with_no_client_auth().with_single_cert(chain, key).unwrap()
}
