//! `RUN --mount` and `RUN --device`.
//!
//! Follows BuildKit's `frontend/dockerfile/instructions/commands_runmount.go` and `commands_rundevice.go`, and the CSV
//! reader `tonistiigi/go-csvvalue`.

use std::ops::Range;

use crate::source::Span;
use crate::suggest::nearest;
use crate::syntax::SyntaxError;
use crate::syntax::mapped::MappedText;

use super::expand::{ExpandError, Expanded};
use super::values::{parse_bool, parse_uint, ram_in_bytes};

/// One `--mount` flag, cut into its options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The whole flag, `--mount=` included.
    pub span: Span,
    /// The options in order.
    pub options: Vec<MountOption>,
}

/// One option of a `--mount`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountOption {
    /// The whole option without its comma.
    pub text: MappedText,
    /// The name in lower case.
    pub key: String,
    /// Where the name stands.
    pub key_span: Span,
    /// The value, before its variables are replaced. `None` without a `=`.
    pub value: Option<MappedText>,
}

/// The type of a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MountType {
    /// Files of the context, a stage or an image.
    Bind,
    /// A directory that stays between builds.
    Cache,
    /// An empty directory in memory.
    Tmpfs,
    /// A secret of the builder's user.
    Secret,
    /// The SSH agent of the builder's user.
    Ssh,
}

impl MountType {
    const ALL: [(&'static str, MountType); 5] = [
        ("bind", MountType::Bind),
        ("cache", MountType::Cache),
        ("secret", MountType::Secret),
        ("ssh", MountType::Ssh),
        ("tmpfs", MountType::Tmpfs),
    ];

    /// The name that stands in a Dockerfile.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

/// How builds that run at the same time share a cache mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sharing {
    /// All at once.
    Shared,
    /// One directory each.
    Private,
    /// One after another.
    Locked,
}

const SHARING: [(&str, Sharing); 3] =
    [("locked", Sharing::Locked), ("private", Sharing::Private), ("shared", Sharing::Shared)];

/// What a `--mount` asks for, with its variables replaced. Fields are `None` where the flag is silent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MountSpec {
    /// `bind` if nothing is said. `None` if a variable that is not known decides it.
    pub kind: Option<MountType>,
    /// Stage or image; never expanded.
    pub from: Option<String>,
    /// `source` or `src`.
    pub source: Option<Expanded>,
    /// `target`, `dst` or `destination`.
    pub target: Option<Expanded>,
    /// `id`.
    pub id: Option<Expanded>,
    /// `sharing`; `None` as well if it is not known.
    pub sharing: Option<Sharing>,
    /// Whether the mount is read-only, by flag or by its type's default; `None` if it is not known.
    pub read_only: Option<bool>,
    /// Whether a missing secret or agent is an error.
    pub required: Option<bool>,
    /// `env` of a secret.
    pub env: Option<Expanded>,
    /// Octal `mode`.
    pub mode: Option<u64>,
    /// `uid`.
    pub uid: Option<u64>,
    /// `gid`.
    pub gid: Option<u64>,
    /// `size` of a tmpfs, in bytes.
    pub size: Option<i64>,
}

const KEYS: [&str; 19] = [
    "type",
    "from",
    "source",
    "target",
    "readonly",
    "id",
    "sharing",
    "required",
    "size",
    "mode",
    "uid",
    "gid",
    "src",
    "dst",
    "destination",
    "ro",
    "rw",
    "readwrite",
    "env",
];

impl Mount {
    /// The last option that has one of these names.
    pub fn option(&self, keys: &[&str]) -> Option<&MountOption> {
        self.options.iter().rev().find(|option| keys.contains(&option.key.as_str()))
    }

    /// The stage or image that is mounted from, as written.
    pub fn from(&self) -> Option<&MappedText> {
        self.option(&["from"])?.value.as_ref().filter(|value| !value.is_empty())
    }

