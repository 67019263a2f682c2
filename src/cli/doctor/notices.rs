//! Whether people can be told what waits, and what of it is unguarded.

use std::path::Path;

use super::report::Report;
use crate::cli::audit;
use crate::cli::failure::Failure;
use crate::config::{Config, NotifyWay};
use crate::guard::notices::{disabled_since, setting};
use crate::notify::MailTls;
use crate::store::sqlite::FILE;

pub(super) fn examine(config: &Config, data: &Path, report: &mut Report) -> Result<(), Failure> {
    if let Err(faults) = config.channels() {
        for fault in faults.iter() {
            report.wrong(fault.to_string());
        }
    }
    for channel in &config.notify {
        let name = &channel.name;
        let (allow_private, is_plain) = match &channel.way {
            NotifyWay::Webhook { allow_private, .. } => (*allow_private, false),
            NotifyWay::Mail {
                allow_private, tls, ..
            } => (*allow_private, *tls == MailTls::None),
        };
        if allow_private {
            report.off(format!(
                "allow_private: channel {name} may lead to an address that is not public"
            ));
        }
        if is_plain {
            report.off(format!(
                "tls: none: mail of channel {name} is handed over in plain text on this machine"
            ));
        }
    }
    if config.notify.is_empty() || !data.join(FILE).is_file() {
        return Ok(());
    }
    let reader = audit::open(data)?;
    for channel in &config.notify {
        let kept = reader.setting(&setting(&channel.name));
        let kept = kept.map_err(|error| Failure::because(&error))?;
        if let Some(at) = kept.as_deref().and_then(disabled_since) {
            let name = &channel.name;
            report.wrong(format!(
                "channel {name} is switched off since {at}, when its receiver said that it is gone; \
                 run `countersign notify enable {name}` once it is there again"
            ));
        }
    }
    Ok(())
}
