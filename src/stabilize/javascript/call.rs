//! What a call returns, for the few functions with which texts, paths and modules are made.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use oxc_ast::ast::{Argument, Expression};

use super::scopes::{Scopes, inner};
use super::value::{Base, MAXIMUM_LIST, Text, Value, module};

/// `f(…)`.
pub(super) fn evaluate(scopes: &Scopes, callee: &Expression<'_>, arguments: &[Argument<'_>], depth: usize) -> Value {
    let value = |argument: &Argument<'_>| {
        argument.as_expression().map_or(Value::Unknown, |argument| scopes.evaluate(argument, depth))
    };
    let values = || arguments.iter().take(MAXIMUM_LIST).map(value).collect::<Vec<Value>>();
    let callee = inner(callee);
    let function = match callee.get_member_expr() {
        None => scopes.evaluate(callee, depth),
        // The object is evaluated once, or a chain of calls would take twice the time with each link.
        Some(member) => {
            let object = scopes.evaluate(member.object(), depth);
            let name = scopes.member_name(member, depth);
            match (&object, name.as_deref()) {
                (Value::Text(_) | Value::List(_), Some(name)) => return method(object, name, &values()),
                // `Function.call.bind(f)` calls `f`, not what it is a member of.
                (Value::Global(path), Some("bind")) if path.ends_with(".call") || path.ends_with(".apply") => {
                    return Value::Unknown;
                }
                (Value::Global(_) | Value::Module { .. }, Some("bind")) => return object,
                (Value::Global(_) | Value::Module { .. }, Some("call")) => {
                    let mut arguments = values();
                    arguments.drain(..1.min(arguments.len()));
                    return function_result(&object, &arguments);
                }
                (Value::Global(_) | Value::Module { .. }, Some("apply")) => {
                    let Some(Value::List(values)) = arguments.get(1).map(value) else { return Value::Unknown };
                    return function_result(&object, &values);
                }
                // `Buffer.from(…).toString()` was decoded already; `path.default.join` is `path.join`.
                _ => {}
            }
            scopes.accessed(object, member, name, depth)
        }
    };
    match function {
        Value::Global(_) | Value::Module { .. } => function_result(&function, &values()),
        // Of any other function it matters only whether it may pass a module on.
        _ => match arguments {
            [first] | [first, _] => match value(first) {
                module @ Value::Module { .. } => module,
                _ => Value::Unknown,
            },
            _ => Value::Unknown,
        },
    }
}

/// `new F(…)`.
pub(super) fn construct(scopes: &Scopes, callee: &Expression<'_>, arguments: &[Argument<'_>], depth: usize) -> Value {
    let function = scopes.evaluate(callee, depth);
    let is_url = match &function {
        Value::Global(name) => name == "URL",
        Value::Module { name, member } => name == "url" && member == "URL",
        _ => false,
    };
    let argument = |index: usize| {
        let argument = arguments.get(index).and_then(Argument::as_expression);
        argument.map_or(Value::Unknown, |argument| scopes.evaluate(argument, depth))
    };
    match (is_url, argument(0), argument(1)) {
        (true, Value::Text(text), Value::Global(base)) if is_own_file(&base) => {
            Value::Text(Text { base: Base::Folder, ..text })
        }
        _ => Value::Unknown,
    }
}

pub(super) fn is_own_file(name: &str) -> bool {
    matches!(name, "import.meta.url" | "__filename")
}

/// Whether a function with this name returns the module that it is given.
pub(crate) fn is_require(name: &str) -> bool {
    matches!(
        name,
        "require"
            | "module.require"
            | "process.mainModule.require"
            | "require.main.require"
            | "process.getBuiltinModule"
    )
}

fn function_result(function: &Value, arguments: &[Value]) -> Value {
    let first = arguments.first();
    match function {
        Value::Global(name) => match (name.as_str(), first) {
            (name, Some(first)) if is_require(name) => first.complete_text().map_or(Value::Unknown, module),
            ("require.resolve" | "import.meta.resolve", Some(Value::Text(_))) => arguments[0].clone(),
            ("String.fromCharCode" | "String.fromCodePoint", _) => from_codes(arguments),
            ("atob", Some(first)) => first.complete_text().map_or(Value::Unknown, |text| decoded(text, "base64")),
            ("Buffer.from" | "Buffer", _) => buffer(arguments),
            ("decodeURIComponent" | "unescape" | "decodeURI", Some(first)) => match first.complete_text() {
                Some(text) => Value::text(percent_encoding::percent_decode_str(text).decode_utf8_lossy()),
                None => Value::Unknown,
            },
            ("Reflect.get", Some(object)) => match arguments.get(1).and_then(Value::complete_text) {
                Some(name) => object.clone().member(name),
                None => Value::Unknown,
            },
            ("Object.getPrototypeOf" | "Reflect.getPrototypeOf", Some(Value::Function)) => Value::Function,
            ("process.cwd", _) => Value::Text(Text { base: Base::Working, ..Text::plain("") }),
            ("String", Some(Value::Text(_))) => arguments[0].clone(),
            (name, _) if name.starts_with("path.") => path(name.rsplit('.').next().unwrap_or_default(), arguments),
            _ => passed_on(arguments),
        },
        Value::Module { name, member } => match (name.as_str(), member.rsplit('.').next().unwrap_or_default()) {
            ("path" | "path/posix" | "path/win32" | "pathe" | "upath", function) => path(function, arguments),
            ("url", "fileURLToPath" | "pathToFileURL") => first.cloned().unwrap_or(Value::Unknown),
            ("module", "createRequire" | "createRequireFromPath") => Value::Global("require".to_owned()),
            ("module", "_load") => first.and_then(Value::complete_text).map_or(Value::Unknown, module),
            ("buffer", "from") => buffer(arguments),
            _ => passed_on(arguments),
        },
        _ => Value::Unknown,
    }
}

