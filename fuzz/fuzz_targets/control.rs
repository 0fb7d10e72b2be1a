//! What comes in on the control socket: a request is understood as what it is written as again.

#![no_main]

use dhow_proxy::control::Request;
use dhow_proxy::policy::addresses::Addresses;
use dhow_proxy::policy::rate::RateLimit;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(request) = serde_json::from_slice::<Request>(input) else { return };
    let written = serde_json::to_string(&request).expect("a request is plain data");
    let again: Request = serde_json::from_str(&written).expect("what was written is read");
    assert_eq!(serde_json::to_string(&again).expect("a request is plain data"), written);
    if let Request::Deploy(mut deployment) = request {
        deployment.options.normalize();
        // Either outcome is fine; a panic is not.
        deployment.options.validate().ok();
        let policy = deployment.options.policy;
        Addresses::parse(&[policy.allowed_ips, policy.denied_ips, policy.trusted_proxies].concat()).ok();
        policy.rate_limit.map(|rate| RateLimit::new(&rate).take([192, 0, 2, 1].into()));
    }
});
