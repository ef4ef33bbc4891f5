//! Checks of options that buildx makes before it builds, and also before it only prints.
//!
//! See toBuildOpt in bake/bake.go of buildx and what it calls. Tag syntax, names of entitlements, networks and calls, and
//! whether contexts and Dockerfiles exist are not checked there.

use super::entry::{Export, Secret, Ssh, parse_bool};
use super::error::BakeError;
use super::host::{Host, PathKind};
use super::remote::{clean_path, is_git_ssh, is_remote};
use super::target::{Set, Target};
use crate::source::Span;
use crate::syntax::platform::Platform;

/// The largest secret that a build can be given, in bytes.
const MAX_SECRET: u64 = 500 * 1024;

/// Checks a resolved target and brings its context into the form that is printed.
///
/// # Errors
/// At the first option that a build could not be given.
pub(super) fn prepare(target: &mut Target, host: &dyn Host) -> Result<(), BakeError> {
    let stdin = |option: &Option<Set<String>>, what: &str| match option {
        Some(set) if set.value == "-" => Err(blame(set.span(), format!("{what} from stdin not allowed in bake"))),
        _ => Ok(()),
    };
    stdin(&target.context, "context")?;
    stdin(&target.dockerfile, "dockerfile")?;
    if let Some(context) = &mut target.context {
        if let Some(local) = context.value.strip_prefix("cwd://") {
            context.value = clean_path(local);
        } else if !is_remote(&context.value) {
            context.value = clean_path(&context.value);
        }
    }
    if let Some(size) = &target.shm_size
        && parse_size(&size.value).is_none()
    {
        return Err(blame(size.span(), format!("invalid value {} for membytes key shm-size", size.value)));
    }
    each(&target.platforms, |platform| platform.split(',').try_for_each(check_platform))?;
    each(&target.secret, |secret| check_secret(secret, host))?;
    check_ssh(target, host)?;
    check_outputs(target, host)?;
    each(&target.annotations, |annotation| check_annotation(annotation))?;
    if let Some(path) = host.variable("EXPERIMENTAL_BUILDKIT_SOURCE_POLICY").filter(|path| !path.is_empty()) {
        host.read(&path).map_err(|why| BakeError::new(format!("failed to read policy file: open {path}: {why}")))?;
    }
    each(&target.ulimits, |ulimit| check_ulimit(ulimit))?;
    if let Some(resources) = &target.resources {
        for (name, limit) in [("memory", &resources.memory), ("memory-swap", &resources.memory_swap)] {
            let Some(limit) = limit else { continue };
            let size = limit.value.trim();
            if parse_size(size).is_none() && !(name == "memory-swap" && size == "-1") {
                let message = format!("invalid value \"{size}\" for resource {name}: invalid size: '{size}'");
                return Err(blame(limit.span(), message));
            }
        }
    }
    Ok(())
}

fn blame(span: Option<Span>, message: String) -> BakeError {
    BakeError { span, ..BakeError::new(message) }
}

/// Runs a check over the known elements of a list.
fn each<T>(list: &Option<Vec<Set<T>>>, check: impl Fn(&T) -> Result<(), String>) -> Result<(), BakeError> {
    for set in list.iter().flatten().filter(|set| !set.origin.dynamic) {
        check(&set.value).map_err(|message| blame(set.span(), message))?;
    }
    Ok(())
}

/// Bytes of a size like `128m` or `1.5 GiB`; none if it is none. See RAMInBytes of docker/go-units.
pub(super) fn parse_size(text: &str) -> Option<f64> {
    let at = text.rfind(|c: char| c.is_ascii_digit() || c == '.' || c == ' ')?;
    let number = if text[at..].starts_with(' ') { &text[..at] } else { &text[..at + 1] };
    let number = number.parse::<f64>().ok().filter(|number| *number >= 0.0)?;
    let unit = text[at + 1..].to_lowercase();
    let mut chars = unit.chars();
    let Some(first) = chars.next() else { return Some(number) };
    if first == 'b' {
        return chars.next().is_none().then_some(number);
    }
    let power = "kmgtp".find(first)? as i32 + 1;
    matches!(chars.as_str(), "" | "b" | "ib").then(|| number * 1024f64.powi(power))
}

/// Whether containerd/platforms can parse it.
fn check_platform(platform: &str) -> Result<(), String> {
    if platform.eq_ignore_ascii_case("local") {
        return Ok(());
    }
    if platform.contains('*') {
        return Err(format!("\"{platform}\": wildcards not yet supported"));
    }
    let parts: Vec<&str> = platform.splitn(4, '/').collect();
    let word = |text: &str, more: &[u8]| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
    };
    let system = parts[0];
    let name = match system.split_once('(') {
        Some((name, options)) => {
            let valid = options.strip_suffix(')').is_some_and(|options| {
                let mut parts = options.split('+');
                parts.next();
                options.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.%-+".contains(&byte))
                    && parts.all(|feature| !feature.is_empty())
            });
            if valid { name } else { "" }
        }
        None => system,
    };
    if !word(name, b"_-") {
        return Err(format!("\"{system}\" is an invalid OS component of \"{platform}\""));
    }
    if let Some(part) = parts[1..].iter().find(|part| !word(part, b"_.-")) {
        return Err(format!("\"{part}\" is an invalid component of \"{platform}\""));
    }
    match parts.len() {
        4.. => Err(format!("\"{platform}\": cannot parse platform specifier")),
        _ if Platform::parse(platform, ("linux", "amd64")).is_none() => {
            Err(format!("\"{platform}\": unknown operating system or architecture"))
        }
        _ => Ok(()),
    }
}

