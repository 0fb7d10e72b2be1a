//! The part of Ruby that is understood, as a tree of our own: what is not in here cannot be evaluated.

use std::rc::Rc;

/// Bytes of a program.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub start: usize,
    /// The one after the last.
    pub end: usize,
}

/// Something that has a value.
#[derive(Debug)]
pub struct Expression {
    pub kind: Kind,
    pub span: Span,
}

/// A name of a variable or a method.
pub type Name = Rc<str>;

type Boxed = Box<Expression>;

/// What an expression is.
#[derive(Debug)]
pub enum Kind {
    Nil,
    True,
    False,
    Myself,
    Integer(i128),
    Float(f64),
    Text(Rc<str>),
    Symbol(Name),
    /// `"a#{b}"`.
    Interpolated(Vec<Expression>),
    InterpolatedSymbol(Vec<Expression>),
    /// Backticks and `%x`.
    Shell(Vec<Expression>),
    Regexp {
        parts: Vec<Expression>,
        flags: RegexpFlags,
    },
    List(Vec<Expression>),
    /// A list with `*splats` in it.
    SplatList(Vec<Argument>),
    Map(Vec<Pair>),
    Range {
        from: Option<Boxed>,
        to: Option<Boxed>,
        excludes_end: bool,
    },
    Variable(Variable),
    /// `A::B`.
    Constant(String),
    Assign(Box<Target>, Boxed),
    /// `||=`, `&&=`, `+=`.
    Update {
        target: Box<Target>,
        operator: Operator,
        value: Boxed,
    },
    Call(Box<Call>),
    And(Boxed, Boxed),
    Or(Boxed, Boxed),
    Defined(Boxed),
    If {
        condition: Boxed,
        then: Boxed,
        otherwise: Boxed,
    },
    While(Box<While>),
    For {
        target: Box<Target>,
        items: Boxed,
        body: Boxed,
    },
    Case(Box<Case>),
    Sequence(Vec<Expression>),
    Begin(Box<Begin>),
    Define(Rc<Function>),
    Lambda(Rc<Function>),
    Return(Option<Boxed>),
    Next(Option<Boxed>),
    Break(Option<Boxed>),
    Yield(Vec<Argument>),
    /// `/(?<name>…)/ =~ text`, which sets `name`.
    MatchWrite {
        call: Boxed,
        names: Vec<Name>,
    },
    /// Not understood; the text names it.
    Refused(String),
}

/// Where a value can be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Variable {
    Local(Name),
    /// `@name`.
    Instance(Name),
    /// `$name`.
    Global(Name),
    /// `$1`.
    Group(usize),
}

/// What can be assigned to.
#[derive(Debug)]
pub enum Target {
    Variable(Variable),
    Constant(Name),
    /// `a[b]`.
    Element {
        of: Expression,
        at: Vec<Argument>,
    },
    /// `a, (b, *c), d`.
    Several {
        before: Vec<Target>,
        rest: Option<Option<Box<Target>>>,
        after: Vec<Target>,
    },
    /// Not understood; the text names it.
    Refused(String, Span),
}

/// Of `a += b`.
#[derive(Debug)]
pub enum Operator {
    Or,
    And,
    Method(Name),
}

/// `receiver.name(arguments) { block }`.
#[derive(Debug)]
pub struct Call {
    pub receiver: Option<Expression>,
    pub name: Name,
    pub arguments: Vec<Argument>,
    pub block: Option<BlockArgument>,
    /// `&.`
    pub is_safe: bool,
    /// A lone word, which could have been a variable.
    pub is_word: bool,
}

/// One argument of a call, one element of a list.
#[derive(Debug)]
pub enum Argument {
    One(Expression),
    Splat(Expression),
    /// `a: 1, **b`, always last.
    Keywords(Vec<Pair>, Span),
}

/// One entry of a mapping.
#[derive(Debug)]
pub enum Pair {
    Entry(Expression, Expression),
    Splat(Expression),
}

/// What a call does with a block.
#[derive(Debug)]
pub enum BlockArgument {
    Code(Rc<Function>),
    /// `&value`.
    Value(Expression),
}

/// A block, a lambda or a method.
#[derive(Debug)]
pub struct Function {
    /// Of a method.
    pub name: Name,
    pub parameters: Parameters,
    pub body: Expression,
}

/// What a function takes.
#[derive(Debug, Default)]
pub struct Parameters {
    pub required: Vec<Target>,
    pub optional: Vec<(Name, Expression)>,
    /// `*rest`; unnamed as `*` and in `|a,|`.
    pub rest: Option<Option<Name>>,
    pub after: Vec<Target>,
    pub keywords: Vec<(Name, Option<Expression>)>,
    pub keyword_rest: Option<Option<Name>>,
    pub block: Option<Name>,
    /// `_1`, `_2` … or `it`.
    pub implicit: Vec<Name>,
}

/// `while`, `until`, and both after `begin … end`.
#[derive(Debug)]
pub struct While {
    pub condition: Expression,
    pub until: bool,
    pub body_first: bool,
    pub body: Expression,
}

/// `case`.
#[derive(Debug)]
pub struct Case {
    pub subject: Option<Expression>,
    pub whens: Vec<(Vec<Argument>, Expression)>,
    pub otherwise: Expression,
}

/// `begin … rescue … else … ensure … end`.
#[derive(Debug)]
pub struct Begin {
    pub body: Expression,
    pub rescues: Vec<Rescue>,
    pub otherwise: Option<Expression>,
    pub ensure: Option<Expression>,
}

/// One `rescue`; without classes it stands for `StandardError`.
#[derive(Debug)]
pub struct Rescue {
    pub classes: Vec<Argument>,
    pub into: Option<Target>,
    pub body: Expression,
}

/// `/…/imx`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RegexpFlags {
    pub ignores_case: bool,
    pub dot_matches_line_end: bool,
    pub is_extended: bool,
}
