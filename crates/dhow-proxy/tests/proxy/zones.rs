//! Zones that are held by somebody else: what is asked of the providers' APIs, by servers that stand in for them.

use serde_json::json;

use crate::support::bind::Bind;
use crate::support::daemon::new_directory;
use crate::support::pebble::{OpenPebble, Pebble};
use crate::support::stand_in::{Asked, StandIn};
use crate::support::{Backend, Proxy};

/// A proxy, an authority that believes it, and an API.
struct Scene {
    proxy: Proxy,
    bind: Bind,
    _pebble: OpenPebble,
    api: StandIn,
    app: Backend,
}

impl Scene {
    fn new(answer: impl Fn(&Asked) -> (u16, String) + Send + 'static) -> Self {
        let (directory, pebble) = (new_directory(), Pebble::new());
        let bind = Bind::serve(&directory, &[]);
        let api = StandIn::new(&pebble.authority(), answer);
        let acme = pebble.config(&directory);
        let proxy = Proxy::start_with(directory, |config| config.acme = acme);
        let pebble = pebble.open_believing(&proxy);
        Self { proxy, bind, _pebble: pebble, api, app: Backend::named("app") }
    }

    /// Deploys `*.www.a.com`.
    fn deploy(&self, provider: &str, credentials: &str) {
        let credentials = credentials.replace("=@", &format!("={}", self.api.url()));
        let flags = self.bind.flags_for(provider, &credentials);
        let words = ["--tls", "--host", "*.www.a.com", "--tls-dns-propagation-timeout", "0s"];
        let words: Vec<_> = words.into_iter().chain(flags.iter().map(String::as_str)).collect();
        self.proxy.deploy("web", &self.app, &words);
    }

    fn succeeds(&self) -> Vec<Asked> {
        self.proxy.told("Certificate received", 1);
        let log = format!("{:?}", self.proxy.all_lines());
        assert!(!log.contains("t0ken") && !log.contains("Unable to"), "{log}");
        self.api.asked()
    }

    fn fails(&self) -> String {
        let line = self.proxy.told("Unable to get a certificate", 1).remove(0);
        assert!(!line.to_string().contains("t0ken"));
        line["error"].as_str().unwrap().replace(&self.api.url(), "API")
    }
}

/// Ours, and one of the same name that has to stay; as either API writes them.
fn records(ours: &str) -> serde_json::Value {
    let record = |id, text: &str| json!({ "id": id, "content": format!("\"{text}\""), "data": text });
    json!([record(7, "other"), record(8, ours)])
}

/// A record that an API is given, remembered for when it is asked for it.
#[derive(Clone, Default)]
struct Kept(std::sync::Arc<std::sync::Mutex<String>>);

impl Kept {
    fn keep(&self, value: &serde_json::Value) {
        *self.0.lock().unwrap() = value.as_str().unwrap().trim_matches('"').to_owned();
    }