    /// Cuts the value of the flag `--mount`, which stands at `span`, into options. BuildKit does this much before
    /// anything is built; the options' own values are read at build time, by [`resolve`](Self::resolve).
    pub(super) fn read(span: Span, value: &MappedText) -> Result<Mount, SyntaxError> {
        let mut options = Vec::new();
        for field in csv_fields(value)? {
            let equals = field.find('=');
            let key = equals.map_or(field.as_str(), |at| &field[..at]).to_lowercase();
            let key_span = field.span_of(0..equals.unwrap_or(field.len()));
            let value = equals.map(|at| field.slice(at + 1..field.len()));
            let from = value.as_ref().filter(|_| key == "from");
            if let Some((value, at)) = from.and_then(|value| Some((value, value.find('$')?)))
                && at + 1 != value.len()
            {
                let mut error =
                    SyntaxError::new("the `from` of a mount takes no variables", value.span_of(at..value.len()));
                error.help = Some("name a stage with `FROM ... AS name` that uses the variable".to_owned());
                return Err(error);
            }
            options.push(MountOption { text: field, key, key_span, value });
        }
        Ok(Mount { span, options })
    }

    /// Reads all options, with `expand` to replace the variables of a value.
    ///
    /// # Errors
    ///
    /// What BuildKit refuses when it comes to the instruction: an unknown option or value, and options that the
    /// mount's type does not have. Nothing that is not known is an error.
    pub fn resolve(
        &self,
        mut expand: impl FnMut(&MappedText) -> Result<Expanded, ExpandError>,
    ) -> Result<MountSpec, SyntaxError> {
        let mut spec = MountSpec { kind: Some(MountType::Bind), ..MountSpec::default() };
        let mut read_only = None;
        let mut sharing_span = None;
        for option in &self.options {
            let key = option.key.as_str();
            let whole = option.text.span();
            let Some(written) = &option.value else {
                match key {
                    "readonly" | "ro" => read_only = Some(Some(true)),
                    "readwrite" | "rw" => read_only = Some(Some(false)),
                    "required" => {
                        only_for(&spec, option, &[MountType::Secret, MountType::Ssh])?;
                        spec.required = Some(true);
                    }
                    _ => return Err(SyntaxError::new(format!("the mount option `{key}` has no value"), whole)),
                }
                continue;
            };
            let value = expand(written).map_err(|error| SyntaxError::new(error.message, error.span))?;
            let known = value.known();
            let bad = |what: &str| {
                let value = known.unwrap_or_default();
                SyntaxError::new(format!("`{value}` is no {what}"), written.span())
            };
            let choice = |what: &str, names: &[&'static str]| {
                let mut error = bad(what);
                let value = known.unwrap_or_default();
                let near = nearest(value, names.iter().copied()).map(|near| format!("did you mean `{near}`?"));
                error.help = near.or_else(|| Some(format!("use one of {}", names.join(", "))));
                error
            };
            match key {
                "type" => {
                    spec.kind = match known {
                        Some(name) => {
                            let name = name.to_lowercase();
                            let found = MountType::ALL.iter().find(|(known, _)| *known == name);
                            let names = MountType::ALL.map(|(name, _)| name);
                            Some(found.ok_or_else(|| choice("type of mount", &names))?.1)
                        }
                        None => None,
                    }
                }
                "from" => spec.from = Some(written.to_string()),
                "source" | "src" => spec.source = Some(value),
                "target" | "dst" | "destination" => spec.target = Some(value),
                "id" => spec.id = Some(value),
                "env" => spec.env = Some(value),
                "readonly" | "ro" | "readwrite" | "rw" => {
                    let flag = known.map(|text| parse_bool(text).ok_or_else(|| bad("truth value"))).transpose()?;
                    let negative = matches!(key, "readwrite" | "rw");
                    read_only = Some(flag.map(|flag| flag != negative));
                }
                "required" => {
                    only_for(&spec, option, &[MountType::Secret, MountType::Ssh])?;
                    spec.required = known.map(|text| parse_bool(text).ok_or_else(|| bad("truth value"))).transpose()?;
                }
                "size" => {
                    only_for(&spec, option, &[MountType::Tmpfs])?;
                    spec.size = known.map(|text| ram_in_bytes(text).ok_or_else(|| bad("size"))).transpose()?;
                }
                "sharing" => {
                    sharing_span = Some(whole);
                    spec.sharing = match known {
                        Some(name) => {
                            let name = name.to_lowercase();
                            let found = SHARING.iter().find(|(known, _)| *known == name);
                            let names = SHARING.map(|(name, _)| name);
                            Some(found.ok_or_else(|| choice("way of sharing a cache", &names))?.1)
                        }
                        None => None,
                    }
                }
                "mode" => {
                    spec.mode = known.map(|text| parse_uint(text, 8).ok_or_else(|| bad("octal mode"))).transpose()?;
                }
                "uid" | "gid" => {
                    let id = known.map(|text| parse_uint(text, 10).ok_or_else(|| bad("numeric id"))).transpose()?;
                    if key == "uid" { spec.uid = id } else { spec.gid = id }
                }
                _ => {
                    let message = format!("a mount has no option `{key}`");
                    let mut error = SyntaxError::new(message, option.key_span);
                    error.help = nearest(key, KEYS).map(|near| format!("did you mean `{near}`?"));
                    return Err(error);
                }
            }
        }
        spec.read_only = match read_only {
            Some(read_only) => read_only,
            None => spec.kind.map(|kind| !matches!(kind, MountType::Cache | MountType::Tmpfs)),
        };
        self.check(&spec, sharing_span)?;
        Ok(spec)
    }

