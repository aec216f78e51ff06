//! The statistics port as a monitoring program uses it: connect, read to the end, and look at the figures.

use crate::failure::{Failure, Outcome, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a document may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The document, up to the end of the stream, which must be an orderly one.
pub fn document(address: SocketAddr) -> Outcome<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// Every figure and text of a document, by its path: `curr_connections`, `POOL/client_eof`, `POOL/SERVER/requests`.
pub fn figures(document: &str) -> Outcome<BTreeMap<String, String>> {
    let parsed: Value = serde_json::from_str(document)
        .map_err(|error| Failure::new(format!("the statistics are no JSON: {error}\n{document}")))?;
    let mut figures = BTreeMap::new();
    flatten("", &parsed, &mut figures)?;
    Ok(figures)
}

fn flatten(path: &str, value: &Value, figures: &mut BTreeMap<String, String>) -> Outcome {
    match value {
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            let below = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            flatten(&below, member, figures)
        }),
        Value::String(_) | Value::Number(_) => {
            let is_new = figures.insert(path.to_owned(), value.to_string()).is_none();
            ensure(is_new, format!("'{path}' stands twice in the statistics"))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) => Err(Failure::new(format!("'{path}' is {value}"))),
    }
}
