//! The one call that is made everywhere here.

/// The arguments of every call here; with its envelope a call has about 300 bytes.
pub(crate) const ARGUMENTS: &str = r#"{"amount":48.50,"currency":"EUR","recipient":"Brightside Print GmbH","memo":"posters for the spring fair, second batch, invoice 2026-1184","reference":{"order":"po-77813","lines":[1,2,3],"urgent":false},"cost_center":"marketing-emea","contact":"accounts@brightside.example","requested_by":"j.doe"}"#;
