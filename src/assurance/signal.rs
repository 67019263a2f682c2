//! What may be noticed of a session's surroundings, and how much each thing weighs.

use std::time::Duration;

macro_rules! signals {
    ($($variant:ident $name:literal $points:literal $seconds:literal $doc:literal;)*) => {
        /// Something noticed that makes a session less sure.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Signal {
            $(#[doc = $doc] $variant,)*
        }

        impl Signal {
            /// Every signal.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The word in records and sentences.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }

        impl Weights {
            /// What each signal weighs by judgement, not by measurement.
            pub const JUDGED: Self = Self([$(Weight {
                points: $points,
                life: Duration::from_secs($seconds),
            },)*]);
        }

        const SIGNALS_COUNT: usize = [$($name,)*].len();
    };
}

signals! {
    IpSameAsn "ip_same_asn" 5 1_800 "Another address in the same network.";
    NewAsn "new_asn" 20 3_600 "A network that is neither declared nor known of this agent.";
    NewCountry "new_country" 30 14_400 "A country that is neither declared nor known of this agent.";
    Fingerprint "fingerprint" 25 7_200 "Another client inside the session.";
    Anonymizer "anonymizer" 30 14_400 "An anonymising or hosting egress that is not declared.";
    RateSpike "rate_spike" 20 900 "Far more attempts in a minute than usual or declared.";
    ArgNovelty "arg_novelty" 20 3_600 "An argument unlike those that were used before.";
    DenialBurst "denial_burst" 30 3_600 "Many denials in a few minutes.";
    ConcurrentNet "concurrent_net" 40 14_400 "Two networks that take turns within a minute.";
    OffHours "off_hours" 10 3_600 "A call outside of the declared hours.";
    DormantWake "dormant_wake" 20 3_600 "An agent that nobody used for a month.";
    TravelSuppressed "travel_suppressed" 5 3_600 "Impossible travel that a known egress explains.";
    UntrustedData "untrusted_data" 10 86_400 "Words of an untrusted source entered the session.";
    ChallengeSpam "challenge_spam" 30 3_600 "More challenges within an hour than people should be asked.";
}

/// How much one signal strains a session, and until when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Weight {
    /// At the moment it is raised.
    pub points: u32,
    /// When nothing of it is left.
    pub life: Duration,
}

/// The weight of every signal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Weights([Weight; SIGNALS_COUNT]);

impl Signal {
    /// The signal from its word.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|signal| signal.name() == name)
    }
}

impl Weights {
    /// That of one signal.
    #[must_use]
    pub fn of(&self, signal: Signal) -> Weight {
        // There is one for each; were there not, it would weigh all it can for ever.
        let weight = self.0.get(signal as usize).copied();
        weight.unwrap_or(Weight {
            points: u32::MAX,
            life: Duration::MAX,
        })
    }

    /// The same, with another weight for one signal.
    #[must_use]
    pub fn with(mut self, signal: Signal, weight: Weight) -> Self {
        if let Some(place) = self.0.get_mut(signal as usize) {
            *place = weight;
        }
        self
    }
}
