//! The messages between the caller and the sandbox's first process: packets on a socket pair.
//!
//! One packet is one message, file descriptors travel beside it. Both ends are the same executable, so there is no
//! version. The reader refuses what does not parse: the far end holds hostile code.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use std::ffi::OsString;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Bytes of the largest packet; below what any kernel takes in one piece.
pub(crate) const MAX_PACKET: usize = 128 * 1024;
/// Bytes of a file that one packet carries.
pub(crate) const CHUNK: usize = 96 * 1024;
/// File descriptors beside one packet at most.
const MAX_DESCRIPTORS: usize = 4;

/// What the caller asks of the sandbox.
pub(crate) mod request {
    pub(crate) const BEGIN: u32 = 1;
    pub(crate) const MAPPED: u32 = 2;
    pub(crate) const PUT: u32 = 3;
    pub(crate) const PUT_MORE: u32 = 4;
    pub(crate) const LINK: u32 = 5;
    pub(crate) const RUN: u32 = 6;
    pub(crate) const STOP: u32 = 7;
}

/// What the sandbox answers.
pub(crate) mod reply {
    pub(crate) const UNSHARED: u32 = 1;
    pub(crate) const READY: u32 = 2;
    pub(crate) const UNSUPPORTED: u32 = 3;
    pub(crate) const NO_MOUNT: u32 = 4;
    pub(crate) const DONE: u32 = 5;
    pub(crate) const FAILED: u32 = 6;
    pub(crate) const STARTED: u32 = 7;
    pub(crate) const ENDED: u32 = 8;
}

/// A message being written.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn new(kind: u32) -> Self {
        Self(kind.to_le_bytes().to_vec())
    }

    pub(crate) fn u32(mut self, value: u32) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(crate) fn u64(mut self, value: u64) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(crate) fn bytes(self, value: &[u8]) -> Self {
        let mut writer = self.u32(value.len() as u32);
        writer.0.extend_from_slice(value);
        writer
    }

    pub(crate) fn path(self, value: &Path) -> Self {
        self.bytes(value.as_os_str().as_bytes())
    }
}

/// A message that was received.
pub(crate) struct Message {
    bytes: Vec<u8>,
    position: usize,
    /// What came beside it, in order.
    pub(crate) descriptors: Vec<OwnedFd>,
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "malformed message")
}

impl Message {
    fn take(&mut self, length: usize) -> io::Result<&[u8]> {
        let end = self.position.checked_add(length).filter(|end| *end <= self.bytes.len()).ok_or_else(malformed)?;
        let taken = &self.bytes[self.position..end];
        self.position = end;
        Ok(taken)
    }

    pub(crate) fn u32(&mut self) -> io::Result<u32> {
        Ok(u32::from_le_bytes(self.take(4)?.try_into().map_err(|_| malformed())?))
    }

    pub(crate) fn u64(&mut self) -> io::Result<u64> {
        Ok(u64::from_le_bytes(self.take(8)?.try_into().map_err(|_| malformed())?))
    }

    pub(crate) fn bytes(&mut self) -> io::Result<Vec<u8>> {
        let length = self.u32()? as usize;
        Ok(self.take(length)?.to_vec())
    }

    pub(crate) fn path(&mut self) -> io::Result<PathBuf> {
        Ok(PathBuf::from(OsString::from_vec(self.bytes()?)))
    }

    pub(crate) fn text(&mut self) -> io::Result<String> {
        Ok(String::from_utf8_lossy(&self.bytes()?).into_owned())
    }

    /// The next descriptor that came beside the message.
    pub(crate) fn descriptor(&mut self) -> io::Result<OwnedFd> {
        if self.descriptors.is_empty() { Err(malformed()) } else { Ok(self.descriptors.remove(0)) }
    }
}

/// One end of the socket pair.
#[derive(Debug)]
pub(crate) struct Channel {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

impl Channel {
    pub(crate) fn new(socket: OwnedFd) -> Self {
        Self { socket, buffer: vec![0; MAX_PACKET] }
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    pub(crate) fn send(&self, message: &Writer, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        if message.0.len() > MAX_PACKET {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        // A broken connection is an error, not a signal that ends the caller.
        let send = || sendmsg(&self.socket, &[IoSlice::new(&message.0)], &mut ancillary, SendFlags::NOSIGNAL);
        rustix::io::retry_on_intr(send)?;
        Ok(())
    }

    /// The next message and its kind; nothing when the far end is gone.
    pub(crate) fn receive(&mut self) -> io::Result<Option<(u32, Message)>> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let received = loop {
            let mut slices = [IoSliceMut::new(&mut self.buffer)];
            match recvmsg(&self.socket, &mut slices, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::CONNRESET) => return Ok(None),
                other => break other?,
            }
        };
        let mut descriptors = Vec::new();
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                descriptors.extend(rights);
            }
        }
        if received.bytes == 0 {
            return Ok(None);
        }
        if received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
            return Err(malformed());
        }
        let mut message = Message { bytes: self.buffer[..received.bytes].to_vec(), position: 0, descriptors };
        let kind = message.u32()?;
        Ok(Some((kind, message)))
    }

    /// Like [`Channel::receive`], but does not wait longer than this.
    pub(crate) fn receive_within(&mut self, time: Duration) -> io::Result<Option<(u32, Message)>> {
        let mut descriptors = [PollFd::new(&self.socket, PollFlags::IN)];
        if wait_for(&mut descriptors, time)? == 0 {
            return Err(io::Error::from(io::ErrorKind::TimedOut));
        }
        self.receive()
    }
}

/// Waits until one of the descriptors is ready, but not longer than this; a signal does not end the wait early.
pub(crate) fn wait_for(descriptors: &mut [PollFd<'_>], time: Duration) -> io::Result<usize> {
    let time = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: i64::from(time.subsec_nanos()) };
    Ok(rustix::io::retry_on_intr(|| poll(descriptors, Some(&time)))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    fn pair() -> (Channel, Channel) {
        let (left, right) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        (Channel::new(left), Channel::new(right))
    }

    #[test]
    fn a_message_arrives_as_it_was_sent() {
        let (left, mut right) = pair();
        let message = Writer::new(7).u32(1).u64(u64::MAX).bytes(b"text").path(Path::new("/build"));
        left.send(&message, &[io::stdin().as_fd()]).unwrap();
        let (kind, mut message) = right.receive().unwrap().unwrap();
        assert_eq!((kind, message.u32().unwrap(), message.u64().unwrap()), (7, 1, u64::MAX));
        assert_eq!((message.text().unwrap().as_str(), message.path().unwrap()), ("text", PathBuf::from("/build")));
        assert!(message.descriptor().is_ok());
        assert!(message.descriptor().is_err());
        drop(left);
        assert!(right.receive().unwrap().is_none());
    }

    #[test]
    fn what_does_not_parse_is_refused() {
        let (left, mut right) = pair();
        left.send(&Writer::new(1).u32(u32::MAX), &[]).unwrap();
        let (_, mut message) = right.receive().unwrap().unwrap();
        assert_eq!(message.bytes().unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(left.send(&Writer::new(1).bytes(&vec![0; MAX_PACKET]), &[]).is_err());
    }
}
