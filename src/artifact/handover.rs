//! Two threads for one archive: one decompresses and parses, the other hashes and looks things up.
//!
//! Members travel in batches, because a wake-up for each small file would cost more than its hash; emptied
//! batches travel back, because fresh memory costs more than the copy.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::artifact::collect::Collector;
use crate::artifact::members::{Member, Sink, read_content};

/// A batch is sent from this size on, bytes. A file that comes in one piece is never split.
const BATCH_SIZE: usize = 128 << 10;
/// Members of a batch, whatever their sizes.
const BATCH_MEMBERS: usize = 512;
/// Batches that wait.
const BATCHES: usize = 4;

/// Members, and their contents behind each other.
#[derive(Default)]
struct Batch {
    /// Keeps its length when it is used again, so that no byte is cleared twice.
    bytes: Vec<u8>,
    used: usize,
    events: Vec<Event>,
}

enum Event {
    Member(Member),
    Content { end: usize, last: bool },
}

/// The parsing thread's end.
pub(super) struct Sender {
    batch: Batch,
    batches: SyncSender<Batch>,
    emptied: Receiver<Batch>,
}

/// The hashing thread's end.
pub(super) struct Batches {
    batches: Receiver<Batch>,
    emptied: SyncSender<Batch>,
}

/// Connects two threads.
pub(super) fn handover() -> (Sender, Batches) {
    let (full_sender, full_receiver) = sync_channel(BATCHES);
    let (empty_sender, empty_receiver) = sync_channel(BATCHES);
    let sender = Sender { batch: Batch::default(), batches: full_sender, emptied: empty_receiver };
    (sender, Batches { batches: full_receiver, emptied: empty_sender })
}

impl Sender {
    fn flush(&mut self) -> io::Result<()> {
        let next = self.emptied.try_recv().unwrap_or_default();
        let full = std::mem::replace(&mut self.batch, next);
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "nobody reads any more");
        self.batches.send(full).map_err(gone)
    }

    /// Sends what is left.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.flush()
    }
}

impl Sink for Sender {
    fn member(&mut self, member: Member) -> io::Result<()> {
        self.batch.events.push(Event::Member(member));
        if self.batch.events.len() >= BATCH_MEMBERS { self.flush() } else { Ok(()) }
    }

    fn content(&mut self, source: &mut dyn Read, length: usize, last: bool) -> io::Result<()> {
        let batch = &mut self.batch;
        let end = batch.used + length;
        if batch.bytes.len() < end {
            batch.bytes.resize(end.max(BATCH_SIZE), 0);
        }
        read_content(source, &mut batch.bytes[batch.used..end])?;
        batch.used = end;
        batch.events.push(Event::Content { end, last });
        if end >= BATCH_SIZE || batch.events.len() >= BATCH_MEMBERS { self.flush() } else { Ok(()) }
    }
}

impl Batches {
    /// Hands everything on until the other thread is done.
    pub(super) fn replay(self, collector: &mut Collector<'_>) {
        for mut batch in self.batches {
            let mut start = 0;
            for event in batch.events.drain(..) {
                match event {
                    Event::Member(member) => collector.member(member),
                    Event::Content { end, last } => {
                        collector.content(&batch.bytes[start..end], last);
                        start = end;
                    }
                }
            }
            batch.used = 0;
            // A batch too many is simply dropped.
            let _ = self.emptied.try_send(batch);
        }
    }
}
