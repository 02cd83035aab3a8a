//! A record's shares in few bytes: for each share the person's place in the component's list, the millionths, and the
//! stretch of duty it rests on, all as variable-length integers (seven bits a byte, least first). A month's record with
//! one holder takes six bytes.

use crate::attribution::{Named, Pause, ReplyKind, Sign, SignKind, Why};

/// A person's part of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Place in the component's list of people.
    pub person: u32,
    /// Millionths of the record.
    pub ppm: u32,
    /// Place in the account's list of duty, where the share rests on one.
    pub duty: Option<u32>,
}

/// Encodes shares, in their order.
pub fn encode(shares: &[Share]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(shares.len() * 6);
    for share in shares {
        write(&mut bytes, share.person);
        write(&mut bytes, share.ppm);
        write(&mut bytes, share.duty.map_or(0, |duty| duty + 1));
    }
    bytes
}

/// Decodes shares; nothing when these are no encoded shares.
pub fn decode(mut bytes: &[u8]) -> Option<Vec<Share>> {
    let mut shares = Vec::new();
    while !bytes.is_empty() {
        let (person, ppm) = (read(&mut bytes)?, read(&mut bytes)?);
        shares.push(Share { person, ppm, duty: read(&mut bytes)?.checked_sub(1) });
    }
    Some(shares)
}

/// Encodes why a record was credited as it was, people by their places in the component's list: what spoke for the second, both people, what
/// spoke for the first, and its numbers, as variable-length integers. A dozen bytes.
pub fn encode_why(why: &Why) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(12);
    let place = |kind| SignKind::ALL.iter().position(|one| *one == kind).unwrap_or_default() as u32;
    write(&mut bytes, why.against.map_or(0, |kind| place(kind) + 1));
    let [first, second] = why.people.map_or([0, 0], |people| people.map(|person| person + 1));
    [first, second].into_iter().for_each(|person| write(&mut bytes, person));
    let pause = |pause: Pause| [pause.seconds, u32::from(pause.wrote)];
    let named = |named: Named| [u32::from(named.own), u32::from(named.of)];
    let (sign, numbers): (u32, Vec<u32>) = match why.sign {
        Sign::Hands { first, second } => (1, [pause(first), pause(second)].concat()),
        Sign::Thread { seconds } => (2, vec![seconds]),
        Sign::Profile { kind: ReplyKind::First, wait } => (3, wait.into_iter().collect()),
        Sign::Profile { kind: ReplyKind::Message, wait } => (4, wait.into_iter().collect()),
        Sign::Profile { kind: ReplyKind::Nothing, wait } => (5, wait.into_iter().collect()),
        Sign::Device { owned } => (6, vec![u32::from(owned)]),
        Sign::Duty { first, second, replies } => (7, [first, second, replies].map(u32::from).to_vec()),
        Sign::Names { first, second, near: true } => (8, [named(first), named(second)].concat()),
        Sign::Names { first, second, near: false } => (9, [named(first), named(second)].concat()),
        Sign::Together => (10, Vec::new()),
        Sign::TooFewReplies => (11, Vec::new()),
        Sign::ClockWithoutSeconds => (12, Vec::new()),
        Sign::NoReplyTimes => (13, Vec::new()),
        Sign::TooDense => (14, Vec::new()),
    };
    write(&mut bytes, sign);
    numbers.into_iter().for_each(|number| write(&mut bytes, number));
    bytes
}

/// Decodes it; nothing when these are no such bytes.
pub fn decode_why(mut bytes: &[u8]) -> Option<Why> {
    let mut numbers = Vec::with_capacity(8);
    while !bytes.is_empty() {
        numbers.push(read(&mut bytes)?);
    }
    let [against, first, second, sign, numbers @ ..] = numbers.as_slice() else { return None };
    let against = match against.checked_sub(1) {
        None => None,
        Some(place) => Some(*SignKind::ALL.get(place as usize)?),
    };
    let people = match (first.checked_sub(1), second.checked_sub(1)) {
        (Some(first), Some(second)) => Some([first, second]),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return None,
    };
    Some(Why { people, sign: sign_of(*sign, numbers)?, against })
}

