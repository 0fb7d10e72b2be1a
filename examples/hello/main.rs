//! A web app in one file: says hello, and takes a second to start, as real ones do.

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;
use std::{env, thread};

fn main() -> Result<()> {
    thread::sleep(Duration::from_secs(1));
    let listener = TcpListener::bind("0.0.0.0:80")?;
    println!("ready");
    for stream in listener.incoming() {
        thread::spawn(|| serve(stream?));
    }
    Ok(())
}

fn serve(mut stream: TcpStream) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
        }
        let name = env::var("NAME").unwrap_or_default();
        let version = env::var("KAMAL_VERSION").unwrap_or_default();
        let text = format!("Hello {name}, from version {version}\n");
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len())?;
    }
}
