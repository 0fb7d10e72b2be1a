//! Zones at Amazon Route 53 (API of 2013-04-01), by an access key.
//!
//! All records of a name are one set there, which is only ever replaced. So a change names the set that it replaces, and
//! if somebody else was faster, the set is read again.

use hyper::Request;
use hyper::header::{CONTENT_TYPE, HeaderValue, USER_AGENT};

use super::super::https::Https;
use super::Record;
use super::api::{AGENT, content_body, successful};
use super::credentials::Credentials;
use super::sigv4::{Call, Identity};
use crate::clock;

/// How often others may be faster.
const TRIES: usize = 5;

/// Our way into the account.
pub struct Route53 {
    base: String,
    host: String,
    identity: Identity,
    zone_id: Option<String>,
    https: Https,
}

impl Route53 {
    /// Needs `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`; with temporary credentials `AWS_SESSION_TOKEN` as well.
    pub fn new(credentials: &Credentials, https: &Https) -> Result<Self, String> {
        let base = credentials.get("ROUTE53_API_URL").unwrap_or("https://route53.amazonaws.com");
        let base = base.trim_end_matches('/').to_owned();
        let host = base.split_once("://").map_or("", |(_, host)| host).to_owned();
        let identity = Identity {
            access_key: credentials.require("AWS_ACCESS_KEY_ID")?.to_owned(),
            secret_key: credentials.require("AWS_SECRET_ACCESS_KEY")?.to_owned(),
            session_token: credentials.get("AWS_SESSION_TOKEN").map(str::to_owned),
        };
        let zone_id = credentials.get("AWS_HOSTED_ZONE_ID").map(str::to_owned);
        Ok(Self { base, host, identity, zone_id, https: https.clone() })
    }

    /// Adds the record to its set.
    pub async fn present(&self, record: &Record) -> Result<(), String> {
        let value = quoted(record);
        self.change(record, |values| {
            let mut values = values.to_vec();
            values.push(value.clone());
            values
        })
        .await
    }

    /// Takes the record out of its set.
    pub async fn remove(&self, record: &Record) -> Result<(), String> {
        let value = quoted(record);
        self.change(record, |values| values.iter().filter(|kept| **kept != value).cloned().collect()).await
    }

    async fn change(&self, record: &Record, change: impl Fn(&[String]) -> Vec<String>) -> Result<(), String> {
        let path = format!("/2013-04-01/hostedzone/{}/rrset", self.zone_id(&record.zone).await?);
        let mut why = String::new();
        for _ in 0..TRIES {
            let before = self.set(&path, record).await?;
            let after = Set { ttl: super::TIME_TO_LIVE.to_string(), values: change(&before.values) };
            if after.values == before.values {
                return Ok(());
            }
            let body = batch(record, &before, &after);
            match self.call("POST", &format!("{path}/"), "", body).await {
                Ok(_) => return Ok(()),
                Err(error) if error.contains("InvalidChangeBatch") => why = error,
                Err(error) => return Err(error),
            }
        }
        Err(why)
    }

    async fn zone_id(&self, zone: &str) -> Result<String, String> {
        if let Some(id) = &self.zone_id {
            return Ok(id.clone());
        }
        let query = format!("dnsname={zone}.");
        let found = self.call("GET", "/2013-04-01/hostedzonesbyname", &query, String::new()).await?;
        let mut zones = elements(&found, "HostedZone");
        let is_it = |entry: &&str| {
            text(entry, "Name").is_some_and(|name| name.trim_end_matches('.') == zone)
                && text(entry, "PrivateZone").as_deref() != Some("true")
        };
        let id = zones.find(is_it).and_then(|entry| text(entry, "Id"));
        let id = id.ok_or_else(|| format!("the access key sees no public hosted zone {zone}"))?;
        Ok(id.trim_start_matches("/hostedzone/").to_owned())
    }

    async fn set(&self, path: &str, record: &Record) -> Result<Set, String> {
        let query = format!("maxitems=1&name={}.&type=TXT", record.name);
        let found = self.call("GET", path, &query, String::new()).await?;
        let is_it = |entry: &&str| {
            text(entry, "Name").is_some_and(|name| name.trim_end_matches('.') == record.name)
                && text(entry, "Type").as_deref() == Some("TXT")
        };
        let set = elements(&found, "ResourceRecordSet").find(is_it);
        Ok(set.map(Set::read).unwrap_or_default())
    }

