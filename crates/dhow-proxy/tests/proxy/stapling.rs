//! What an authority's responder says of a certificate, handed out by handshakes: a real responder and a real client, OpenSSL.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rcgen::{CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, KeyPair};

use crate::support::daemon::{Directory, new_directory};
use crate::support::pebble::{program, start};
use crate::support::tls::Pair;
use crate::support::{Authority, Backend, Proxy, eventually, free_address};

/// The number of the certificate, as the responder's list has it.
const SERIAL: &str = "0A1B2C";

struct Scene {
    proxy: Proxy,
    _app: Backend,
}

/// A responder at work.
struct Responder(Child);

impl Drop for Responder {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Scene {
    /// A proxy with a certificate of this authority, which names a responder at this address.
    fn new(directory: Arc<Directory>, authority: &Authority, responder: SocketAddr) -> Self {
        let app = Backend::named("app");
        let parameters = parameters(&format!("http://{responder}/"));
        let mut pair = authority.issue_as(parameters, &KeyPair::generate().unwrap());
        pair.chain.push_str(&authority.root_pem());
        let flags = pair.flags(&directory, "web");
        let flags: Vec<_> = ["--host", "a.com"].into_iter().chain(flags.iter().map(String::as_str)).collect();
        let proxy = Proxy::start_in(directory);
        proxy.deploy("web", &app, &flags);
        Self { proxy, _app: app }
    }

    /// The same, where the responder lists it like this, and signs as this one of the authorities says.
    fn listed(listed: &str, signer: impl Fn(&Authority) -> Pair) -> (Self, Responder) {
        let (directory, authority, address) = (new_directory(), Authority::new(), free_address());
        let responder = responder(&directory, &authority, listed, &signer(&authority), address.port());
        (Self::new(directory, &authority, address), responder)
    }

    /// What a client is told by a handshake of this version of TLS.
    fn told(&self, version: &str) -> String {
        let address = self.proxy.https.to_string();
        let mut client = Command::new("openssl");
        client.args(["s_client", "-connect", &address, "-servername", "a.com", "-status", version]);
        let output = client.stdin(Stdio::null()).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn failure(&self) -> String {
        let line = self.proxy.told("Unable to staple a certificate", 1).remove(0);
        assert!(self.told("-tls1_3").contains("OCSP response: no response sent"));
        line["error"].as_str().unwrap().to_owned()
    }
}

/// A certificate that says where its responder is.
fn parameters(url: &str) -> CertificateParams {
    let mut parameters = CertificateParams::new(vec!["a.com".into()]).unwrap();
    let bytes: Vec<u8> =
        (0..3).map(|at| u8::from_str_radix(&SERIAL[at * 2..at * 2 + 2], 16).unwrap()).collect();
    parameters.serial_number = Some(bytes.into());
    let element = |tag: u8, content: &[u8]| [&[tag, content.len() as u8], content].concat();
    let method = element(6, &[0x2b, 6, 1, 5, 5, 7, 0x30, 1]);
    let access = element(0x30, &element(0x30, &[method, element(0x86, url.as_bytes())].concat()));
    let extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], access);
    parameters.custom_extensions.push(extension);
    parameters
}

fn responder(
    directory: &Directory,
    authority: &Authority,
    listed: &str,
    signer: &Pair,
    port: u16,
) -> Responder {
    let write = |name: &str, text: &str| directory.write(name, text).display().to_string();
    let index = write("ocsp/index.txt", &format!("{listed}\t{SERIAL}\tunknown\t/CN=a.com\n"));
    let root = write("ocsp/root.pem", &authority.root_pem());
    let (certificate, key) = (write("ocsp/signer.pem", &signer.chain), write("ocsp/signer.key", &signer.key));
    let mut openssl = program("openssl");
    openssl.args(["ocsp", "-port", &port.to_string(), "-index", &index, "-CA", &root, "-nmin", "5"]);
    openssl.args(["-rsigner", &certificate, "-rkey", &key]);
    // A connection without a question would keep it busy for ever: it says by itself when it is ready.
    let log = directory.write("ocsp/log", "");
    openssl.stdout(std::fs::File::create(&log).unwrap());
    let responder = start(openssl);
    eventually("the responder's start", || std::fs::read_to_string(&log).unwrap().contains("ACCEPT"));
    Responder(responder)
}

fn the_authority_itself(authority: &Authority) -> Pair {
    Pair { chain: authority.root_pem(), key: authority.key_pem() }
}

fn a_delegate(authority: &Authority) -> Pair {
    let mut parameters = CertificateParams::new(vec!["responder".into()]).unwrap();
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
    authority.issue_as(parameters, &KeyPair::generate().unwrap())
}

#[test]
fn what_the_authority_says_of_a_certificate_goes_with_it() {
    for signer in [the_authority_itself, a_delegate] {
        let (scene, _responder) = Scene::listed("V\t500101000000Z\t", signer);
        eventually("a staple", || scene.told("-tls1_3").contains("Cert Status: good"));
        let told = scene.told("-tls1_2");
        assert!(
            told.contains("OCSP Response Status: successful") && told.contains("Cert Status: good"),
            "{told}"
        );
    }
}

#[test]
fn what_is_not_said_in_the_authoritys_name_is_not_handed_out() {
    let not_signed = "the response is not signed in the name of the certificate's authority";
    let (scene, _responder) =
        Scene::listed("V\t500101000000Z\t", |_| the_authority_itself(&Authority::new()));
    assert_eq!(scene.failure(), not_signed);
    // Issued by the authority, but not for this.
    let (scene, _responder) =
        Scene::listed("V\t500101000000Z\t", |authority| authority.issue(&["shop.a.com"]));
    assert_eq!(scene.failure(), not_signed);
}

#[test]
fn a_certificate_that_is_revoked_is_told_about() {
    let (scene, _responder) = Scene::listed("R\t500101000000Z\t200101000000Z", the_authority_itself);
    assert_eq!(scene.failure(), "the certificate is revoked");
}

#[test]
fn a_responder_that_is_not_there_hinders_nobody() {
    let scene = Scene::new(new_directory(), &Authority::new(), free_address());
    assert!(scene.failure().contains("Connection refused"));
}