    /// What BuildKit checks once all options are read.
    fn check(&self, spec: &MountSpec, sharing: Option<Span>) -> Result<(), SyntaxError> {
        let Some(kind) = spec.kind else { return Ok(()) };
        let owners = [MountType::Secret, MountType::Ssh, MountType::Cache];
        for key in ["mode", "uid", "gid"] {
            if let Some(option) = self.option(&[key]).filter(|_| !owners.contains(&kind)) {
                let message = format!("a {} mount has no option `{key}`", kind.name());
                return Err(SyntaxError::new(message, option.text.span()));
            }
        }
        let is_given = |value: &Option<Expanded>| value.as_ref().is_some_and(|value| value.known() != Some(""));
        if kind == MountType::Secret {
            if let Some(from) =
                self.option(&["from"]).filter(|_| spec.from.as_ref().is_some_and(|from| !from.is_empty()))
            {
                return Err(SyntaxError::new("a secret mount has no option `from`", from.text.span()));
            }
            if let Some(span) = sharing {
                return Err(SyntaxError::new("a secret mount has no option `sharing`", span));
            }
            if !is_given(&spec.source) && !is_given(&spec.target) && !is_given(&spec.id) {
                return Err(SyntaxError::new("a secret mount needs an `id`, a `source` or a `target`", self.span));
            }
            if let Some(id) = self.option(&["id"]).filter(|_| is_given(&spec.source) && is_given(&spec.id)) {
                return Err(SyntaxError::new("a secret mount takes either `id` or `source`", id.text.span()));
            }
        }
        match sharing {
            Some(span) if kind != MountType::Cache => {
                Err(SyntaxError::new(format!("a {} mount has no option `sharing`", kind.name()), span))
            }
            _ => Ok(()),
        }
    }
}

/// Refuses an option that only some types have. BuildKit looks at the type that was read so far, so `type` must stand
/// before it.
fn only_for(spec: &MountSpec, option: &MountOption, kinds: &[MountType]) -> Result<(), SyntaxError> {
    match spec.kind {
        Some(kind) if !kinds.contains(&kind) => {
            let message = format!("a {} mount has no option `{}`", kind.name(), option.key);
            let mut error = SyntaxError::new(message, option.text.span());
            let names: Vec<_> = kinds.iter().map(|kind| format!("`type={}`", kind.name())).collect();
            error.help = Some(format!("{} must stand before it", names.join(" or ")));
            Err(error)
        }
        _ => Ok(()),
    }
}

/// One `--device` flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The whole flag.
    pub span: Span,
    /// The CDI name of the device; empty if none is given.
    pub name: String,
    /// Whether the build fails without it.
    pub required: bool,
}

impl Device {
    pub(super) fn read(span: Span, value: &MappedText) -> Result<Device, SyntaxError> {
        let mut device = Device { span, name: String::new(), required: false };
        for field in csv_fields(value)? {
            let (key, value) = match field.split_once('=') {
                Some((key, value)) => (key.to_lowercase(), Some(value)),
                None => (field.to_lowercase(), None),
            };
            match (key.as_str(), value) {
                ("required", None) => device.required = true,
                ("required", Some(value)) => {
                    device.required = parse_bool(value)
                        .ok_or_else(|| SyntaxError::new(format!("`{value}` is no truth value"), field.span()))?;
                }
                ("name", Some(value)) => {
                    if !device.name.is_empty() {
                        return Err(SyntaxError::new("the device already has a name", field.span()));
                    }
                    device.name = value.to_owned();
                }
                _ if device.name.is_empty() => device.name = field.to_string(),
                (key, None) => {
                    return Err(SyntaxError::new(format!("the device option `{key}` has no value"), field.span()));
                }
                (key, Some(_)) => {
                    let mut error = SyntaxError::new(format!("a device has no option `{key}`"), field.span());
                    error.help = nearest(key, ["name", "required"]).map(|near| format!("did you mean `{near}`?"));
                    return Err(error);
                }
            }
        }
        Ok(device)
    }
}

