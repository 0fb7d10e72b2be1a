//! The exceptions that a template may raise or rescue, each with the class above it.

const CLASSES: &[(&str, &str)] = &[
    ("Exception", ""),
    ("NoMemoryError", "Exception"),
    ("ScriptError", "Exception"),
    ("LoadError", "ScriptError"),
    ("NotImplementedError", "ScriptError"),
    ("SyntaxError", "ScriptError"),
    ("SecurityError", "Exception"),
    ("SystemExit", "Exception"),
    ("Interrupt", "Exception"),
    ("StandardError", "Exception"),
    ("ArgumentError", "StandardError"),
    ("EncodingError", "StandardError"),
    ("FiberError", "StandardError"),
    ("IOError", "StandardError"),
    ("EOFError", "IOError"),
    ("IndexError", "StandardError"),
    ("KeyError", "IndexError"),
    ("StopIteration", "IndexError"),
    ("LocalJumpError", "StandardError"),
    ("NameError", "StandardError"),
    ("NoMethodError", "NameError"),
    ("RangeError", "StandardError"),
    ("FloatDomainError", "RangeError"),
    ("RegexpError", "StandardError"),
    ("RuntimeError", "StandardError"),
    ("FrozenError", "RuntimeError"),
    ("SystemCallError", "StandardError"),
    ("Date::Error", "ArgumentError"),
    ("Errno::ENOENT", "SystemCallError"),
    ("Errno::EACCES", "SystemCallError"),
    ("Errno::EIO", "SystemCallError"),
    ("TypeError", "StandardError"),
    ("ZeroDivisionError", "StandardError"),
    ("JSON::JSONError", "StandardError"),
    ("JSON::ParserError", "JSON::JSONError"),
    ("Psych::Exception", "RuntimeError"),
    ("Psych::SyntaxError", "Psych::Exception"),
    ("URI::Error", "StandardError"),
    ("URI::InvalidURIError", "URI::Error"),
    ("Kamal::ConfigurationError", "StandardError"),
];

/// The class of that name.
pub fn class(name: &str) -> Option<&'static str> {
    CLASSES.iter().map(|(class, _)| *class).find(|class| *class == name)
}

/// Is it one of these?
pub fn is_known(name: &str) -> bool {
    class(name).is_some()
}

/// Is a class another, or below it?
pub fn is_a(class: &str, ancestor: &str) -> bool {
    let mut class = class;
    loop {
        if class == ancestor {
            return true;
        }
        match CLASSES.iter().find(|(name, _)| *name == class) {
            Some((_, above)) => class = above,
            None => return false,
        }
    }
}