fn check_secret(secret: &Secret, host: &dyn Host) -> Result<(), String> {
    if secret.id.is_empty() {
        return Err("secret missing ID".to_owned());
    }
    let mut file = secret.source.as_str();
    if secret.variable.is_empty() && file.is_empty() && host.variable(&secret.id).is_none() {
        file = &secret.id;
    }
    if file.is_empty() {
        return Ok(());
    }
    match host.kind(file) {
        PathKind::Missing => Err(format!("failed to stat {file}: stat {file}: no such file or directory")),
        PathKind::File(size) if size > MAX_SECRET => {
            Err(format!("secret {} too big. max size {}kB", secret.id, MAX_SECRET / 1024))
        }
        _ => Ok(()),
    }
}

fn check_ssh(target: &Target, host: &dyn Host) -> Result<(), BakeError> {
    let mut implied = Vec::new();
    let context = target.context.as_ref();
    let entries = match &target.ssh {
        Some(entries) if !entries.is_empty() => entries,
        _ => {
            if let Some(context) = context
                && is_git_ssh(&context.value)
            {
                implied.push(Set::new(Ssh { id: "default".to_owned(), ..Ssh::default() }, context.origin.clone()));
            }
            &implied
        }
    };
    let mut seen = std::collections::HashSet::new();
    for set in entries.iter().filter(|set| !set.origin.dynamic) {
        let id = if set.value.id.is_empty() { "default" } else { &set.value.id };
        if !seen.insert(id) {
            return Err(blame(set.span(), format!("duplicate agent ID \"{id}\"")));
        }
        check_agent(&set.value.paths, host)
            .map_err(|why| blame(set.span(), format!("failed to convert agent config for ID \"{id}\": {why}")))?;
    }
    Ok(())
}

fn check_agent(paths: &[String], host: &dyn Host) -> Result<(), String> {
    let agent;
    let paths = match paths {
        [] => {
            agent = [host.variable("SSH_AUTH_SOCK").unwrap_or_default()];
            &agent
        }
        [only] if only.is_empty() => {
            agent = [host.variable("SSH_AUTH_SOCK").unwrap_or_default()];
            &agent
        }
        paths => paths,
    };
    let (mut sockets, mut keys) = (0, 0);
    for path in paths {
        if path.is_empty() {
            return Err("invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set".to_owned());
        }
        if sockets > 0 {
            return Err("only single socket allowed".to_owned());
        }
        match host.kind(path) {
            PathKind::Missing => return Err(format!("stat {path}: no such file or directory")),
            PathKind::Socket => sockets += 1,
            PathKind::Directory => return Err(format!("failed to read {path}: read {path}: is a directory")),
            PathKind::File(_) => {
                let bytes = host.read(path).map_err(|why| format!("failed to open {path}: {why}"))?;
                let text = String::from_utf8_lossy(&bytes);
                if !(text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----")) {
                    return Err(format!("failed to parse {path}: ssh: no key found"));
                }
                if text.contains("ENCRYPTED") {
                    return Err(format!("failed to parse {path}: ssh: this private key is passphrase protected"));
                }
                keys += 1;
            }
        }
    }
    match sockets > 0 && keys > 0 {
        true => Err("invalid combination of keys and sockets".to_owned()),
        false => Ok(()),
    }
}

fn check_outputs(target: &mut Target, host: &dyn Host) -> Result<(), BakeError> {
    let mut stdout_used = false;
    for set in target.output.iter_mut().flatten().filter(|set| !set.origin.dynamic) {
        let span = set.span();
        check_output(&mut set.value, &mut stdout_used, host).map_err(|message| blame(span, message))?;
    }
    Ok(())
}