/// Splits a value at commas. A field in double quotes may hold commas; two quotes in it stand for one.
fn csv_fields(value: &MappedText) -> Result<Vec<MappedText>, SyntaxError> {
    let text = value.as_str();
    if text.is_empty() {
        return Err(SyntaxError::new("the flag has no value", value.span()));
    }
    let fault = |message: &str, range: Range<usize>| SyntaxError::new(message, value.span_of(range));
    let mut fields = Vec::new();
    let mut at = 0;
    loop {
        if !text[at..].starts_with('"') {
            let end = text[at..].find(',').map_or(text.len(), |comma| at + comma);
            if let Some(quote) = text[at..end].find('"') {
                let quote = at + quote;
                return Err(fault("a quote can stand only around the whole option", quote..quote + 1));
            }
            fields.push(value.slice(at..end));
            if end == text.len() {
                return Ok(fields);
            }
            at = end + 1;
            continue;
        }
        let open = at;
        let mut field = MappedText::empty(value.file(), value.span_of(at + 1..at + 1).range().start);
        at += 1;
        loop {
            let Some(quote) = text[at..].find('"') else {
                return Err(fault("this quote is never closed", open..open + 1));
            };
            let quote = at + quote;
            field.push_mapped(&value.slice(at..quote));
            at = quote + 1;
            if text[at..].starts_with('"') {
                field.push_mapped(&value.slice(at..at + 1));
                at += 1;
            } else if at == text.len() {
                fields.push(field);
                return Ok(fields);
            } else if text[at..].starts_with(',') {
                fields.push(field);
                at += 1;
                break;
            } else {
                return Err(fault("text behind the closing quote of an option", quote..quote + 1));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;
    use crate::syntax::dockerfile::{Lexer, Lookup};

    fn resolve(value: &str) -> Result<MountSpec, String> {
        let value = MappedText::verbatim(FileId(0), 0, value);
        let mount = Mount::read(value.span(), &value).map_err(|error| error.message)?;
        let env = |name: &str| if name == "ARG" { Lookup::Dynamic } else { Lookup::Unset };
        let expand = |value: &MappedText| Ok(Lexer::new('\\').expand(value, &env)?.value);
        mount.resolve(expand).map_err(|error| error.message)
    }

    #[test]
    fn options_have_buildkits_defaults() {
        let cache = resolve("type=CACHE,target=/root/.cache,sharing=Locked,uid=1000,mode=0755").expect("a cache");
        assert_eq!(cache.kind, Some(MountType::Cache));
        assert_eq!((cache.sharing, cache.read_only, cache.mode), (Some(Sharing::Locked), Some(false), Some(0o755)));
        let bind = resolve("from=build,\"source=a,b\",dst=/x,rw").expect("a bind mount");
        assert_eq!(bind.source.as_ref().and_then(Expanded::known), Some("a,b"));
        assert_eq!((bind.kind, bind.read_only), (Some(MountType::Bind), Some(false)));
        assert_eq!(resolve("type=$ARG,size=1").expect("unknown type").kind, None);
        assert_eq!(resolve("type=tmpfs,size=1.5kb").expect("a tmpfs").size, Some(1536));
    }

    #[test]
    fn what_a_type_does_not_have_is_refused() {
        for value in [
            "",
            "target",
            "tgt=/x",
            "type=volume",
            "type=cache,sharing=all",
            "uid=1",
            "size=1,type=tmpfs",
            "type=secret",
            "type=secret,id=a,src=b",
            "type=secret,id=a,from=b",
            "type=ssh,sharing=shared",
            "required",
            "ro=maybe",
            "mode=9,type=cache",
            "a\"b\"",
            "\"a",
            "\"a\"b",
            "from=$X",
        ] {
            assert!(resolve(value).is_err(), "{value}");
        }
        assert!(resolve("from=a$").is_ok());
    }
}
