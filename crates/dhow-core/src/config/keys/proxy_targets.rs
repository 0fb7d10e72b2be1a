//! Keys of `proxy:` about how dhow's own proxy deals with the containers behind it. kamal-proxy knows none of them.

use crate::config::schema::{Field, Kind, field};

pub(super) const PATH_TIMEOUTS: Field = field(
    "path_timeouts",
    Kind::TextMap,
    "seconds that the app has to begin its response, by path",
    "{/reports: 300, /events: 0}",
)
.more(
    "For a path, as the app sees it, and all below it; the longest one counts, instead of `response_timeout`. With 0 there is no \
     limit.",
)
.ours()
.otherwise("`response_timeout` for all paths");

pub(super) const CONNECT_TIMEOUT: Field =
    field("connect_timeout", Kind::Integer, "seconds that a connection to the app may take", "3")
        .at_least(1)
        .ours()
        .otherwise("10");

pub(super) const IDLE_TIMEOUT: Field = field(
    "idle_timeout",
    Kind::Integer,
    "seconds in which the body of a request or response has to move on",
    "60",
)
.at_least(1)
.more("A body that stands still for longer is given up. It does not concern WebSockets.")
.ours()
.otherwise("bodies may stand still for as long as connections live");

pub(super) const STICKY_SESSIONS: Field = field(
    "sticky_sessions",
    Kind::Boolean,
    "whether clients come back to the target that served them",
    "true",
)
.more("By a cookie, `kamal-target`. It matters where a service has several targets.")
.ours()
.otherwise("targets take turns");
