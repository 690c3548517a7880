//! The loopback interface, which a new network namespace has but not raised.

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use std::io;

/// Raises interface 1 by a netlink request, and waits for the kernel's answer.
pub(super) fn raise_loopback() -> io::Result<()> {
    const NEW_LINK: u16 = 16;
    const REQUEST_AND_ACKNOWLEDGE: u16 = 1 | 4;
    const ERROR: u16 = 2;
    const UP: u32 = 1;
    // No protocol is the one for routes and interfaces.
    let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    let mut request = Vec::with_capacity(32);
    request.extend_from_slice(&32_u32.to_ne_bytes());
    request.extend_from_slice(&NEW_LINK.to_ne_bytes());
    request.extend_from_slice(&REQUEST_AND_ACKNOWLEDGE.to_ne_bytes());
    request.extend_from_slice(&[0; 8]);
    request.extend_from_slice(&[0; 4]);
    request.extend_from_slice(&1_u32.to_ne_bytes());
    request.extend_from_slice(&UP.to_ne_bytes());
    request.extend_from_slice(&UP.to_ne_bytes());
    rustix::net::send(&socket, &request, SendFlags::empty())?;
    let mut answer = [0_u8; 256];
    let (length, _) = rustix::net::recv(&socket, &mut answer[..], RecvFlags::empty())?;
    let kind = u16::from_ne_bytes([answer[4], answer[5]]);
    let errno = i32::from_ne_bytes([answer[16], answer[17], answer[18], answer[19]]);
    match (length >= 20 && kind == ERROR, errno) {
        (true, 0) => Ok(()),
        (true, errno) => Err(io::Error::from_raw_os_error(-errno)),
        (false, _) => Err(io::Error::other("unexpected answer of the kernel")),
    }
}
