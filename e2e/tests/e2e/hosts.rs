//! Are the test hosts what they claim to be? Everything else here stands on this, so it does without dhow.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use dhow_e2e::{Bed, Kind, Load, Project, checked, eventually, http};

/// Both of Debian's builders, the registry with its password, Docker on a server, the sample app and the client.
#[test]
fn hosts_run_what_the_workstation_built() -> Result<()> {
    let bed = Bed::up(1)?;
    let project = Project::new(&bed, "shop")?;
    let image = format!("{}/captain/shop", bed.registry.address());
    let login = bed.registry.login_line();
    project.sh(&login).ok();
    project.sh(&format!("DOCKER_BUILDKIT=0 docker build --quiet --tag {image}:old .")).exits(1);
    project.commit("v1")?;
    project
        .sh(&format!("DOCKER_BUILDKIT=0 docker build --quiet --tag {image}:v1 . && docker push {image}:v1"))
        .ok();
    project.commit("v2")?;
    project
        .sh(&format!("DOCKER_BUILDKIT=1 docker build --quiet --tag {image}:v2 . && docker push {image}:v2"))
        .ok();

    let server = &bed.servers[0];
    assert!(server.try_sh(&format!("docker pull {image}:v1")).is_err(), "the registry wants its password");
    server.sh(&login);
    server.sh(&format!("docker run --detach --publish 80:80 --env BOOT_MS=300 {image}:v2"));
    let answer = |path: &str| http::get(server.url(path), Duration::from_secs(5));
    eventually("the app answers", Duration::from_secs(10), || {
        answer("/up").ok().filter(|up| up.status == 200)
    })?;
    assert_eq!(answer("/")?.body, "v2");
    assert!(answer("/env")?.body.contains("BOOT_MS=300\n"));
    assert_eq!(echoed(server.address(), "ahoy")?, "ahoy");

    let load = Load::start(300, vec![server.url("/"), server.url("/slow?200")]);
    server.sh("docker ps --quiet | xargs docker restart --time 0");
    let report = load.stop();
    assert!(
        report.failures() > 0,
        "a restart without a proxy drops requests, and the client must see it: {report}"
    );
    Ok(())
}

/// A bed that is dropped, and one whose process was killed.
#[test]
fn nothing_is_left_behind() -> Result<()> {
    let all = ["control groups", "directory", "namespaces", "network"];
    let bed = Bed::with(&[Kind::SmallDisk(64)])?;
    bed.servers[0]
        .sh("tar -C /bin -c busybox | docker import - box && docker run --detach box /busybox sleep 10000");
    let address = bed.servers[0].address().to_string();
    assert_eq!(traces(&address), all);
    drop(bed);
    assert!(traces(&address).is_empty(), "{:?}", traces(&address));

    let mut holder = Command::new(env!("CARGO_BIN_EXE_bed"))
        .args(["hold", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut servers = String::new();
    BufReader::new(holder.stdout.take().context("piped above")?).read_line(&mut servers)?;
    holder.kill()?;
    holder.wait()?;
    let address = servers.split('\'').nth(1).with_context(|| format!("no address in {servers:?}"))?;
    assert_eq!(traces(address), all[1..], "nobody was there to remove it");
    drop(Bed::up(0)?);
    assert!(traces(address).is_empty(), "the next run did not sweep {:?}", traces(address));
    Ok(())
}

/// Servers that lack something, which other tests count on.
#[test]
fn hosts_lack_what_they_should() -> Result<()> {
    let bed = Bed::with(&[Kind::WithoutDocker, Kind::SmallDisk(32)])?;
    let bare = bed.servers[0].try_sh("docker version").expect_err("no docker here").to_string();
    assert!(bare.contains("command not found"), "{bare}");
    let full = bed.servers[1]
        .try_sh("head -c 40000000 /dev/urandom >/tmp/big; tar -C /tmp -c big | docker import -")
        .expect_err("32 MiB")
        .to_string();
    assert!(full.contains("no space left on device"), "{full}");
    Ok(())
}

/// What of a server's bed can be seen on the machine.
fn traces(address: &str) -> Vec<&'static str> {
    let number = address.split('.').nth(2).expect("an IPv4 address");
    let name = format!("dhow{number}");
    let exists = |path: String| Path::new(&path).exists();
    let namespaces = checked(Command::new("ip").args(["netns", "list"])).expect("ip works");
    let [host, switch] = [format!("{name}h"), format!("{name} ")];
    let is_ours = |line: &str| line.starts_with(&host) || format!("{line} ").starts_with(&switch);
    let mut traces = Vec::new();
    let has_groups =
        exists(format!("/sys/fs/cgroup/{name}")) || exists(format!("/sys/fs/cgroup/memory/{name}"));
    traces.extend(has_groups.then_some("control groups"));
    traces.extend(exists(format!("/var/tmp/dhow-bed-{number}")).then_some("directory"));
    traces.extend(namespaces.lines().any(is_ours).then_some("namespaces"));
    traces.extend(exists(format!("/sys/class/net/{name}")).then_some("network"));
    traces
}

/// What comes back through a WebSocket; the key and its answer are the example of RFC 6455, section 1.3.
pub fn echoed(address: &str, text: &str) -> Result<String> {
    let mut stream = TcpStream::connect((address, 80))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(
        stream,
        "GET /ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let head: Vec<String> =
        reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    anyhow::ensure!(
        head.iter().any(|line| line.ends_with("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")),
        "refused: {head:?}"
    );
    let mask = [1, 2, 3, 4];
    let masked: Vec<u8> = text.bytes().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    let length = u8::try_from(text.len())?;
    stream.write_all(&[&[0x81, 0x80 | length], mask.as_slice(), &masked].concat())?;
    let mut answer = vec![0; 2 + text.len()];
    reader.read_exact(&mut answer)?;
    Ok(String::from_utf8(answer.split_off(2))?)
}
