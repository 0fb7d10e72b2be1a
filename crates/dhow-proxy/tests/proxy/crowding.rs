use crate::support::daemon::new_directory;
use crate::support::{Backend, Connection, Proxy, eventually};

#[test]
fn a_client_may_have_so_many_connections_open() {
    let proxy = Proxy::start_with(new_directory(), |config| config.max_connections_per_client = 3);
    let app = Backend::named("app");
    proxy.deploy("web", &app, &[]);
    let mut open: Vec<Connection> = (0..3).map(|_| proxy.connect()).collect();
    assert!(open.iter_mut().all(|connection| connection.get("a.com", "/").status == 200));
    for _ in 0..3 {
        assert!(proxy.connect().is_closed(), "refused, however often it tries");
    }
    let other = std::net::SocketAddr::from(([127, 0, 0, 2], 0));
    assert_eq!(Connection::from_address(other, proxy.http).get("a.com", "/").status, 200);
    assert_eq!(proxy.told("Refusing connections of a client", 1).len(), 1);
    drop(open.pop());
    eventually("room for another", || {
        let mut connection = proxy.connect();
        connection.try_request("a.com", "/").is_some_and(|reply| reply.status == 200)
    });
}