/// Checks an exporter's destination. A tar or OCI archive without one goes to standard output, and is printed so.
fn check_output(output: &mut Export, stdout_used: &mut bool, host: &dyn Host) -> Result<(), String> {
    let kind = output.kind.as_str();
    if kind.is_empty() {
        return Err("type is required for output".to_owned());
    }
    let (file, folder) = match kind {
        "local" => (false, true),
        "tar" => (true, false),
        "oci" | "docker" => {
            let tar = output.attributes.get("tar").and_then(|tar| parse_bool(tar).ok()).unwrap_or(true);
            (tar, !tar)
        }
        _ => (false, false),
    };
    let destination = output.destination.as_str();
    if folder {
        return match (destination, host.kind(destination)) {
            ("", _) => Err(format!("dest is required for {kind} exporter")),
            ("-", _) => Err(format!("dest cannot be stdout for {kind} exporter")),
            (_, PathKind::File(_) | PathKind::Socket) => Err(format!("destination directory {destination} is a file")),
            _ => Ok(()),
        };
    }
    if file {
        if destination.is_empty() && kind != "docker" {
            output.destination = "-".to_owned();
        }
        if output.destination == "-" {
            if std::mem::replace(stdout_used, true) {
                return Err("multiple outputs configured to write to stdout".to_owned());
            }
        } else if !output.destination.is_empty() && host.kind(&output.destination) == PathKind::Directory {
            return Err(format!("destination file {} is a directory", output.destination));
        }
    }
    Ok(())
}

fn check_annotation(annotation: &str) -> Result<(), String> {
    if annotation.is_empty() {
        return Ok(());
    }
    let (key, _) =
        annotation.split_once('=').ok_or_else(|| format!("invalid annotation \"{annotation}\", expected key=value"))?;
    let Some((types, _)) = key.split_once(':') else { return Ok(()) };
    for ty in types.split(',') {
        let (name, platform) = match ty.split_once('[') {
            Some((name, rest)) => (name, rest.strip_suffix(']')),
            None => (ty, Some("")),
        };
        let valid_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        let in_platform = |byte: u8| byte.is_ascii_alphanumeric() || b"_/-".contains(&byte);
        let platform = platform.filter(|text| text.bytes().all(in_platform) && (!text.is_empty() || !ty.contains('[')));
        let (true, Some(platform)) = (valid_name, platform) else {
            return Err(format!(
                "invalid annotation type \"{ty}\", expected type and optional platform in square brackets"
            ));
        };
        if !matches!(name, "manifest" | "index" | "manifest-descriptor" | "index-descriptor") {
            return Err(format!("unknown annotation type \"{name}\""));
        }
        if !platform.is_empty() {
            check_platform(platform).map_err(|why| format!("invalid platform \"{platform}\": {why}"))?;
        }
    }
    Ok(())
}

/// See ParseUlimit of docker/go-units.
pub(super) fn check_ulimit(ulimit: &str) -> Result<(), String> {
    const NAMES: &[&str] = &[
        "core",
        "cpu",
        "data",
        "fsize",
        "locks",
        "memlock",
        "msgqueue",
        "nice",
        "nofile",
        "nproc",
        "rss",
        "rtprio",
        "rttime",
        "sigpending",
        "stack",
    ];
    let (name, limits) = ulimit.split_once('=').ok_or_else(|| format!("invalid ulimit argument: {ulimit}"))?;
    if !NAMES.contains(&name) {
        return Err(format!("invalid ulimit type: {name}"));
    }
    let parts: Vec<&str> = limits.split(':').collect();
    let number =
        |text: &str| text.parse::<i64>().map_err(|_| format!("invalid ulimit {name}: \"{text}\" is no number"));
    let (soft, hard) = match parts[..] {
        [soft] => (number(soft)?, number(soft)?),
        [soft, hard] => (number(soft)?, number(hard)?),
        _ => return Err(format!("too many limit value arguments - {limits}, can only have up to two, `soft[:hard]`")),
    };
    match hard != -1 && (soft == -1 || soft > hard) {
        true => Err(format!("ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_docker_reads_them() {
        let cases = [
            ("128m", Some(134217728.0)),
            ("1.5gb", Some(1610612736.0)),
            ("1 KiB", Some(1024.0)),
            ("5", Some(5.0)),
            ("5b", Some(5.0)),
            ("lots", None),
            ("-1", None),
            ("1kbb", None),
            ("1x", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_size(text), expected, "{text}");
        }
    }

    #[test]
    fn platforms_annotations_and_ulimits_are_checked() {
        for platform in ["linux/amd64", "local", "arm64", "linux", "windows(10.0.17763)/amd64", "linux/arm/v7", "x/y"] {
            assert_eq!(check_platform(platform), Ok(()), "{platform}");
        }
        for platform in ["", "linux/", "amd65", "a/b/c/d", "linux/am d", "*/amd64", "windows(a b)"] {
            assert!(check_platform(platform).is_err(), "{platform}");
        }
        for annotation in ["a=b", "index:a=b", "manifest[linux/amd64],index:a=b", ""] {
            assert_eq!(check_annotation(annotation), Ok(()), "{annotation}");
        }
        for annotation in ["a", "layer:a=b", "manifest[]:a=b", ":a=b", "manifest[x y]:a=b"] {
            assert!(check_annotation(annotation).is_err(), "{annotation}");
        }
        assert_eq!(check_ulimit("nofile=1:2"), Ok(()));
        assert!(
            ["files=1", "nofile", "nofile=2:1", "nofile=-1:5", "nofile=x"].iter().all(|u| check_ulimit(u).is_err())
        );
    }
}
