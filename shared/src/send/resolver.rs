//! Name look-up that answers with permitted addresses alone. The client connects to what it answers and looks up
//! nothing again, so that a name cannot change between the check and the connection.

use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address::AllowedNetworks;

/// All of a name's addresses were refused; this is one of them.
#[derive(Debug, thiserror::Error)]
#[error("the address {0} is not allowed")]
pub(super) struct AddressRefused(pub(super) IpAddr);

/// The name has no address, or nobody could be asked.
#[derive(Debug, thiserror::Error)]
#[error("the look-up failed")]
pub(super) struct LookupFailed(#[source] std::io::Error);

#[derive(Debug, Clone)]
pub(super) struct GuardedResolver {
    allowed: AllowedNetworks,
}

impl GuardedResolver {
    pub(super) const fn new(allowed: AllowedNetworks) -> Self {
        Self { allowed }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.allowed.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await.map_err(LookupFailed)?.collect();
            let refused = found.iter().map(SocketAddr::ip).find(|address| !allowed.permit(*address));
            let permitted: Vec<SocketAddr> = found.into_iter().filter(|found| allowed.permit(found.ip())).collect();
            match refused {
                Some(address) if permitted.is_empty() => Err(AddressRefused(address).into()),
                _ => Ok(Box::new(permitted.into_iter()) as Addrs),
            }
        })
    }
}
