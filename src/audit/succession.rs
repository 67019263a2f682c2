//! Which key may sign a head of a record, as the changes of key in it say.

use super::checkpoint::{PublicKey, SignedHead};
use super::entry::StoredEntry;
use super::rotation::Rotation;

/// The keys that were told, and the changes of key on the way.
///
/// A change is signed by both of its keys, so that whoever trusts one trusts the other: the old key says
/// who follows it, and the new one, whose heads cover everything before it, says whom it follows.
#[derive(Debug)]
pub(super) struct Succession<'a> {
    told: &'a [PublicKey],
    rotations: Vec<Rotation>,
}

/// A key, and from which length of the record up to which it signs.
#[derive(Debug)]
struct Reign<'a> {
    key: &'a PublicKey,
    from: u64,
    until: u64,
}

impl<'a> Succession<'a> {
    pub(super) const fn of(told: &'a [PublicKey]) -> Self {
        Self {
            told,
            rotations: Vec::new(),
        }
    }

    /// Takes in the change that an entry makes, if it makes one.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence.
    pub(super) fn step(&mut self, entry: &StoredEntry) -> Result<(), String> {
        let Some(read) = Rotation::read(entry) else {
            return Ok(());
        };
        let rotation = read.map_err(|fault| fault.to_string())?;
        if let Some(last) = self.rotations.last()
            && last.new != rotation.old
        {
            let (old, new) = (rotation.old.id(), last.new.id());
            return Err(format!(
                "it replaces key {old}, and key {new} signed until then"
            ));
        }
        let was_used = |one: &Rotation| one.old == rotation.new || one.new == rotation.new;
        if rotation.old == rotation.new || self.rotations.iter().any(was_used) {
            let new = rotation.new.id();
            return Err(format!("it goes back to key {new}, which was replaced"));
        }
        self.rotations.push(rotation);
        Ok(())
    }

    /// How many changes were followed.
    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.rotations.len()).unwrap_or(u64::MAX)
    }

    /// Whether a key that is known signed a head, and might.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence.
    pub(super) fn judge(&self, signed: &SignedHead) -> Result<(), String> {
        let reigns = self.reigns();
        let known = reigns.iter().filter(|reign| reign.key.id() == signed.key);
        let mut known = known.peekable();
        if known.peek().is_none() {
            return Err(format!("no key {} is known", signed.key));
        }
        let Some(reign) = known.find(|reign| reign.key.verify(signed)) else {
            return Err("its signature does not hold".to_owned());
        };
        let (key, count) = (&signed.key, signed.head.count);
        match (reign.from, reign.until) {
            (from, _) if count < from => Err(format!("key {key} signs from entry {from} on")),
            (_, until) if count >= until => Err(format!("key {key} was replaced by entry {until}")),
            _ => Ok(()),
        }
    }

    /// Every key that is trusted: those that were told, and all that a chain of changes links to them.
    fn reigns(&self) -> Vec<Reign<'_>> {
        // Each change follows the one before it, so one link to what was told links them all.
        let is_told = |key: &PublicKey| self.told.contains(key);
        let is_linked = |one: &Rotation| is_told(&one.old) || is_told(&one.new);
        let linked = match self.rotations.iter().any(is_linked) {
            true => self.rotations.as_slice(),
            false => &[],
        };
        let changed = linked.iter().flat_map(|one| [&one.old, &one.new]);
        let mut reigns: Vec<Reign<'_>> = Vec::new();
        for key in self.told.iter().chain(changed) {
            if reigns.iter().any(|reign| reign.key == key) {
                continue;
            }
            let begun = linked.iter().find(|one| one.new == *key);
            let ended = linked.iter().find(|one| one.old == *key);
            reigns.push(Reign {
                key,
                from: begun.map_or(0, |one| one.seq),
                until: ended.map_or(u64::MAX, |one| one.seq),
            });
        }
        reigns
    }
}