/// Compilers wrap modules (`__importDefault(require('x'))`), people wrap functions (`promisify(exec)`).
fn passed_on(arguments: &[Value]) -> Value {
    match arguments {
        [module @ Value::Module { .. }] | [module @ Value::Module { .. }, _] => module.clone(),
        _ => Value::Unknown,
    }
}

fn method(object: Value, name: &str, arguments: &[Value]) -> Value {
    let first = arguments.first();
    match (object, name) {
        (Value::Text(text), "toString" | "valueOf" | "normalize") => Value::Text(text),
        (Value::Text(text), "trim") => Value::Text(Text { value: text.value.trim().to_owned(), ..text }),
        (Value::Text(mut text), "concat") => {
            for argument in arguments {
                match argument.complete_text() {
                    Some(more) if text.is_complete => text.value.push_str(more),
                    _ => text.is_complete = false,
                }
            }
            Value::Text(text)
        }
        (Value::Text(text), "split") if text.is_complete && text.base == Base::None => {
            let pieces: Vec<Value> = match first.and_then(Value::complete_text) {
                Some("") => {
                    text.value.chars().take(MAXIMUM_LIST + 1).map(|piece| Value::text(piece.to_string())).collect()
                }
                Some(by) => text.value.split(by).take(MAXIMUM_LIST + 1).map(Value::text).collect(),
                None => return Value::Unknown,
            };
            if pieces.len() > MAXIMUM_LIST { Value::Unknown } else { Value::List(pieces) }
        }
        (Value::List(mut values), "reverse" | "toReversed") => {
            values.reverse();
            Value::List(values)
        }
        (Value::List(values), "join") => {
            let by = match first {
                None => ",",
                Some(first) => match first.complete_text() {
                    Some(by) => by,
                    None => return Value::Unknown,
                },
            };
            let mut whole = String::new();
            for (index, value) in values.iter().enumerate() {
                let Some(piece) = value.complete_text() else {
                    return Value::Text(Text { is_complete: false, ..Text::plain(whole) });
                };
                if index > 0 {
                    whole.push_str(by);
                }
                whole.push_str(piece);
            }
            Value::text(whole)
        }
        _ => Value::Unknown,
    }
}

fn from_codes(arguments: &[Value]) -> Value {
    let character = |value: &Value| match value {
        Value::Number(number) => char::from_u32(*number as u32),
        _ => None,
    };
    arguments.iter().map(character).collect::<Option<String>>().map_or(Value::Unknown, Value::text)
}

fn buffer(arguments: &[Value]) -> Value {
    let encoding = arguments.get(1).and_then(Value::complete_text).unwrap_or("utf8");
    match arguments.first() {
        Some(Value::List(codes)) => from_codes(codes),
        Some(first) => first.complete_text().map_or(Value::Unknown, |text| decoded(text, encoding)),
        None => Value::Unknown,
    }
}

fn decoded(text: &str, encoding: &str) -> Value {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = match encoding {
        "base64" | "base64url" => {
            let text = text.replace('-', "+").replace('_', "/");
            GeneralPurpose::new(&STANDARD, LENIENT).decode(text.trim_end_matches('=')).ok()
        }
        "hex" => text
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect::<Option<Vec<u8>>>(),
        _ => Some(text.as_bytes().to_vec()),
    };
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).map_or(Value::Unknown, Value::text)
}

fn path(function: &str, arguments: &[Value]) -> Value {
    match (function, arguments.first()) {
        ("dirname", Some(Value::Global(name))) if is_own_file(name) => {
            Value::Text(Text { base: Base::Folder, ..Text::plain("") })
        }
        ("dirname", Some(Value::Text(text))) if text.is_complete && text.base != Base::None => {
            Value::Text(Text { value: format!("{}/..", text.value), ..text.clone() })
        }
        ("join" | "resolve" | "normalize", Some(_)) => {
            let mut whole: Option<Text> = None;
            for argument in arguments {
                let piece = match argument {
                    Value::Text(piece) => piece.clone(),
                    Value::Global(name) if is_own_file(name) => {
                        // What follows climbs out of the file's name first.
                        Text { base: Base::Folder, ..Text::plain("_") }
                    }
                    _ => Text { is_complete: false, ..Text::plain("") },
                };
                match &mut whole {
                    Some(whole) if whole.is_complete && piece.base == Base::None => {
                        whole.value.push('/');
                        whole.value.push_str(&piece.value);
                        whole.is_complete = piece.is_complete;
                    }
                    Some(whole) if whole.is_complete => *whole = piece,
                    Some(_) => {}
                    None => whole = Some(piece),
                }
            }
            let mut whole = whole.unwrap_or_else(|| Text::plain(""));
            if function == "resolve" && whole.base == Base::None && !whole.value.starts_with('/') {
                whole.base = Base::Working;
            }
            Value::Text(whole)
        }
        _ => Value::Unknown,
    }
}
