//! Text the guard hands to an agent and reads back: nobody else can read, change or make it.
//!
//! The key is drawn when the process starts and never leaves it, so a sealed text is void after a
//! restart; then the agent repeats its call, and the call finds its approval again by itself.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;

use crate::ambient::Ambient;
use crate::limits::SEALED_TEXT_BYTES;

/// Seals and opens texts under one key of this process.
pub struct Seal {
    key: LessSafeKey,
    names: hmac::Key,
    ambient: Ambient,
}

impl Seal {
    /// A seal with a fresh key; nothing where the platform's cipher refuses its own key.
    #[must_use]
    pub fn new(ambient: &Ambient) -> Option<Self> {
        let key = UnboundKey::new(&AES_256_GCM, &ambient.random::<32>()).ok()?;
        Some(Self {
            key: LessSafeKey::new(key),
            names: hmac::Key::new(hmac::HMAC_SHA256, &ambient.random::<32>()),
            ambient: ambient.clone(),
        })
    }

    /// Seals `plain` for `binding`: only the same binding opens it again.
    #[must_use]
    pub fn seal(&self, binding: &[u8], plain: &[u8]) -> Option<String> {
        self.seal_with(self.ambient.random(), binding, plain)
    }

    /// Seals a name: the same name for the same binding gives the same text.
    #[must_use]
    pub fn name(&self, binding: &[u8], plain: &[u8]) -> Option<String> {
        // The nonce follows from what is sealed, so no nonce is ever shared by two different texts.
        let mut tag = hmac::Context::with_key(&self.names);
        tag.update(&(binding.len() as u64).to_be_bytes());
        tag.update(binding);
        tag.update(plain);
        let tag = tag.sign();
        let nonce = tag.as_ref().first_chunk::<NONCE_LEN>()?;
        self.seal_with(*nonce, binding, plain)
    }

    /// What was sealed for `binding`; nothing for any other text.
    #[must_use]
    pub fn open(&self, binding: &[u8], text: &str) -> Option<Vec<u8>> {
        if text.len() > SEALED_TEXT_BYTES {
            return None;
        }
        let whole = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let (nonce, sealed) = whole.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let plain = self
            .key
            .open_in_place(nonce, Aad::from(binding), &mut sealed)
            .ok()?;
        Some(plain.to_vec())
    }

    fn seal_with(&self, nonce: [u8; NONCE_LEN], binding: &[u8], plain: &[u8]) -> Option<String> {
        let mut sealed = plain.to_vec();
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(binding),
                &mut sealed,
            )
            .ok()?;
        let mut whole = nonce.to_vec();
        whole.append(&mut sealed);
        Some(BASE64URL_NOPAD.encode(&whole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_opens_only_whole_and_for_its_binding() {
        let seal = Seal::new(&Ambient::system()).unwrap();
        let text = seal.seal(b"agent a", b"state").unwrap();
        assert_eq!(seal.open(b"agent a", &text).as_deref(), Some(&b"state"[..]));
        assert_eq!(seal.open(b"agent b", &text), None);
        assert_eq!(seal.open(b"agent a", &format!("{text}-TAMPERED")), None);
        assert_eq!(seal.open(b"agent a", ""), None);
        for at in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).unwrap();
            assert_eq!(seal.open(b"agent a", &other), None, "byte {at}");
        }
    }

    #[test]
    fn a_name_is_the_same_each_time_and_another_for_another_binding() {
        let seal = Seal::new(&Ambient::system()).unwrap();
        let name = seal.name(b"a", b"task-1").unwrap();
        assert_eq!(seal.name(b"a", b"task-1").unwrap(), name);
        assert_ne!(seal.name(b"b", b"task-1").unwrap(), name);
        assert_eq!(seal.open(b"a", &name).as_deref(), Some(&b"task-1"[..]));
        assert_eq!(seal.open(b"b", &name), None);
    }

    #[test]
    fn another_process_cannot_open_it() {
        let text = Seal::new(&Ambient::system())
            .unwrap()
            .seal(b"", b"x")
            .unwrap();
        assert_eq!(
            Seal::new(&Ambient::system()).unwrap().open(b"", &text),
            None
        );
    }
}
