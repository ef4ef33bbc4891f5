//! The short forms of ports and volumes, which a compose file must get right even though no build reads them.

use std::net::IpAddr;

use super::Problem;
use super::data::{Data, Item, Map};

/// Checks the ports and volumes of a service.
///
/// # Errors
/// At the first one that is malformed.
pub(super) fn check(name: &str, service: &Map) -> Result<(), Problem> {
    if let Some(field) = service.get("ports") {
        let kind =
            |item: &Item| item.problem(format!("services.{name}.ports: invalid type {} for port", go_type(&item.data)));
        let Data::List(ports) = &field.item.data else { return Err(kind(&field.item)) };
        for port in ports {
            match &port.data {
                Data::Map(_) => {}
                Data::Text(text) => check_port(text).map_err(|why| port.problem(why))?,
                Data::Int(number) => check_port(&number.to_string()).map_err(|why| port.problem(why))?,
                _ => return Err(kind(port)),
            }
        }
    }
    if let Some(Data::List(volumes)) = service.get("volumes").map(|field| &field.item.data) {
        for (at, volume) in volumes.iter().enumerate() {
            match &volume.data {
                Data::Map(_) => {}
                Data::Text(text) => check_volume(text).map_err(|why| volume.problem(why))?,
                other => {
                    let message = format!(
                        "services.{name}.volumes.[{at}]: invalid type {} for service volume mount",
                        go_type(other)
                    );
                    return Err(volume.problem(message));
                }
            }
        }
    }
    Ok(())
}

fn go_type(data: &Data) -> &'static str {
    match data {
        Data::Null => "<nil>",
        Data::Bool(_) => "bool",
        Data::Int(_) => "int",
        Data::Float(_) => "float64",
        Data::Time(_) => "time.Time",
        Data::Text(_) => "string",
        Data::List(_) => "[]interface {}",
        Data::Map(_) => "map[string]interface {}",
    }
}

/// `[[IP:]HOST:]CONTAINER[/PROTOCOL]`.
fn check_port(spec: &str) -> Result<(), String> {
    let mut parts = spec.rsplitn(3, ':');
    let container = parts.next().unwrap_or_default();
    let host = parts.next().unwrap_or_default();
    let ip = parts.next().unwrap_or_default();
    let (container, protocol) = container.split_once('/').unwrap_or((container, ""));
    if container.is_empty() {
        return Err(format!("no port specified: {spec}<empty>"));
    }
    if !matches!(&*protocol.to_lowercase(), "" | "tcp" | "udp" | "sctp") {
        return Err(format!("invalid proto: {}", protocol.to_lowercase()));
    }
    let valid = match ip.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|ip| ip.is_empty() || ip.parse::<IpAddr>().is_ok()),
        None => ip.is_empty() || ip.parse::<IpAddr>().is_ok(),
    };
    if !valid {
        return Err(format!("invalid IP address: {ip}"));
    }
    let ports = range(container).ok_or_else(|| format!("invalid containerPort: {container}"))?;
    if !host.is_empty() {
        let own = range(host).ok_or_else(|| format!("invalid hostPort: {host}"))?;
        if ports.1 - ports.0 != own.1 - own.0 && ports.0 != ports.1 {
            return Err(format!("invalid ranges specified for container and host Ports: {container} and {host}"));
        }
    }
    Ok(())
}

/// `PORT` or `PORT-PORT`.
fn range(text: &str) -> Option<(u16, u16)> {
    let (start, end) = text.split_once('-').unwrap_or((text, text));
    let (start, end): (u16, u16) = (start.parse().ok()?, end.parse().ok()?);
    (start <= end).then_some((start, end))
}

/// `[SOURCE:]TARGET[:OPTIONS]`.
fn check_volume(spec: &str) -> Result<(), String> {
    if spec.is_empty() {
        return Err("invalid empty volume spec".to_owned());
    }
    if spec.len() <= 2 {
        return Ok(());
    }
    let blame = |why: &str| Err(format!("invalid spec: {spec}: {why}"));
    let mut sections = 0;
    let mut section = String::new();
    let mut nested = 0_usize;
    let bytes = spec.as_bytes();
    for (at, char) in spec.char_indices().map(|(at, char)| (at, Some(char))).chain([(spec.len(), None)]) {
        match char {
            Some('$') if bytes.get(at + 1) == Some(&b'{') => nested += 1,
            Some('}') if nested > 0 => nested -= 1,
            Some(':') if section.chars().count() == 1 && section.chars().all(char::is_alphabetic) => {}
            Some(':') | None if nested == 0 => {
                if section.is_empty() {
                    return blame("empty section between colons");
                }
                if sections >= 2 && char.is_some() {
                    return blame("too many colons");
                }
                sections += 1;
                section.clear();
                continue;
            }
            _ => {}
        }
        section.extend(char);
    }
    Ok(())
}
