//! The small part of Go's templates that error pages use: `{{ .Message }}` and `{{ if .Message }}…{{ else }}…{{ end }}`.

use crate::http::error_page::escaped;

/// A parsed page.
pub struct Template {
    nodes: Vec<Node>,
}

enum Node {
    Text(String),
    Message,
    If { then: Vec<Node>, otherwise: Vec<Node> },
}

impl Template {
    /// Parses a page. The error names the action that is not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rest = text;
        let (nodes, end) = parse_nodes(&mut rest, false)?;
        match end {
            Stop::TextIsOver => Ok(Self { nodes }),
            Stop::Else | Stop::End => Err("{{ else }} or {{ end }} without {{ if }}".into()),
        }
    }

    /// The page with the message, HTML-escaped, in its places.
    pub fn render(&self, message: &str) -> String {
        let mut page = String::new();
        render(&self.nodes, message, &mut page);
        page
    }
}

enum Stop {
    TextIsOver,
    Else,
    End,
}

fn parse_nodes(rest: &mut &str, inside: bool) -> Result<(Vec<Node>, Stop), String> {
    let mut nodes = Vec::new();
    loop {
        let Some((mut before, after)) = rest.split_once("{{") else {
            nodes.push(Node::Text(std::mem::take(rest).to_owned()));
            return if inside {
                Err("{{ if }} without {{ end }}".into())
            } else {
                Ok((nodes, Stop::TextIsOver))
            };
        };
        let (action, mut after) = after.split_once("}}").ok_or("{{ without }}")?;
        if action.starts_with("- ") {
            before = before.trim_end();
        }
        if action.ends_with(" -") {
            after = after.trim_start();
        }
        *rest = after;
        nodes.push(Node::Text(before.to_owned()));
        match words(action).as_slice() {
            [".Message"] => nodes.push(Node::Message),
            ["if", ".Message"] => nodes.push(parse_if(rest)?),
            ["else"] => return Ok((nodes, Stop::Else)),
            ["end"] => return Ok((nodes, Stop::End)),
            [comment, ..] if comment.starts_with("/*") => {}
            _ => {
                return Err(format!(
                    "{{{{{action}}}}} is not supported; use .Message, if .Message, else and end"
                ));
            }
        }
    }
}

fn parse_if(rest: &mut &str) -> Result<Node, String> {
    let (then, end) = parse_nodes(rest, true)?;
    let otherwise = match end {
        Stop::Else => parse_nodes(rest, true)?,
        _ => (Vec::new(), Stop::End),
    };
    match otherwise {
        (otherwise, Stop::End) => Ok(Node::If { then, otherwise }),
        _ => Err("two {{ else }} in one {{ if }}".into()),
    }
}

fn words(action: &str) -> Vec<&str> {
    let trimmed = action.strip_prefix("- ").unwrap_or(action);
    trimmed.strip_suffix(" -").unwrap_or(trimmed).split_whitespace().collect()
}

fn render(nodes: &[Node], message: &str, page: &mut String) {
    for node in nodes {
        match node {
            Node::Text(text) => page.push_str(text),
            Node::Message => page.push_str(&escaped(message)),
            Node::If { then, otherwise } => {
                render(if message.is_empty() { otherwise } else { then }, message, page)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str, message: &str) -> String {
        Template::parse(text).unwrap().render(message)
    }

    #[test]
    fn messages_and_conditions_render() {
        assert_eq!(rendered("<p>{{ .Message }}</p>", "a<b"), "<p>a&lt;b</p>");
        assert_eq!(rendered("{{.Message}}!", ""), "!");
        let page = "[{{ if .Message }}said {{ .Message }}{{ else }}silent{{ end }}]";
        assert_eq!(rendered(page, "hi"), "[said hi]");
        assert_eq!(rendered(page, ""), "[silent]");
        assert_eq!(rendered("a {{- if .Message -}} b {{- end }} c", "m"), "ab c");
    }

    #[test]
    fn t_313_what_is_not_understood_is_refused() {
        for bad in ["{{ .Other }}", "{{ if .Message }}", "{{ end }}", "{{ .Message", "{{ range .X }}"] {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
    }
}
