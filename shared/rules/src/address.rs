//! Which IP addresses a delivery may connect to. Pure. The sender checks every address that DNS returns, and an address
//! in the URL itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// IPv4 networks that are not public (<https://www.iana.org/assignments/iana-ipv4-special-registry>), and multicast.
const FORBIDDEN_V4: &[Ipv4Net] = &[
    v4([0, 0, 0, 0], 8),
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    v4([169, 254, 0, 0], 16),
    v4([172, 16, 0, 0], 12),
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    v4([192, 88, 99, 0], 24),
    v4([192, 168, 0, 0], 16),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    v4([224, 0, 0, 0], 4),
    v4([240, 0, 0, 0], 4),
];

/// The public part of IPv6. All other IPv6 addresses are refused.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// Parts of [`GLOBAL_V6`] that are not public (<https://www.iana.org/assignments/iana-ipv6-special-registry>): protocol
/// assignments with Teredo, documentation, 6to4, segment routing.
const FORBIDDEN_V6: &[Ipv6Net] = &[
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    v6([0x2001, 0x0db8, 0, 0, 0, 0, 0, 0], 32),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
];

const fn v4(octets: [u8; 4], prefix: u8) -> Ipv4Net {
    let [a, b, c, d] = octets;
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(segments: [u16; 8], prefix: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = segments;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}

/// Networks that deliveries may reach although they are not public.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedNetworks(Vec<IpNet>);

/// The text is not a list of networks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a network: use CIDR, as in 127.0.0.0/8,::1/128")]
pub struct InvalidNetwork(String);

impl FromStr for AllowedNetworks {
    type Err = InvalidNetwork;

    /// Reads networks in CIDR notation, separated by commas. The empty text is no network.
    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        text.split(',')
            .map(str::trim)
            .filter(|network| !network.is_empty())
            .map(|network| network.parse().or(Err(InvalidNetwork(network.to_owned()))))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl AllowedNetworks {
    /// Whether a delivery may connect to `address`: the address is public, or in one of these networks.
    #[must_use]
    pub fn permit(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address) || self.0.iter().any(|network| network.contains(&address))
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !FORBIDDEN_V4.iter().any(|network| network.contains(&address)),
        IpAddr::V6(address) => {
            GLOBAL_V6.contains(&address) && !FORBIDDEN_V6.iter().any(|network| network.contains(&address))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permitted(networks: &str, address: &str) -> bool {
        networks.parse::<AllowedNetworks>().unwrap().permit(address.parse().unwrap())
    }

    #[test]
    fn the_public_internet_is_permitted() {
        for address in
            ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "::ffff:1.1.1.1", "172.15.0.1", "172.32.0.1"]
        {
            assert!(permitted("", address), "{address}");
        }
    }

    #[test]
    fn everything_else_is_not() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "239.1.1.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(!permitted("", address), "{address}");
        }
    }

    #[test]
    fn allowed_networks_are_opened_and_no_others() {
        assert!(permitted("127.0.0.0/8,::1/128", "127.0.0.1"));
        assert!(permitted("127.0.0.0/8,::1/128", "::ffff:127.0.0.1"));
        assert!(permitted("127.0.0.0/8, ::1/128", "::1"));
        assert!(!permitted("127.0.0.0/8", "10.0.0.1"));
        assert_eq!("localhost".parse::<AllowedNetworks>(), Err(InvalidNetwork("localhost".to_owned())));
    }
}
