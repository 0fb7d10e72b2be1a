//! An exchange with a target over HTTP/2: one stream of a connection.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{Reason, RecvStream};
use hyper::body::{Frame, SizeHint};
use hyper::http::response::Parts;
use hyper::{Request, StatusCode};
use tokio::time::Instant;

use crate::http::body::BodyError;
use crate::http::fields::Fields;
use crate::http::message::ResponseHead;
use crate::http::send::ExchangeError;
use crate::http::trailers;
use crate::http1::deadline::Deadline;
use crate::http2::links::Link;
use crate::http2::upload::{Repeatable, Upload};

/// A request and its response. Dropped before its end, it is cancelled.
pub struct Exchange {
    link: Rc<Link>,
    upload: Upload,
    response: Response,
    length: Option<u64>,
}

enum Response {
    Awaited(ResponseFuture),
    Begun(RecvStream),
    Ended,
}

impl Exchange {
    /// Sends the request's head. If the connection cannot take it, the body is given back.
    pub fn begin(link: Rc<Link>, request: Request<()>, body: Repeatable) -> Result<Self, Repeatable> {
        match link.sender().send_request(request, body.is_empty()) {
            Ok((response, stream)) => Ok(Self {
                link,
                upload: Upload::new(body, stream),
                response: Response::Awaited(response),
                length: None,
            }),
            Err(_) => {
                link.retire();
                Err(body)
            }
        }
    }

    /// Sends the body and waits for the response. The target's time counts from the end of the upload; zero is no limit.
    ///
    /// Interim responses are told to `inform` as they come.
    pub async fn response(
        &mut self,
        limit: Duration,
        mut inform: impl FnMut(&ResponseHead),
    ) -> Result<ResponseHead, ExchangeError> {
        let mut patience = Deadline::default();
        let response = poll_fn(|cx| {
            if let Poll::Ready(Err(error)) = self.upload.poll(cx) {
                return Poll::Ready(Err(ExchangeError::Upload(error)));
            }
            if let Poll::Ready(head) = self.poll_head(cx, &mut inform) {
                return Poll::Ready(head.map_err(ExchangeError::from));
            }
            if self.upload.is_over() && !limit.is_zero() {
                patience.begin(|| Instant::now() + limit);
                return patience.poll_passed(cx).map(|()| Err(ExchangeError::TimedOut));
            }
            Poll::Pending
        });
        let response = response.await;
        match &response {
            Ok(_) => self.link.served(),
            // It may be the connection that is lost, and nobody has told.
            Err(ExchangeError::TimedOut) => self.link.retire(),
            Err(_) => {}
        }
        response
    }

    fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        inform: &mut impl FnMut(&ResponseHead),
    ) -> Poll<Result<ResponseHead, h2::Error>> {
        let Response::Awaited(response) = &mut self.response else {
            unreachable!("a response is awaited once")
        };
        while let Poll::Ready(Some(Ok(interim))) = response.poll_informational(cx) {
            if interim.status() != StatusCode::CONTINUE {
                inform(&head_of(&interim.into_parts().0));
            }
        }
        let (head, body) = ready!(Pin::new(response).poll(cx))?.into_parts();
        let head = head_of(&head);
        self.length = head.headers.text("content-length").parse().ok();
        self.response = Response::Begun(body);
        self.upload.forget();
        Poll::Ready(Ok(head))
    }

    /// The body, to be sent again from its beginning; `None` if that is not known any more.
    pub fn into_body(self) -> Option<Repeatable> {
        self.upload.into_body().again()
    }

    /// The next part of the response's body. An upload that still goes on is driven along.
    pub fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(Err(error)) = self.upload.poll(cx) {
            return Poll::Ready(Some(Err(error.into())));
        }
        let Response::Begun(body) = &mut self.response else { return Poll::Ready(None) };
        let last = match ready!(body.poll_data(cx)) {
            Some(Ok(data)) => {
                // What fails here is the stream, which the next look tells.
                body.flow_control().release_capacity(data.len()).ok();
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
            // A target that has answered in full may say so before it has read the request (RFC 9113, section 8.1).
            Some(Err(error)) if error.is_reset() && error.reason() == Some(Reason::NO_ERROR) => Ok(None),
            Some(Err(error)) => Err(error),
            None => ready!(body.poll_trailers(cx)),
        };
        self.response = Response::Ended;
        Poll::Ready(
            last.map(|fields| fields.map(|fields| Frame::trailers(trailers::allowed(fields))))
                .map_err(Into::into)
                .transpose(),
        )
    }

    /// Whether the response was read to its end.
    pub fn is_ended(&self) -> bool {
        match &self.response {
            Response::Awaited(_) => false,
            Response::Begun(body) => body.is_end_stream(),
            Response::Ended => true,
        }
    }

    /// How much is still to come of the response, as far as the target has told.
    pub fn size_hint(&self) -> SizeHint {
        match (self.is_ended(), self.length) {
            (true, _) => SizeHint::with_exact(0),
            (false, Some(length)) => SizeHint::with_exact(length),
            (false, None) => SizeHint::default(),
        }
    }
}

fn head_of(parts: &Parts) -> ResponseHead {
    ResponseHead { status: parts.status, headers: Fields::from(&parts.headers) }
}

impl From<h2::Error> for ExchangeError {
    /// A stream fails with the target's GOAWAY only if the target has not looked at it (RFC 9113, section 6.8).
    fn from(error: h2::Error) -> Self {
        let is_refused = error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM);
        if error.is_remote() && (is_refused || error.is_go_away()) {
            return ExchangeError::Refused(error.to_string());
        }
        let told = error.to_string();
        match error.into_io() {
            Some(error) => ExchangeError::Silence(error),
            None => ExchangeError::Response(format!("the target's response is no HTTP/2: {told}")),
        }
    }
}