    async fn call(&self, method: &str, path: &str, query: &str, body: String) -> Result<String, String> {
        let mark = if query.is_empty() { "" } else { "?" };
        let url = format!("{}{path}{mark}{query}", self.base);
        let told = |why: String| format!("{method} {url}: {why}");
        let call = Call {
            method,
            host: &self.host,
            path,
            query,
            body: &body,
            region: "us-east-1",
            service: "route53",
        };
        let mut request = Request::builder().method(method).uri(&url).header(USER_AGENT, AGENT);
        for (name, value) in self.identity.headers(&call, clock::since_epoch()) {
            request = request.header(name, value);
        }
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        }
        let request = request.body(content_body(body)).map_err(|error| told(error.to_string()))?;
        let answer = self.https.fetch(request).await.map_err(|why| format!("{method} {why}"))?;
        successful(&answer).map(str::to_owned).map_err(told)
    }
}

/// The records of a name.
#[derive(Default)]
struct Set {
    ttl: String,
    values: Vec<String>,
}

impl Set {
    fn read(xml: &str) -> Self {
        let values = elements(xml, "ResourceRecord").filter_map(|record| text(record, "Value"));
        Self { ttl: text(xml, "TTL").unwrap_or_default(), values: values.collect() }
    }
}

/// What makes one set out of another, or fails if the first one is not what is there.
fn batch(record: &Record, before: &Set, after: &Set) -> String {
    let changes = [("DELETE", before), ("CREATE", after)];
    let changes: String = changes
        .into_iter()
        .filter(|(_, set)| !set.values.is_empty())
        .map(|(action, set)| {
            let value = |value: &String| {
                format!("<ResourceRecord><Value>{}</Value></ResourceRecord>", escaped(value))
            };
            let values: String = set.values.iter().map(value).collect();
            format!(
                "<Change><Action>{action}</Action><ResourceRecordSet><Name>{}.</Name><Type>TXT</Type><TTL>{}</TTL>\
                 <ResourceRecords>{values}</ResourceRecords></ResourceRecordSet></Change>",
                record.name, set.ttl
            )
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">\
         <ChangeBatch><Changes>{changes}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
    )
}

fn quoted(record: &Record) -> String {
    format!("\"{}\"", record.value)
}

const ENTITIES: [(&str, &str); 5] =
    [("&quot;", "\""), ("&apos;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];

fn escaped(text: &str) -> String {
    ENTITIES.iter().rev().fold(text.to_owned(), |text, (entity, plain)| text.replace(plain, entity))
}

/// What is in the elements of a name; they hold none of the same name.
fn elements<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (begin, end) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        let (content, after) = rest.split_once(&begin)?.1.split_once(&end)?;
        rest = after;
        Some(content)
    })
}

fn text(xml: &str, name: &str) -> Option<String> {
    let text = elements(xml, name).next()?;
    Some(ENTITIES.iter().fold(text.to_owned(), |text, (entity, plain)| text.replace(entity, plain)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_replaced_by_one_that_is_told_from_it() {
        let xml = "<ResourceRecordSet><Name>_acme-challenge.a.com.</Name><Type>TXT</Type><TTL>300</TTL>\
            <ResourceRecords><ResourceRecord><Value>&quot;a&amp;b&quot;</Value></ResourceRecord></ResourceRecords>\
            </ResourceRecordSet>";
        let before = Set::read(elements(xml, "ResourceRecordSet").next().unwrap());
        assert_eq!((before.ttl.as_str(), before.values.as_slice()), ("300", &["\"a&b\"".to_owned()][..]));
        let record = Record { name: "_acme-challenge.a.com".into(), zone: "a.com".into(), value: "v".into() };
        let change = batch(&record, &before, &Set { ttl: "60".into(), values: vec![quoted(&record)] });
        let actions: Vec<_> = elements(&change, "Change").collect();
        assert_eq!(actions.len(), 2);
        assert!(actions[0].starts_with("<Action>DELETE</Action>") && actions[0].contains("<TTL>300</TTL>"));
        assert!(actions[0].contains("<Value>&quot;a&amp;b&quot;</Value>"), "{change}");
        assert!(actions[1].starts_with("<Action>CREATE</Action>") && actions[1].contains("&quot;v&quot;"));
        assert_eq!(elements(&batch(&record, &before, &Set::default()), "Change").count(), 1);
    }
}
