//! A record's shares in few bytes: for each share the person's place in the component's list, the millionths, and the
//! stretch of duty it rests on, all as variable-length integers (seven bits a byte, least first). A month's record with
//! one holder takes six bytes.

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

    proptest! {
        #[test]
        fn what_is_packed_comes_back(
            shares in prop::collection::vec((any::<u32>(), any::<u32>(), prop::option::of(0..u32::MAX - 1)), 0..20)
        ) {
            let shares: Vec<Share> = shares.into_iter().map(|(person, ppm, duty)| Share { person, ppm, duty }).collect();
            prop_assert_eq!(decode(&encode(&shares)), Some(shares));
        }
    }
}
