//! Connections that change their protocol (WebSocket and others): bytes are copied both ways until one side ends.

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

use crate::http::access_log::AccessRecord;
use crate::http::upstream::Lease;

/// Joins client and target. The request stays in flight: a drain waits for it, then cuts it.
pub async fn tunnel(client: OnUpgrade, target: OnUpgrade, mut lease: Lease, record: Box<AccessRecord>) {
    let copied = async {
        let (client, target) = tokio::try_join!(client, target)?;
        let (mut client, mut target) = (TokioIo::new(client), TokioIo::new(target));
        // Either end may vanish at any time; that is how these connections end.
        copy_bidirectional(&mut client, &mut target).await.ok();
        Ok::<_, hyper::Error>(())
    };
    tokio::select! {
        _ = copied => {}
        () = lease.cut() => {}
    }
    drop(record);
}