fn sign_of(sign: u32, numbers: &[u32]) -> Option<Sign> {
    let few = |number: u32| u16::try_from(number).ok();
    let pause = |seconds, wrote| Pause { seconds, wrote: wrote > 0 };
    let named = |own, of| Some(Named { own: few(own)?, of: few(of)? });
    let kind = |sign| match sign {
        3 => ReplyKind::First,
        4 => ReplyKind::Message,
        _ => ReplyKind::Nothing,
    };
    Some(match (sign, numbers) {
        (1, &[one, wrote, other, other_wrote]) => {
            Sign::Hands { first: pause(one, wrote), second: pause(other, other_wrote) }
        }
        (2, &[seconds]) => Sign::Thread { seconds },
        (3..=5, &[]) => Sign::Profile { kind: kind(sign), wait: None },
        (3..=5, &[wait]) => Sign::Profile { kind: kind(sign), wait: Some(wait) },
        (6, &[owned]) => Sign::Device { owned: owned > 0 },
        (7, &[first, second, replies]) => {
            Sign::Duty { first: few(first)?, second: few(second)?, replies: few(replies)? }
        }
        (8 | 9, &[own, of, other, others]) => {
            Sign::Names { first: named(own, of)?, second: named(other, others)?, near: sign == 8 }
        }
        (10, &[]) => Sign::Together,
        (11, &[]) => Sign::TooFewReplies,
        (12, &[]) => Sign::ClockWithoutSeconds,
        (13, &[]) => Sign::NoReplyTimes,
        (14, &[]) => Sign::TooDense,
        _ => return None,
    })
}

fn write(bytes: &mut Vec<u8>, mut n: u32) {
    while n >= 0x80 {
        bytes.push((n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    bytes.push(n as u8);
}

fn read(bytes: &mut &[u8]) -> Option<u32> {
    let mut n = 0_u32;
    for shift in (0..35).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        n |= u32::from(first & 0x7f).checked_shl(shift)?;
        if first & 0x80 == 0 {
            return Some(n);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sole_holder_takes_six_bytes_and_nobody_takes_none() {
        assert_eq!(encode(&[Share { person: 7, ppm: 1_000_000, duty: Some(300) }]).len(), 6);
        assert_eq!(encode(&[]), Vec::<u8>::new());
        assert_eq!(decode(&[]), Some(vec![]));
    }

    #[test]
    fn bytes_that_end_in_the_middle_are_no_shares() {
        let bytes = encode(&[Share { person: 300, ppm: 1_000_000, duty: None }]);
        assert!((1..bytes.len()).all(|n| decode(&bytes[..n]).is_none()));
        assert_eq!(decode(&[0xff; 12]), None);
    }

    /// Every sign with numbers drawn from one.
    fn whys(n: u32) -> Vec<Why> {
        let (few, more) = ((n % 40_000) as u16, n.wrapping_mul(31));
        let [one, other] = [Pause { seconds: n, wrote: true }, Pause { seconds: more, wrote: false }];
        let [own, rest] = [Named { own: few, of: few + 1 }, Named { own: 0, of: 9 }];
        let profiles = [ReplyKind::First, ReplyKind::Message, ReplyKind::Nothing].into_iter();
        let profiles = profiles.flat_map(|kind| [None, Some(n)].map(|wait| Sign::Profile { kind, wait }));
        let signs = [
            Sign::Hands { first: one, second: other },
            Sign::Thread { seconds: n },
            Sign::Device { owned: true },
            Sign::Device { owned: false },
            Sign::Duty { first: few, second: 1, replies: few + 1 },
            Sign::Names { first: own, second: rest, near: true },
            Sign::Names { first: rest, second: own, near: false },
            Sign::Together,
            Sign::TooFewReplies,
            Sign::ClockWithoutSeconds,
            Sign::NoReplyTimes,
            Sign::TooDense,
        ];
        let against = SignKind::ALL.get(n as usize % 5).copied();
        let why = |sign| [None, Some([n / 2, more / 2])].map(|people| Why { people, sign, against });
        signs.into_iter().chain(profiles).flat_map(why).collect()
    }

    #[test]
    fn pauses_of_two_people_take_few_bytes() {
        let [first, second] = [40, 540].map(|seconds| Pause { seconds, wrote: true });
        let why = Why { people: Some([3, 7]), sign: Sign::Hands { first, second }, against: None };
        assert_eq!(encode_why(&why).len(), 9);
        assert_eq!((decode_why(&[]), decode_why(&[0, 1, 0, 10]), decode_why(&[5, 1, 2, 10])), (None, None, None));
    }

    proptest! {
        #[test]
        fn what_told_people_apart_comes_back(n in 0..u32::MAX - 1) {
            for why in whys(n) {
                prop_assert_eq!(decode_why(&encode_why(&why)), Some(why));
            }
        }

        #[test]
        fn what_is_packed_comes_back(
            shares in prop::collection::vec((any::<u32>(), any::<u32>(), prop::option::of(0..u32::MAX - 1)), 0..20)
        ) {
            let shares: Vec<Share> = shares.into_iter().map(|(person, ppm, duty)| Share { person, ppm, duty }).collect();
            prop_assert_eq!(decode(&encode(&shares)), Some(shares));
        }
    }
}
