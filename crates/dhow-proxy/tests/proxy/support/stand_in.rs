use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use rustls::{ServerConnection, StreamOwned};

use super::Authority;
use super::backend::{read_fields, read_line};
use super::desk::server_config;

/// A server in the place of somebody who cannot be asked by a test.
pub struct StandIn {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// A request, in full.
#[derive(Clone)]
pub struct Asked {
    /// `GET /zones?name=a.com`.
    pub line: String,
    pub fields: Vec<(String, String)>,
    pub body: String,
}

impl Asked {
    pub fn field(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl StandIn {
    /// Serves as `localhost`, with answers of a status and a body.
    pub fn new(authority: &Authority, answer: impl Fn(&Asked) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stand_in = Self { address: listener.local_addr().unwrap(), asked: Arc::default() };
        let (asked, config) = (stand_in.asked.clone(), Arc::new(server_config(authority)));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let tls = ServerConnection::new(config.clone()).unwrap();
                let mut stream = BufReader::new(StreamOwned::new(tls, stream));
                let Some(first) = read_line(&mut stream) else { continue };
                let fields = read_fields(&mut stream);
                let line = first.trim_end_matches(" HTTP/1.1").to_owned();
                let mut request = Asked { line, fields: fields.unwrap(), body: String::new() };
                let length = request.field("content-length").parse().unwrap_or(0);
                let mut body = vec![0; length];
                stream.read_exact(&mut body).unwrap();
                request.body = String::from_utf8(body).unwrap();
                asked.lock().unwrap().push(request.clone());
                let (status, body) = answer(&request);
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status} Told\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                );
                stream.get_mut().write_all(format!("{head}{body}").as_bytes()).ok();
                stream.get_mut().conn.send_close_notify();
                stream.get_mut().flush().ok();
            }
        });
        stand_in
    }

    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// The requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Their first lines.
    pub fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }
}
