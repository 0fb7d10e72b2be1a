use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Header or trailer lines.
pub type Fields = Vec<(String, String)>;

/// A request as an app got it.
#[derive(Clone, Debug, Default)]
pub struct Received {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub trailers: Vec<(String, String)>,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

type Handler = dyn Fn(&Received, &mut BufReader<TcpStream>) + Send + Sync;

/// An app: a real HTTP/1.1 server, a thread per connection, whose answers are written by the test.
pub struct Backend {
    pub address: String,
    received: Arc<Mutex<Vec<Received>>>,
    open: Arc<AtomicUsize>,
    accepted: Arc<AtomicUsize>,
    stopped: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
    listening: Option<JoinHandle<()>>,
}

impl Backend {
    /// Answers everything with its name.
    pub fn named(name: &'static str) -> Self {
        Self::new(move |_, stream| reply(stream, 200, &[], name.as_bytes()))
    }

    /// Healthy; everything but `/up` is answered by the handler.
    pub fn new(handler: impl Fn(&Received, &mut BufReader<TcpStream>) + Send + Sync + 'static) -> Self {
        Self::raw(move |request, stream| match request.path.as_str() {
            "/up" => reply(stream, 200, &[], b"OK"),
            _ => handler(request, stream),
        })
    }

    /// Everything is answered by the handler, health checks included.
    pub fn raw(handler: impl Fn(&Received, &mut BufReader<TcpStream>) + Send + Sync + 'static) -> Self {
        Self::on("127.0.0.1:0", handler)
    }

    /// The same, on a known address (that of a backend that was dropped, say).
    pub fn on(
        address: &str,
        handler: impl Fn(&Received, &mut BufReader<TcpStream>) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let mut backend = Self {
            address: listener.local_addr().unwrap().to_string(),
            received: Arc::default(),
            open: Arc::default(),
            accepted: Arc::default(),
            stopped: Arc::default(),
            streams: Arc::default(),
            listening: None,
        };
        let (received, open, accepted) =
            (backend.received.clone(), backend.open.clone(), backend.accepted.clone());
        let (stopped, streams) = (backend.stopped.clone(), backend.streams.clone());
        let handler: Arc<Handler> = Arc::new(handler);
        backend.listening = Some(std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stopped.load(SeqCst) {
                    break;
                }
                accepted.fetch_add(1, SeqCst);
                open.fetch_add(1, SeqCst);
                streams.lock().unwrap().push(stream.try_clone().unwrap());
                let (handler, received, open) = (handler.clone(), received.clone(), open.clone());
                std::thread::spawn(move || {
                    serve(stream, &*handler, &received);
                    open.fetch_sub(1, SeqCst);
                });
            }
        }));
        backend
    }

    /// All requests so far but health checks.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().iter().filter(|request| request.path != "/up").cloned().collect()
    }

    /// The last request that was no health check.
    pub fn last(&self) -> Received {
        self.received().pop().expect("the app got a request")
    }

    /// How many health checks there were.
    pub fn probes(&self) -> Vec<Received> {
        self.received.lock().unwrap().iter().filter(|request| request.path == "/up").cloned().collect()
    }

    /// Connections that are open now.
    pub fn connections(&self) -> usize {
        self.open.load(SeqCst)
    }

    /// Connections that ever were.
    pub fn accepted(&self) -> usize {
        self.accepted.load(SeqCst)
    }

    /// Closes all connections, as an app that restarts does.
    pub fn hang_up(&self) {
        for stream in self.streams.lock().unwrap().drain(..) {
            stream.shutdown(std::net::Shutdown::Both).ok();
        }
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.stopped.store(true, SeqCst);
        TcpStream::connect(&self.address).ok();
        // Until its thread has ended, the port still accepts connections.
        self.listening.take().and_then(|listening| listening.join().ok());
        self.hang_up();
    }
}

/// Writes a whole answer.
pub fn reply(stream: &mut BufReader<TcpStream>, status: u16, headers: &[(&str, &str)], body: &[u8]) {
    let mut head = format!("HTTP/1.1 {status} Status\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let message = [head.as_bytes(), b"\r\n", body].concat();
    stream.get_mut().write_all(&message).ok();
}

fn serve(stream: TcpStream, handler: &Handler, received: &Mutex<Vec<Received>>) {
    stream.set_nodelay(true).unwrap();
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream) {
        received.lock().unwrap().push(request.clone());
        handler(&request, &mut stream);
    }
    // Dropping it would not close it: the backend holds another handle, to hang up with.
    stream.get_mut().shutdown(std::net::Shutdown::Both).ok();
}

fn read_request(stream: &mut BufReader<TcpStream>) -> Option<Received> {
    let first = read_line(stream)?;
    let mut words = first.split(' ');
    let mut request = Received {
        method: words.next()?.to_owned(),
        path: words.next()?.to_owned(),
        headers: read_fields(stream)?,
        ..Received::default()
    };
    let is_chunked = request.header("transfer-encoding").is_some_and(|value| value.contains("chunked"));
    if is_chunked {
        (request.body, request.trailers) = read_chunks(stream)?;
    } else if let Some(length) = request.header("content-length") {
        request.body = vec![0; length.parse().ok()?];
        stream.read_exact(&mut request.body).ok()?;
    }
    Some(request)
}

/// A chunked body and its trailers.
pub fn read_chunks(stream: &mut impl BufRead) -> Option<(Vec<u8>, Fields)> {
    let mut body = Vec::new();
    loop {
        let size = usize::from_str_radix(read_line(stream)?.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some((body, read_fields(stream)?));
        }
        let start = body.len();
        body.resize(start + size, 0);
        stream.read_exact(&mut body[start..]).ok()?;
        read_line(stream)?;
    }
}

/// Header lines up to the empty one.
pub fn read_fields(stream: &mut impl BufRead) -> Option<Fields> {
    let mut fields = Vec::new();
    loop {
        let line = read_line(stream)?;
        if line.is_empty() {
            return Some(fields);
        }
        let (name, value) = line.split_once(':')?;
        fields.push((name.to_owned(), value.trim().to_owned()));
    }
}

/// A line without its end; `None` at the end of the stream.
pub fn read_line(stream: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    match stream.read_until(b'\n', &mut line) {
        Ok(length) if length > 0 => Some(String::from_utf8_lossy(&line).trim_end().to_owned()),
        _ => None,
    }
}
