//! What a configuration switches off, and which of its upstreams cannot start.

use super::report::Report;
use crate::config::{AnchorRef, Config, Oidc, Transport};
use crate::guard::{PinPolicy, Reload};
use crate::mcp::upstream::TransportSpec;

pub(super) fn examine(config: &Config, report: &mut Report) {
    for (what, address) in [
        ("agents", config.listen.agents),
        ("operators", config.listen.operators),
    ] {
        if !address.ip().is_loopback() {
            report.off(format!(
                "plain text: {what} are heard on {address}, and their credentials cross the network unprotected \
                 unless TLS stands before it"
            ));
        }
    }
    if config.reload == Reload::Auto {
        report
            .off("reload: auto: whoever can write a manifest changes what agents may do, at once");
    }
    if config.pin == Some(PinPolicy::FirstUse) {
        report.off("pin: first_use: a tool's definition is taken as it is first seen");
    }
    for (name, upstream) in &config.upstreams {
        if let Transport::Url {
            allow_private: true,
            ..
        } = upstream.transport
        {
            report.off(format!(
                "allow_private: {name} may resolve to an address that is not public"
            ));
        }
    }
    for anchor in &config.anchors {
        if let AnchorRef::Webhook {
            allow_private: true,
            url,
            ..
        } = anchor
        {
            report.off(format!(
                "allow_private: the anchor {url} may resolve to an address that is not public"
            ));
        }
    }
    if config.console.oidc.as_ref().is_some_and(Oidc::is_plain) {
        report.off(
            "allow_loopback_http: whoever takes that port of this machine says who operators are",
        );
    }
    if let Err(faults) = config.console.provider() {
        for fault in faults.iter() {
            report.wrong(fault.to_string());
        }
    }
    if let Err(faults) = config.resolve_anchors() {
        for fault in faults.iter() {
            report.wrong(fault.to_string());
        }
    }
    match config.resolve() {
        Ok(specs) => {
            for (name, spec) in specs {
                if let TransportSpec::Stdio(child) = &spec.transport
                    && child.program().is_none()
                {
                    let command = &child.command;
                    report.wrong(format!(
                        "{name} cannot start: there is no program {command}"
                    ));
                }
            }
        }
        Err(faults) => {
            for fault in faults.iter() {
                report.wrong(fault.to_string());
            }
        }
    }
}
