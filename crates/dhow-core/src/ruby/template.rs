//! ERB with trim mode `-`, as Ruby compiles it: a template becomes one program that builds up `_erbout`.

use super::syntax::Span;

/// A template as a program.
pub struct Template {
    /// Ruby.
    pub program: String,
    pieces: Vec<Piece>,
    /// Where a tag opens that is never closed: Ruby takes what follows for text.
    pub unclosed: Option<usize>,
}

/// Some bytes of the program and where in the template they are from.
struct Piece {
    program: Span,
    template: usize,
    kind: PieceKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum PieceKind {
    /// Ruby, byte for byte.
    Code,
    /// The text around tags, line for line.
    Text,
    /// What `<%=` stands for.
    Opener,
}

/// How Ruby's ERB is told to treat line ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Trim {
    /// `-%>` takes the end of its line with it, `<%-` the space before it.
    Dash,
    /// Not at all.
    None,
}

impl Template {
    /// Compiles a template.
    pub fn compile(text: &str, trim: Trim) -> Template {
        let mut compiler = Compiler::new(text, trim);
        compiler.run();
        compiler.finish()
    }

    /// The place in the template that a place of the program stands for.
    pub fn origin(&self, program: usize) -> usize {
        let after = self.pieces.partition_point(|piece| piece.program.start <= program);
        let Some(piece) = after.checked_sub(1).and_then(|index| self.pieces.get(index)) else { return 0 };
        let inside = if piece.kind == PieceKind::Code { program - piece.program.start } else { 0 };
        piece.template + inside.min(piece.program.end - piece.program.start)
    }

    /// Is that place of the program a text of the template, and no code?
    pub fn is_text(&self, program: usize) -> bool {
        let piece =
            self.pieces.iter().find(|piece| (piece.program.start..piece.program.end).contains(&program));
        piece.is_some_and(|piece| piece.kind == PieceKind::Text)
    }
}

struct Compiler<'a> {
    text: &'a str,
    trim: Trim,
    at: usize,
    program: String,
    pieces: Vec<Piece>,
    content: String,
    content_start: usize,
    unclosed: Option<usize>,
    line_is_empty: bool,
}

const OPENERS: [&str; 3] = ["<%=", "<%#", "<%"];

