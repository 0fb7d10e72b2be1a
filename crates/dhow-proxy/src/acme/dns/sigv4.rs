//! Requests to Amazon Web Services, signed (Signature Version 4).

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;

use crate::clock;

/// Who asks.
pub struct Identity {
    /// Not secret.
    pub access_key: String,
    /// Secret.
    pub secret_key: String,
    /// Of credentials that last for a while.
    pub session_token: Option<String>,
}

/// What is asked, and of whom.
pub struct Call<'a> {
    /// `GET`.
    pub method: &'a str,
    /// Of the server.
    pub host: &'a str,
    /// Escaped.
    pub path: &'a str,
    /// Escaped, sorted by name.
    pub query: &'a str,
    /// The whole of it.
    pub body: &'a str,
    /// Of the server.
    pub region: &'a str,
    /// Of the server.
    pub service: &'a str,
}

impl Identity {
    /// The headers that a request gets; `now` is since the epoch.
    pub fn headers(&self, call: &Call<'_>, now: Duration) -> Vec<(&'static str, String)> {
        let time = clock::rfc3339(now).replace(['-', ':'], "");
        let mut headers = vec![("host", call.host.to_owned()), ("x-amz-date", time.clone())];
        headers.extend(self.session_token.clone().map(|token| ("x-amz-security-token", token)));
        let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
        let signed = names.join(";");
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let Call { method, path, query, body, region, service, .. } = call;
        let request = format!("{method}\n{path}\n{query}\n{lines}\n{signed}\n{}", hash(body));
        let scope = format!("{}/{region}/{service}/aws4_request", &time[..8]);
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hash(&request));
        let signature = hex(self.keyed(&scope, &text).as_ref());
        let access = &self.access_key;
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={access}/{scope}, SignedHeaders={signed}, Signature={signature}"
        );
        headers.push(("authorization", authorization));
        headers
    }

    /// Signs with a key for just this day, region and service.
    fn keyed(&self, scope: &str, text: &str) -> hmac::Tag {
        let first = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{}", self.secret_key).as_bytes());
        let key = scope.split('/').fold(first, |key, part| {
            hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref())
        });
        hmac::sign(&key, text.as_bytes())
    }
}

fn hash(text: &str) -> String {
    hex(digest(&SHA256, text.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of Amazon's test suite for this version.
    const TOKEN: &str = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSP\
        fIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75Y\
        U9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4\
        rvx3iSIlTJabIQwj2ICCR/oLxBA==";

    fn authorization(method: &str, query: &str, token: Option<&str>) -> String {
        let identity = Identity {
            access_key: "AKIDEXAMPLE".into(),
            secret_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            session_token: token.map(str::to_owned),
        };
        let host = "example.amazonaws.com";
        let call = Call { method, host, path: "/", query, body: "", region: "us-east-1", service: "service" };
        // 2015-08-30T12:36:00Z
        identity.headers(&call, Duration::from_secs(1_440_938_160)).pop().unwrap().1
    }

    #[test]
    fn signatures_are_those_of_amazons_test_suite() {
        let scope = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
        let plain =
            |signature: &str| format!("{scope}, SignedHeaders=host;x-amz-date, Signature={signature}");
        assert_eq!(
            authorization("GET", "", None),
            plain("5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")
        );
        assert_eq!(
            authorization("GET", "Param1=value1&Param2=value2", None),
            plain("b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500")
        );
        assert_eq!(
            authorization("POST", "", None),
            plain("5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b")
        );
        assert_eq!(
            authorization("POST", "", Some(TOKEN)),
            format!(
                "{scope}, SignedHeaders=host;x-amz-date;x-amz-security-token, \
                 Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"
            )
        );
    }
}