    fn value(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

#[test]
fn cloudflare_is_asked_for_a_record_and_rid_of_it() {
    let kept = Kept::default();
    let scene = Scene::new({
        let kept = kept.clone();
        move |asked| match asked.line.as_str() {
            "GET /client/v4/zones?name=a.com" => (200, json!({ "result": [{ "id": "z1" }] }).to_string()),
            "POST /client/v4/zones/z1/dns_records" => {
                kept.keep(&asked.json()["content"]);
                (200, json!({ "success": true, "result": { "id": "r1" } }).to_string())
            }
            line if line.starts_with("GET") => (200, json!({ "result": records(&kept.value()) }).to_string()),
            _ => (200, json!({ "result": { "id": 8 } }).to_string()),
        }
    });
    scene.deploy("cloudflare", "CLOUDFLARE_API_TOKEN=t0ken-1\nCLOUDFLARE_API_URL=@/client/v4\n");
    let asked = scene.succeeds();
    let expected = [
        "GET /client/v4/zones?name=a.com",
        "POST /client/v4/zones/z1/dns_records",
        "GET /client/v4/zones?name=a.com",
        "GET /client/v4/zones/z1/dns_records?type=TXT&name=_acme-challenge.www.a.com",
        "DELETE /client/v4/zones/z1/dns_records/8",
    ];
    assert_eq!(scene.api.lines(), expected);
    assert!(asked.iter().all(|asked| asked.field("authorization") == "Bearer t0ken-1"));
    assert_eq!(asked[1].field("content-type"), "application/json");
    let content = format!("\"{}\"", kept.value());
    let body = json!({ "type": "TXT", "name": "_acme-challenge.www.a.com", "content": content, "ttl": 60 });
    assert_eq!((asked[1].json(), content.len()), (body, 45));
}

#[test]
fn digital_ocean_is_asked_for_a_record_and_rid_of_it() {
    let kept = Kept::default();
    let scene = Scene::new({
        let kept = kept.clone();
        move |asked| match asked.line.split(' ').next().unwrap() {
            "POST" => {
                kept.keep(&asked.json()["data"]);
                (201, json!({ "domain_record": { "id": 8 } }).to_string())
            }
            "GET" => (200, json!({ "domain_records": records(&kept.value()) }).to_string()),
            _ => (204, String::new()),
        }
    });
    scene.deploy("digitalocean", "DIGITALOCEAN_TOKEN=t0ken-1\nDIGITALOCEAN_API_URL=@/\n");
    let asked = scene.succeeds();
    let expected = [
        "POST /v2/domains/a.com/records",
        "GET /v2/domains/a.com/records?type=TXT&name=_acme-challenge.www.a.com&per_page=200",
        "DELETE /v2/domains/a.com/records/8",
    ];
    assert_eq!(scene.api.lines(), expected);
    assert!(asked.iter().all(|asked| asked.field("authorization") == "Bearer t0ken-1"));
    let body = json!({ "type": "TXT", "name": "_acme-challenge.www", "data": kept.value(), "ttl": 60 });
    assert_eq!(asked[0].json(), body);
}

#[test]
fn hetzner_is_asked_for_a_record_and_waited_for() {
    let scene = Scene::new(|asked| match asked.line.as_str() {
        line if line.ends_with("add_records") => {
            (201, json!({ "action": { "id": 42, "status": "running" } }).to_string())
        }
        "GET /v1/actions/42" => (200, json!({ "action": { "id": 42, "status": "success" } }).to_string()),
        _ => (201, json!({ "action": { "id": 43, "status": "success" } }).to_string()),
    });
    scene.deploy("hetzner", "HETZNER_API_TOKEN=t0ken-1\nHETZNER_API_URL=@/v1\n");
    let asked = scene.succeeds();
    let expected = [
        "POST /v1/zones/a.com/rrsets/_acme-challenge.www/TXT/actions/add_records",
        "GET /v1/actions/42",
        "POST /v1/zones/a.com/rrsets/_acme-challenge.www/TXT/actions/remove_records",
    ];
    assert_eq!(scene.api.lines(), expected);
    assert!(asked.iter().all(|asked| asked.field("authorization") == "Bearer t0ken-1"));
    let (added, removed) = (asked[0].json(), asked[2].json());
    assert_eq!((&added["ttl"], &added["records"]), (&60.into(), &removed["records"]));
    let value = added["records"][0]["value"].as_str().unwrap();
    assert!(value.starts_with('"') && value.ends_with('"') && value.len() == 45, "{value}");
}

#[test]
fn hetzners_own_words_tell_why_an_action_fails() {
    let error = json!({ "code": "rrset_locked", "message": "busy with t0ken-1" });
    let answer = json!({ "action": { "id": 1, "status": "error", "error": error } }).to_string();
    let scene = Scene::new(move |_| (201, answer.clone()));
    scene.deploy("hetzner", "HETZNER_API_TOKEN=t0ken-1\nHETZNER_API_URL=@/v1\n");
    let expected = "dns-01: add_records of the zone a.com: {\"code\":\"rrset_locked\",\"message\":\"busy with [REDACTED]\"}";
    assert_eq!(scene.fails(), expected);
}

const SET: &str = "<ListResourceRecordSetsResponse><ResourceRecordSets><ResourceRecordSet>\
    <Name>_acme-challenge.www.a.com.</Name><Type>TXT</Type><TTL>300</TTL><ResourceRecords><ResourceRecord>\
    <Value>&quot;other&quot;</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></ResourceRecordSets>\
    </ListResourceRecordSetsResponse>";

#[test]
fn route_53_is_given_another_set_for_the_one_that_it_has() {
    const ZONES: &str = "<ListHostedZonesByNameResponse><HostedZones>\
        <HostedZone><Id>/hostedzone/ZPRIVATE</Id><Name>a.com.</Name><Config><PrivateZone>true</PrivateZone></Config></HostedZone>\
        <HostedZone><Id>/hostedzone/Z1</Id><Name>a.com.</Name><Config><PrivateZone>false</PrivateZone></Config></HostedZone>\
        </HostedZones></ListHostedZonesByNameResponse>";
    let set = Kept::default();
    set.keep(&SET.into());
    let posts = std::sync::atomic::AtomicUsize::new(0);
    let scene = Scene::new(move |asked| match asked.line.as_str() {
        "GET /2013-04-01/hostedzonesbyname?dnsname=a.com." => (200, ZONES.into()),
        line if line.starts_with("GET") => (200, set.value()),
        // Somebody else was faster.
        _ if posts.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 => {
            (400, "<ErrorResponse><Error><Code>InvalidChangeBatch</Code></Error></ErrorResponse>".into())
        }
        _ => {
            let created = asked.body.split("<Action>CREATE</Action>").nth(1).unwrap();
            set.keep(&created.split("</Change>").next().unwrap().into());
            (200, "<ChangeResourceRecordSetsResponse/>".into())
        }
    });
    let credentials = "AWS_ACCESS_KEY_ID=AKID\nAWS_SECRET_ACCESS_KEY=s3cret\nAWS_SESSION_TOKEN=t0ken-1\n";
    scene.deploy("route53", &format!("{credentials}ROUTE53_API_URL=@\n"));
    let asked = scene.succeeds();
    let find = "GET /2013-04-01/hostedzonesbyname?dnsname=a.com.";
    let read = "GET /2013-04-01/hostedzone/Z1/rrset?maxitems=1&name=_acme-challenge.www.a.com.&type=TXT";
    let change = "POST /2013-04-01/hostedzone/Z1/rrset/";
    assert_eq!(scene.api.lines(), [find, read, change, read, change, find, read, change]);
    for asked in &asked {
        let authorization = asked.field("authorization");
        assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKID/"), "{authorization}");
        let scope =
            "/us-east-1/route53/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=";
        assert!(authorization.contains(scope), "{authorization}");
        assert_eq!(asked.field("x-amz-security-token"), "t0ken-1");
    }
    let sets = |asked: &Asked| {
        let changes: Vec<_> = asked.body.split("<Action>").skip(1).map(str::to_owned).collect();
        assert!(changes[0].starts_with("DELETE") && changes[1].starts_with("CREATE"), "{changes:?}");
        changes.iter().map(|change| change.matches("<Value>").count()).collect::<Vec<_>>()
    };
    // Beside the other's, and away from there again.
    assert_eq!([sets(&asked[4]), sets(&asked[7])], [[1, 2], [2, 1]]);
    assert!(asked[7].body.contains("<Value>&quot;other&quot;</Value>"));
}

#[test]
fn what_an_api_objects_to_is_told_without_the_token() {
    let scene = Scene::new(|asked| (403, format!("Invalid access token: {}", asked.field("authorization"))));
    scene.deploy("cloudflare", "CLOUDFLARE_API_TOKEN=t0ken-1\nCLOUDFLARE_API_URL=@\n");
    let expected = "dns-01: GET API/zones?name=a.com: 403 Invalid access token: Bearer [REDACTED]";
    assert_eq!(scene.fails(), expected);
}

#[test]
fn a_zone_that_a_token_does_not_see_is_named() {
    let scene = Scene::new(|_| (200, json!({ "result": [] }).to_string()));
    scene.deploy("cloudflare", "CLOUDFLARE_API_TOKEN=t0ken-1\nCLOUDFLARE_API_URL=@\n");
    assert_eq!(scene.fails(), "dns-01: the token sees no zone a.com");
}