impl<'a> Compiler<'a> {
    fn new(text: &'a str, trim: Trim) -> Compiler<'a> {
        Compiler {
            text,
            trim,
            at: 0,
            program: "_erbout = +''".to_string(),
            pieces: Vec::new(),
            content: String::new(),
            content_start: 0,
            unclosed: None,
            line_is_empty: false,
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn run(&mut self) {
        while let Some(length) = self.rest().find("<%") {
            let indentation = self.indentation(length);
            self.take_text(length - indentation);
            self.at += indentation;
            if self.rest().starts_with("<%%") {
                self.content.push_str("<%");
                self.at += "<%%".len();
            } else {
                self.put_content();
                self.tag();
            }
        }
        self.take_text(self.rest().len());
        self.put_content();
    }

    /// Space that goes away with a `<%-` after it: from the line's start, or from the end of the last tag.
    fn indentation(&self, length: usize) -> usize {
        let dashed = self.trim == Trim::Dash && self.rest()[length..].starts_with("<%-");
        let before = &self.rest()[..length];
        let kept = before.trim_end_matches([' ', '\t']);
        if dashed && (kept.is_empty() || kept.ends_with('\n')) { before.len() - kept.len() } else { 0 }
    }

    fn take_text(&mut self, length: usize) {
        if self.content.is_empty() {
            self.content_start = self.at;
        }
        self.content.push_str(&self.rest()[..length]);
        self.at += length;
    }

    /// From `<%` on.
    fn tag(&mut self) {
        let start = self.at;
        let dashed = self.trim == Trim::Dash && self.rest().starts_with("<%-");
        let opener = OPENERS.into_iter().find(|opener| self.rest().starts_with(opener)).unwrap_or("<%");
        self.at += opener.len() + usize::from(dashed);
        let code = self.code();
        match code {
            Code { closed: false, .. } => {
                self.unclosed = Some(start);
                self.content_start = code.start;
                self.content = code.text;
            }
            Code { .. } if opener == "<%#" => {}
            Code { .. } if opener == "<%=" => {
                self.begin_command();
                self.piece("_erbout.<<((", start, PieceKind::Opener);
                self.push_code(&code);
                self.program.push_str(").to_s)");
            }
            Code { .. } => {
                self.begin_command();
                self.push_code(&code);
            }
        }
        if code.trims {
            self.trim_line_end();
        }
        if opener == "<%" && self.program.ends_with('\n') {
            self.line_is_empty = true;
        }
    }

    /// Up to and with the `%>`.
    fn code(&mut self) -> Code {
        let start = self.at;
        let mut text = String::new();
        let mut escapes = Vec::new();
        loop {
            let Some(end) = self.rest().find("%>") else {
                text.push_str(self.rest());
                self.at = self.text.len();
                return Code { text, start, escapes, closed: false, trims: false };
            };
            let code = &self.rest()[..end];
            self.at += end + "%>".len();
            if let Some(before) = code.strip_suffix('%') {
                text.push_str(before);
                escapes.push(text.len());
                text.push_str("%>");
                continue;
            }
            let trimmed = code.strip_suffix('-').filter(|_| self.trim == Trim::Dash);
            text.push_str(trimmed.unwrap_or(code));
            return Code { text, start, escapes, closed: true, trims: trimmed.is_some() };
        }
    }

    fn push_code(&mut self, code: &Code) {
        let mut from = 0;
        for (index, end) in code.escapes.iter().copied().chain([code.text.len()]).enumerate() {
            // Every `%%>` before this part was one byte longer in the template.
            self.piece(&code.text[from..end], code.start + from + index, PieceKind::Code);
            from = end;
        }
    }

    fn trim_line_end(&mut self) {
        let line_end = ["\r\n", "\n"].into_iter().find(|end| self.rest().starts_with(end));
        if line_end.is_some() || self.rest().is_empty() {
            self.at += line_end.map_or(0, str::len);
            self.program.push('\n');
            self.line_is_empty = true;
        }
    }

    fn put_content(&mut self) {
        if self.content.is_empty() {
            return;
        }
        let content = std::mem::take(&mut self.content);
        self.begin_command();
        self.piece(
            &format!("_erbout.<< \"{}\".freeze", quoted(&content)),
            self.content_start,
            PieceKind::Text,
        );
        // Text never ends a line of the program within its quotes: a comment in the tag before hides all of it or none.
        self.program.extend(content.matches('\n'));
    }

    fn begin_command(&mut self) {
        if !self.line_is_empty {
            self.program.push_str("; ");
        }
        self.line_is_empty = false;
    }

    fn piece(&mut self, text: &str, template: usize, kind: PieceKind) {
        let start = self.program.len();
        self.program.push_str(text);
        let program = Span { start, end: self.program.len() };
        self.pieces.push(Piece { program, template, kind });
    }

    fn finish(mut self) -> Template {
        self.begin_command();
        self.program.push_str("_erbout");
        Template { program: self.program, pieces: self.pieces, unclosed: self.unclosed }
    }
}

/// What is between `<%` and `%>`.
struct Code {
    text: String,
    start: usize,
    /// Where `%%>` stood.
    escapes: Vec<usize>,
    closed: bool,
    trims: bool,
}

fn quoted(content: &str) -> String {
    let mut quoted = String::with_capacity(content.len() + content.len() / 16);
    let mut characters = content.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '#' if characters.peek().is_some_and(|next| "{$@".contains(*next)) => quoted.push_str("\\#"),
            '\n' => quoted.push_str("\\n"),
            c if c.is_ascii_control() => quoted.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted
}
