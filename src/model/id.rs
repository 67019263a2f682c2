//! Identifiers the guard makes: 128 random bits behind a prefix that says what they name.

use std::fmt;

use data_encoding::BASE32_DNSSEC;

use super::digest::Digest;
use crate::ambient::Ambient;

macro_rules! id {
    ($(#[$doc:meta])* $type:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type([u8; 16]);

        impl $type {
            /// A new identifier, from the ambient randomness.
            #[must_use]
            pub fn random(ambient: &Ambient) -> Self {
                Self(ambient.random())
            }

            /// The identifier that belongs to a digest: the same whenever it is asked for.
            #[must_use]
            pub fn of(digest: &Digest) -> Self {
                let mut bits = [0; 16];
                for (bit, byte) in bits.iter_mut().zip(digest.as_bytes()) {
                    *bit = *byte;
                }
                Self(bits)
            }

            /// From text such as this type prints; nothing else.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let body = text.strip_prefix($prefix)?;
                if body.bytes().any(|b| b.is_ascii_uppercase()) {
                    return None;
                }
                let bytes = BASE32_DNSSEC.decode(body.as_bytes()).ok()?;
                Some(Self(bytes.try_into().ok()?))
            }

            /// The 128 bits.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                f.write_str(&BASE32_DNSSEC.encode(&self.0))
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

id! {
    /// Names one call, from the moment it is read from the wire.
    CallId, "call_"
}
id! {
    /// Names one pending or ended approval.
    ApprovalId, "ap_"
}
id! {
    /// Names one grant.
    GrantId, "gr_"
}
id! {
    /// Names one permit that somebody else redeems.
    PermitId, "pm_"
}
id! {
    /// Names one session of the guard's own.
    SessionId, "se_"
}
id! {
    /// Names one credential of an agent or an operator; never the secret itself.
    CredentialId, "cr_"
}
id! {
    /// Names one run of the guard's process, in checkpoints.
    BootId, "boot_"
}
id! {
    /// Names one review of a use of break-glass.
    ReviewId, "rv_"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_parses_only_with_its_own_prefix() {
        let ambient = Ambient::system();
        let id = CallId::random(&ambient);
        assert_eq!(CallId::parse(&id.to_string()), Some(id));
        assert_eq!(ApprovalId::parse(&id.to_string()), None);
        assert_eq!(CallId::parse("call_zz"), None);
    }
}
