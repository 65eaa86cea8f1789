use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of place an address is, as far as that decides whether it may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Anybody may call it.
    Public,
    /// Belongs to a network, a machine or a purpose; called only where the operator allows it.
    Private,
    /// Link-local, or a cloud's metadata service: never called.
    Forbidden,
}

impl Class {
    /// The class of `address`.
    pub fn of(address: IpAddr) -> Self {
        match unwrapped(address) {
            IpAddr::V4(v4) => of_v4(v4),
            IpAddr::V6(v6) => of_v6(v6),
        }
    }

    /// The class of a whole network: forbidden only if its first and its last address are.
    pub(crate) fn of_network(network: IpAddr, length: u8) -> Self {
        let first = Self::of(network);
        let last = Self::of(last_of(network, length));
        if first == last { first } else { Self::Private }
    }
}

/// The IPv4 address where `address` is only a form of one (mapped, NAT64, 6to4): routers treat it as
/// that, so its class and the rules for it count.
pub(crate) fn unwrapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    let inner = match v6.segments() {
        // RFC 4291, 2.5.5.2; RFC 6052, 2.1; RFC 3056, 2.
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => (high, low),
        _ => return address,
    };
    let bits = (u32::from(inner.0) << 16) | u32::from(inner.1);
    IpAddr::V4(Ipv4Addr::from_bits(bits))
}

/// IANA IPv4 Special-Purpose Address Registry, multicast, and class E.
const PRIVATE_V4: &[([u8; 4], u8)] = &[
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 31, 196, 0], 24),
    ([192, 52, 193, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([192, 175, 48, 0], 24),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// Link-local (AWS, Google, Azure and others have their metadata there), and the metadata services
/// that Alibaba, Azure and Oracle have elsewhere.
const FORBIDDEN_V4: &[([u8; 4], u8)] = &[
    ([169, 254, 0, 0], 16),
    ([100, 100, 100, 200], 32),
    ([168, 63, 129, 16], 32),
    ([192, 0, 0, 192], 32),
];

/// IANA IPv6 Special-Purpose Address Registry, as far as it lies in `2000::/3`. Teredo is in the first.
const PRIVATE_V6: &[([u16; 3], u8)] = &[
    ([0x2001, 0, 0], 23),
    ([0x2001, 0xdb8, 0], 32),
    ([0x2620, 0x4f, 0x8000], 48),
    ([0x3fff, 0, 0], 20),
];

/// Link-local, site-local, and the networks of AWS's own services on a host.
const FORBIDDEN_V6: &[([u16; 3], u8)] = &[
    ([0xfe80, 0, 0], 10),
    ([0xfec0, 0, 0], 10),
    ([0xfd00, 0xec2, 0], 32),
];

fn of_v4(address: Ipv4Addr) -> Class {
    let within = |networks: &[([u8; 4], u8)]| {
        networks.iter().any(|(network, length)| {
            contains(
                IpAddr::V4(Ipv4Addr::from(*network)),
                *length,
                IpAddr::V4(address),
            )
        })
    };
    if within(FORBIDDEN_V4) {
        Class::Forbidden
    } else if within(PRIVATE_V4) {
        Class::Private
    } else {
        Class::Public
    }
}

fn of_v6(address: Ipv6Addr) -> Class {
    let within = |networks: &[([u16; 3], u8)]| {
        networks.iter().any(|([a, b, c], length)| {
            let network = Ipv6Addr::new(*a, *b, *c, 0, 0, 0, 0, 0);
            contains(IpAddr::V6(network), *length, IpAddr::V6(address))
        })
    };
    let is_global_unicast = address.segments()[0] & 0xe000 == 0x2000;
    if within(FORBIDDEN_V6) {
        Class::Forbidden
    } else if !is_global_unicast || within(PRIVATE_V6) {
        Class::Private
    } else {
        Class::Public
    }
}

fn last_of(network: IpAddr, length: u8) -> IpAddr {
    match network {
        IpAddr::V4(v4) => {
            let rest = u32::MAX.checked_shr(length.into()).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() | rest))
        }
        IpAddr::V6(v6) => {
            let rest = u128::MAX.checked_shr(length.into()).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() | rest))
        }
    }
}

/// Whether `network`/`length` holds `address`. Families never mix.
pub(crate) fn contains(network: IpAddr, length: u8, address: IpAddr) -> bool {
    let differing = match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            u128::from(network.to_bits() ^ address.to_bits()) << 96
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => network.to_bits() ^ address.to_bits(),
        _ => return false,
    };
    differing.leading_zeros() >= u32::from(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn class(address: &str) -> Class {
        Class::of(address.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_public() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "93.184.215.14",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450:4001:830::200e",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2002:101:101::",
        ] {
            assert_eq!(class(address), Class::Public, "{address}");
        }
    }

    #[test]
    fn addresses_of_a_network_a_machine_or_a_purpose_are_private() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "fc00::1",
            "fd12:3456::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2001:2::1",
            "3fff::1",
            "100::1",
            "64:ff9b:1::1",
            "5f00::1",
            "::ffff:127.0.0.1",
            "::ffff:10.1.2.3",
            "64:ff9b::10.1.2.3",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2002:c0a8:101::1",
        ] {
            assert_eq!(class(address), Class::Private, "{address}");
        }
    }

    #[test]
    fn link_local_and_metadata_are_forbidden_in_every_form() {
        for address in [
            "169.254.169.254",
            "169.254.170.2",
            "169.254.0.1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "::ffff:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "2002:a9fe:a9fe::",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
        ] {
            assert_eq!(class(address), Class::Forbidden, "{address}");
        }
    }

    proptest! {
        #[test]
        fn wrapping_an_ipv4_address_does_not_change_its_class(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            let [high, low] = [(bits >> 16) as u16, bits as u16];
            for wrapped in [
                v4.to_ipv6_mapped(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 1, 2, 3, 4, 5),
            ] {
                prop_assert_eq!(Class::of(wrapped.into()), Class::of(v4.into()));
            }
        }

        #[test]
        fn a_network_holds_what_shares_its_first_bits(bits: u32, length in 0_u8..=32) {
            let address = IpAddr::V4(Ipv4Addr::from_bits(bits));
            prop_assert!(contains(address, length, address));
            if length > 0 {
                let flipped = Ipv4Addr::from_bits(bits ^ (1 << (32 - length)));
                prop_assert!(!contains(flipped.into(), length, address));
            }
        }
    }
}
