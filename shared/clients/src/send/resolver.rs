//! DNS look-up that returns only permitted addresses. The client connects to these addresses without another look-up.
//! So a name's address cannot change between the check and the connection.

use std::io;
use std::net::{IpAddr, SocketAddr};

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rules::address::AllowedNetworks;

/// All of a name's addresses were refused; this is one of them.
#[derive(Debug, thiserror::Error)]
#[error("the address {0} is not allowed")]
pub(super) struct AddressRefused(pub(super) IpAddr);

/// The name has no address, or the look-up failed.
#[derive(Debug, thiserror::Error)]
#[error("the look-up failed")]
pub(super) struct LookupFailed(#[source] io::Error);

/// Looks up a name's addresses.
type LookUp = fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;

#[derive(Debug, Clone)]
pub(super) struct GuardedResolver {
    allowed: AllowedNetworks,
    look_up: LookUp,
}

impl GuardedResolver {
    /// A resolver that uses the operating system's look-up.
    pub(super) fn new(allowed: AllowedNetworks) -> Self {
        let look_up: LookUp =
            |name| Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect::<Vec<_>>()) });
        Self { allowed, look_up }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (allowed, found) = (self.allowed.clone(), (self.look_up)(name.as_str().to_owned()));
        Box::pin(async move {
            let found = found.await.map_err(LookupFailed)?;
            let refused = found.iter().map(SocketAddr::ip).find(|address| !allowed.permit(*address));
            let permitted: Vec<SocketAddr> = found.into_iter().filter(|found| allowed.permit(found.ip())).collect();
            match refused {
                Some(address) if permitted.is_empty() => Err(AddressRefused(address).into()),
                _ => Ok(Box::new(permitted.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    static ASKED: AtomicUsize = AtomicUsize::new(0);

    fn guarded(look_up: LookUp) -> GuardedResolver {
        GuardedResolver { allowed: "127.0.0.0/8".parse().unwrap(), look_up }
    }

    async fn answer(resolver: &GuardedResolver) -> Result<Vec<String>, String> {
        let found = resolver.resolve("name.example".parse().unwrap()).await.map_err(|error| error.to_string())?;
        Ok(found.map(|address| address.ip().to_string()).collect())
    }

    fn addresses(list: &[&str]) -> io::Result<Vec<SocketAddr>> {
        Ok(list.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect())
    }

    #[tokio::test]
    async fn only_permitted_addresses_are_connected_to() {
        let mixed = guarded(|_| {
            Box::pin(async { addresses(&["10.0.0.1", "1.1.1.1", "::ffff:169.254.169.254", "fe80::1", "2606:4700::1"]) })
        });
        assert_eq!(answer(&mixed).await.unwrap(), ["1.1.1.1", "2606:4700::1"]);
        let inside = guarded(|_| Box::pin(async { addresses(&["64:ff9b::a00:1", "2002:7f00:1::", "2001::1"]) }));
        assert!(answer(&inside).await.unwrap_err().contains("is not allowed"));
        let none = guarded(|_| Box::pin(async { Err(io::Error::other("no such name")) }));
        assert_eq!(answer(&none).await.unwrap_err(), "the look-up failed");
    }

    /// DNS rebinding: the first look-up of a name gives a permitted address, later look-ups a private one. The client
    /// makes only one look-up.
    #[tokio::test]
    async fn a_name_cannot_change_between_the_check_and_the_connection() {
        let rebinding = guarded(|_| {
            Box::pin(async {
                let first = ASKED.fetch_add(1, Ordering::SeqCst) == 0;
                addresses(if first { &["127.0.0.1"] } else { &["10.0.0.1"] })
            })
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = reqwest::Client::builder().no_proxy().dns_resolver(rebinding).build().unwrap();
        let request = tokio::spawn(client.get(format!("http://name.example:{port}/")).send());
        listener.accept().await.unwrap();
        assert_eq!(ASKED.load(Ordering::SeqCst), 1);
        request.abort();
    }
}
