//! The last touches to an answer: what the service asks of all of them, whoever gave them.

use hyper::Method;
use hyper::body::Body;

use crate::http::access_log::AccessRecord;
use crate::http::encoding::{self, Encoding};
use crate::http::message::{Answer, ResponseHead};
use crate::policy::answers::Answers;

/// Finishes a head that no body follows: that of another protocol.
pub fn finish_head(head: &mut ResponseHead, record: &AccessRecord) {
    if let Some(answers) = asked(record) {
        answers.apply(&mut head.headers, record.is_secure());
    }
}

/// Finishes an answer.
pub fn finish(mut answer: Answer, record: &AccessRecord) -> Answer {
    let Some(answers) = asked(record) else { return answer };
    answers.apply(&mut answer.head.headers, record.is_secure());
    if answers.compression.is_empty() { answer } else { compressed(answer, record, &answers.compression) }
}

fn asked(record: &AccessRecord) -> Option<&Answers> {
    record.service.as_ref()?.policy.as_ref().map(|policy| &policy.answers)
}

fn compressed(mut answer: Answer, record: &AccessRecord, offered: &[Encoding]) -> Answer {
    let is_head = record.method == Method::HEAD;
    let told = answer.head.headers.text("content-length").parse().ok();
    let length = told.or_else(|| if is_head { None } else { answer.body.size_hint().exact() });
    if !encoding::is_compressible(&answer.head, length) {
        return answer;
    }
    encoding::vary(&mut answer.head.headers);
    let encoding = Encoding::preferred(offered, &record.headers).filter(|_| !is_head);
    let Some(encoding) = encoding else { return answer };
    let Answer { mut head, body } = answer;
    match body.compressed(encoding) {
        Ok(body) => {
            encoding::announce(&mut head.headers, encoding);
            Answer { head, body }
        }
        Err(body) => Answer { head, body },
    }
}
